"""What BKN gives us: an application at its gateway, an account at its single sign-on, two addresses."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings


class BknSettings(ConnectorSettings):
    """Settings of the BKN connector: `SIMPUL_BKN_…`.

    `base_url` is the gateway's: https://HOST:PORT, without `/apisiasn`.
    """

    model_config = SettingsConfigDict(env_prefix="SIMPUL_BKN_")

    client_id: str = Field(min_length=1, description="Consumer key of our application at BKN's gateway.")
    client_secret: SecretStr = Field(description="Consumer secret of our application at BKN's gateway.")
    sso_url: str | None = Field(
        default=None, description="Address of BKN's single sign-on, without `/auth`; `base_url` when not set."
    )
    sso_client_id: str = Field(min_length=1, description="Client id at the single sign-on.")
    username: str = Field(
        min_length=1, description="User of the single sign-on, usually the NIP of who is responsible."
    )
    password: SecretStr = Field(description="Password of the single sign-on.")

    @field_validator("sso_url")
    @classmethod
    def _a_safe_address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        loopback = parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and loopback)):
            raise ValueError("must start with https:// and name a host: a password is sent there")
        return value.rstrip("/")
