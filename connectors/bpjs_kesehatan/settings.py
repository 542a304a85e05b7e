"""What the connector to BPJS Kesehatan needs to be told. Values come from `SIMPUL_BPJS_KESEHATAN_…`."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from connectors.toolkit.settings import ConnectorSettings


class BpjsKesehatanSettings(ConnectorSettings):
    """Credentials of one VClaim agreement. `base_url` ends in `/vclaim-rest`."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_BPJS_KESEHATAN_")

    cons_id: str = Field(min_length=1, description="Consumer id (X-cons-id), from the agreement with BPJS Kesehatan.")
    secret: SecretStr = Field(description="Consumer secret: signs requests and decrypts answers. Never sent.")
    user_key: SecretStr = Field(description="user_key of the VClaim service; each service has its own.")
    antrean_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#@]+(/[^?#]*)?$",
        description="Address of the Antrean service, ending in `/antreanrs`; without it there is no `get_queue`.",
    )
    antrean_user_key: SecretStr | None = Field(default=None, description="user_key of the Antrean service.")
    user: str = Field(default="simpul", min_length=1, description="Name that writes carry as the user who made them.")
    max_decompressed_characters: int = Field(
        default=2 * 1024 * 1024, gt=0, description="Length in characters above which an unpacked answer is refused."
    )

    @model_validator(mode="after")
    def _antrean_in_whole(self) -> Self:
        if (self.antrean_url is None) != (self.antrean_user_key is None):
            raise ValueError("antrean_url and antrean_user_key go together: set both, or neither")
        if self.antrean_url is not None and not self.plain_http:
            antrean, vclaim = urlsplit(self.antrean_url), urlsplit(self.base_url)
            if antrean.scheme == "http" and (vclaim.scheme, vclaim.hostname) != (antrean.scheme, antrean.hostname):
                raise ValueError("antrean_url is http:// to another machine; use https:// or set plain_http")
        return self
