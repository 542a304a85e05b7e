"""What the connector to BPJS Ketenagakerjaan needs to be told. Values come from `SIMPUL_BPJS_KETENAGAKERJAAN_…`."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit.settings import ConnectorSettings


class BpjsKetenagakerjaanSettings(ConnectorSettings):
    """The account of one office. `base_url` is the service's whole address."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_BPJS_KETENAGAKERJAAN_")

    user_id: str = Field(min_length=1, description="UserId, from the agreement with BPJS Ketenagakerjaan.")
    password: SecretStr = Field(description="Password of that user.")
    branch_code: str = Field(min_length=1, description="KodeKantor: the branch office that serves the district.")
