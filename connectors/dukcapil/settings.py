"""What the agreement with Dukcapil gives us: an address, a login, a threshold."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings


class DukcapilSettings(ConnectorSettings):
    """Settings of the Dukcapil connector: `SIMPUL_DUKCAPIL_…`.

    `base_url` includes the consumer: `https://HOST/dukcapil/get_json/99-74/IDINSOS_9974`.
    """

    model_config = SettingsConfigDict(env_prefix="SIMPUL_DUKCAPIL_")

    user_id: str = Field(min_length=1, description="User id of the agreement.")
    password: SecretStr = Field(description="Password of the agreement.")
    ip_user: str = Field(description="The address we call from, as registered with Dukcapil.")
    basic_user: str | None = Field(default=None, description="HTTP Basic user, where the office asks for that as well.")
    basic_password: SecretStr | None = Field(default=None, description="HTTP Basic password.")
    verify_threshold: int = Field(
        default=90, ge=80, le=100, description="Likeness in per cent from which a name or address counts as a match."
    )
