"""What a caller asks of SIMPONI, in our own words. The agency's words are in `wire.py` and in the WSDL."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.identifiers import NIK, BillingCode
from schemas.privacy import personal


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class BillRequest(Request):
    """A bill for a state fee (PNBP) that a citizen will pay at a bank."""

    payer_name: Annotated[str, personal("general")] = Field(min_length=1, max_length=100)
    nik: Annotated[NIK, personal("general")] | None = Field(
        default=None, description="The payer's NIK; kept for the record, the SOAP service has no field for it"
    )
    tariff_code: str = Field(
        pattern=r"^[0-9A-Za-z]{1,12}$", description="KodeTarifSimponi, as agreed with the ministry"
    )
    amount: Decimal = Field(gt=0, le=Decimal(10) ** 12, description="Whole rupiah")
    description: str = Field(min_length=1, max_length=100)
    expires_in_minutes: int = Field(default=120, ge=5, le=7 * 24 * 60, description="An unpaid bill lapses after this")

    @field_validator("amount")
    @classmethod
    def _whole_rupiah(cls, amount: Decimal) -> Decimal:
        if amount != amount.to_integral_value():
            raise ValueError("a state fee is a whole number of rupiah")
        return amount


class BillQuery(Request):
    """Asks whether a bill has been paid."""

    billing_code: BillingCode
