"""What OSS gives us: an address, a key, and the login with which it proves its own calls."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings
from connectors.toolkit.documents import Limits


class OssSettings(ConnectorSettings):
    """Settings of the OSS connector: `SIMPUL_OSS_…`. `base_url` is `https://HOST/v1/kl/rba`."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_OSS_")

    user_key: SecretStr = Field(description="Our key, sent in the header user_key.")
    agency_code: str = Field(min_length=1, description="kd_instansi: our institution's code at OSS.")
    callback_user: str = Field(min_length=1, description="User name that OSS puts into the token of its calls.")
    callback_password: SecretStr = Field(description="Password that OSS puts into the token of its calls.")
    document_ca_file: Path | None = Field(
        default=None, description="PEM file of the only CA to trust for documents; the system's CAs when not set."
    )

    @property
    def document_limits(self) -> Limits:
        """What fetching a document may cost, and where it may go."""
        return Limits(
            max_bytes=self.max_response_bytes,
            seconds=self.call_deadline,
            ca_file=self.document_ca_file,
        )
