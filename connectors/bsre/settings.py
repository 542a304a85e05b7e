"""What the Esign Client on our premises needs: an address, a login, and who may sign."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, field_validator
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings
from schemas.identifiers import NIK


class Signer(BaseModel):
    """Somebody, or an office's seal, that signs."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    nik: NIK
    passphrase: SecretStr


_SIGNERS: TypeAdapter[dict[str, Signer]] = TypeAdapter(dict[str, Signer])


class BsreSettings(ConnectorSettings):
    """Settings of the BSrE connector: `SIMPUL_BSRE_…`."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_BSRE_")

    user: str = Field(min_length=1, description="HTTP Basic user of the Esign Client.")
    password: SecretStr = Field(description="HTTP Basic password of the Esign Client.")
    signers: SecretStr = Field(
        description='Who signs, as JSON by name: {"head-of-dukcapil": {"nik": "…", "passphrase": "…"}}. Keep it in a file.'
    )

    @field_validator("signers")
    @classmethod
    def _signers_that_are(cls, value: SecretStr) -> SecretStr:
        try:
            _SIGNERS.validate_python(_read(value))
        except ValueError:
            raise ValueError("must be JSON: names, each with a nik and a passphrase") from None
        return value

    def signer(self, name: str) -> Signer | None:
        """Who signs under a name, or None."""
        return _SIGNERS.validate_python(_read(self.signers)).get(name)


def _read(value: SecretStr) -> Any:
    return json.loads(value.get_secret_value())
