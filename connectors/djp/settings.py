"""What the agreement with DJP gives us: an address and an account that is bound to our IP address."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings


class DjpSettings(ConnectorSettings):
    """Settings of the DJP connector: `SIMPUL_DJP_…`.

    `base_url` ends where the calls begin: `https://HOST/djp`.
    """

    model_config = SettingsConfigDict(env_prefix="SIMPUL_DJP_")

    user: str = Field(min_length=1, description="User name of the agreement.")
    password: SecretStr = Field(description="Password of the agreement; it works from our registered address only.")
    token_in_query: bool = Field(
        default=False,
        description="Send user and password in the token call's URL, where an office reads no JSON there.",
    )
    token_seconds: float | None = Field(
        default=None, gt=0, description="Seconds a token lives, where DJP told us; otherwise until it is refused."
    )
