"""What the connector to BPJS Kesehatan needs to be told. Values come from `SIMPUL_BPJS_KESEHATAN_…`."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit.settings import ConnectorSettings


class BpjsKesehatanSettings(ConnectorSettings):
    """Credentials of one VClaim agreement. `base_url` ends in `/vclaim-rest`."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_BPJS_KESEHATAN_")

    cons_id: str = Field(min_length=1, description="Consumer id (X-cons-id), from the agreement with BPJS Kesehatan.")
    secret: SecretStr = Field(description="Consumer secret: signs requests and decrypts answers. Never sent.")
    user_key: SecretStr = Field(description="user_key of the VClaim service; each service has its own.")
    user: str = Field(default="simpul", min_length=1, description="Name that writes carry as the user who made them.")
    max_decompressed_characters: int = Field(
        default=2 * 1024 * 1024, gt=0, description="Length in characters above which an unpacked answer is refused."
    )
