"""What the district's office gives us: an address and a token."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings


class DpmptspSettings(ConnectorSettings):
    """Settings of the DPMPTSP connector: `SIMPUL_DPMPTSP_…`."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_DPMPTSP_")

    token: SecretStr = Field(description="Bearer token, from the office.")
