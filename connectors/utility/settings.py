"""What the connector to a utility needs to be told. Values come from `SIMPUL_UTILITY_…`."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit.settings import ConnectorSettings


class UtilitySettings(ConnectorSettings):
    """Access to the utilities' common interface."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_UTILITY_")

    api_key: SecretStr = Field(description="Key of our office, header X-Api-Key.")
    partner: str = Field(min_length=1, description="Code of our office (kode_mitra), from the agreement.")
