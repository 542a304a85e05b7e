"""What a caller asks of a bank, in our own words. The bank's words are in `wire.py`."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.payments import VirtualAccountNumber
from schemas.privacy import personal


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class VirtualAccountRequest(Request):
    """An account number into which exactly one bill can be paid, at any bank, until it expires."""

    name: Annotated[str, personal("general")] = Field(min_length=1, max_length=255, description="Who pays")
    amount: Decimal = Field(gt=0, max_digits=16, decimal_places=2, description="Rupiah")
    description: str = Field(min_length=1, max_length=18, description="What for, as the payer sees it")
    expires_in_minutes: int = Field(default=24 * 60, ge=5, le=60 * 24 * 60, description="Unpaid, it lapses after this")


class VirtualAccountQuery(Request):
    """One virtual account."""

    number: VirtualAccountNumber
