"""What the agreement with the Ministry of Religious Affairs gives us: an address and a key."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings


class SimkahSettings(ConnectorSettings):
    """Settings of the SIMKAH connector: `SIMPUL_SIMKAH_…`."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_SIMKAH_")

    api_key: SecretStr = Field(description="Our key, sent as a Bearer token.")
