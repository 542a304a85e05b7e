"""What the agreement with Dukcapil gives us: an address, a login, a threshold."""

from typing import Literal

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
    verify_method: Literal["CALL_VERIFY_BY_ELEMEN", "koneksitas_verifby_elemen"] = Field(
        default="CALL_VERIFY_BY_ELEMEN",
        description="How this office calls its comparison; the second name is the old one.",
    )
    report_path: str = Field(
        default="DATA_BALIKAN", pattern=r"^[A-Za-z0-9_./-]+$", description="Where use is reported to, below `base_url`."
    )
    report_token: SecretStr | None = Field(default=None, description="Bearer token for reporting use.")
    institution_id: str | None = Field(default=None, description="Our `id_lembaga`, for reporting use.")
    institution_name: str | None = Field(default=None, description="Our `nama_lembaga`, for reporting use.")
    feed_page: int = Field(default=100, ge=1, le=1000, description="Changes of residents that one pull asks for.")
