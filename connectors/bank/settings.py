"""What the connector to a bank needs to be told. Values come from `SIMPUL_BANK_…`."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from connectors.bank import signing
from connectors.toolkit.settings import ConnectorSettings


class BankSettings(ConnectorSettings):
    """Our account as a partner of one bank. `base_url` is what stands before `/v1.0/…`."""

    model_config = SettingsConfigDict(env_prefix="SIMPUL_BANK_")

    client_id: str = Field(min_length=1, description="Client id (X-CLIENT-KEY) that the bank gave us.")
    client_secret: SecretStr = Field(description="Client secret: the key of the symmetric signature.")
    private_key: SecretStr = Field(
        description="Our RSA private key as PEM, not encrypted; best as a file named by SIMPUL_BANK_PRIVATE_KEY_FILE."
    )
    partner_id: str = Field(min_length=1, max_length=36, description="X-PARTNER-ID.")
    channel_id: str = Field(min_length=1, max_length=5, description="CHANNEL-ID.")
    partner_service_id: str = Field(
        pattern=r"^[0-9]{1,8}$", description="partnerServiceId: what our virtual accounts begin with, without spaces."
    )
    customer_digits: int = Field(
        default=13, ge=8, le=20, description="Digits of the customerNo that we make; banks allow up to 20, many fewer."
    )
    bank_public_key: str = Field(
        description="The bank's RSA public key as PEM, with which its calls are verified; best as a file named by "
        "SIMPUL_BANK_BANK_PUBLIC_KEY_FILE."
    )
    signed_prefix: str | None = Field(
        default=None,
        description="What stands before /v1.0/… in the path that the bank signs, where that is not the path of `base_url`, as "
        "behind a gateway.",
    )
    callback_path: str | None = Field(
        default=None,
        description="Path of our payment callback as the bank has registered it, where a proxy in front of us changes it.",
    )
    cases: dict[str, str] = Field(
        default={},
        description="HTTP status and case of this bank's own responseCodes to the standard's, as JSON: "
        '{"40415": "40419"} where it says so when a bill has expired.',
    )

    @field_validator("private_key")
    @classmethod
    def _a_private_key(cls, value: SecretStr) -> SecretStr:
        signing.private_key(value.get_secret_value())
        return value

    @field_validator("bank_public_key")
    @classmethod
    def _a_public_key(cls, value: str) -> str:
        signing.public_key(value)
        return value
