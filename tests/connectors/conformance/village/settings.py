"""What the connector to the village needs to be told. Values come from `SIMPUL_VILLAGE_…`."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit.settings import ConnectorSettings


class VillageSettings(ConnectorSettings):
    """Account at one village office."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_VILLAGE_")

    user: str = Field(description="Our name, from the office.")
    token: SecretStr = Field(description="Bearer token, from the office.")
