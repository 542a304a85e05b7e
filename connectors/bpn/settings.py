"""What the agreement with BPN gives us: an address, an account for both of its services, and when the deeds begin."""

from datetime import date

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings


class BpnSettings(ConnectorSettings):
    """Settings of the BPN connector: `SIMPUL_BPN_…`.

    `base_url` ends before `Api`: `https://HOST/BPNApiService`.
    """

    model_config = SettingsConfigDict(env_prefix="SIMPUL_BPN_")

    username: str = Field(min_length=1, description="USERNAME of our account.")
    password: SecretStr = Field(description="PASSWORD of that account.")
    soap_path: str = Field(
        default="Service/PeralihanHak",
        pattern=r"^[A-Za-z0-9._/-]+$",
        description="Of the SOAP service, below base_url.",
    )
    deeds_since: date | None = Field(
        default=None, description="Day from which deeds are pulled the first time; today when not set."
    )
