"""What the connector to SATUSEHAT needs to be told. Values come from `SIMPUL_SATUSEHAT_…`."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit.settings import ConnectorSettings


class SatusehatSettings(ConnectorSettings):
    """Credentials of one facility or office. `base_url` is the host alone, without `/fhir-r4/v1`."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_SATUSEHAT_")

    client_id: SecretStr = Field(description="Client id, from the SATUSEHAT platform.")
    client_secret: SecretStr = Field(description="Client secret, from the SATUSEHAT platform.")
