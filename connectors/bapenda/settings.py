"""What the connector to a local tax office needs to be told: its account, its by-law's numbers, and who calls us."""

from decimal import Decimal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.toolkit import ConnectorSettings


class BapendaSettings(ConnectorSettings):
    """Settings of the Bapenda connector: `SIMPUL_BAPENDA_…`.

    `base_url` ends where the services begin: `https://HOST/api/pajak`.
    """

    model_config = SettingsConfigDict(env_prefix="SIMPUL_BAPENDA_")

    username: str = Field(min_length=1, description="USERNAME of our account at the local tax system.")
    password: SecretStr = Field(description="PASSWORD of that account.")
    transfer_tax_rate: Decimal = Field(
        default=Decimal("0.05"), ge=0, le=Decimal("0.05"), description="BPHTB rate of the local by-law; 5 % at most."
    )
    transfer_tax_threshold: Decimal = Field(
        default=Decimal(80_000_000), ge=0, description="NPOPTKP of the local by-law, in rupiah."
    )
    inheritance_threshold: Decimal = Field(
        default=Decimal(300_000_000),
        ge=0,
        description="NPOPTKP for inheritance and bequest within the family, in rupiah.",
    )
    callback_username: str | None = Field(
        default=None, min_length=1, description="USERNAME that BPN calls our services with; nobody may call without it."
    )
    callback_password: SecretStr | None = Field(
        default=None, description="PASSWORD that BPN calls our services with; nobody may call without it."
    )
