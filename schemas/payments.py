"""Bills for state fees and what became of them."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, WithJsonSchema

from schemas.base import Filled, Record
from schemas.identifiers import BillingCode
from schemas.privacy import personal

FINANCIAL = personal("specific", kind="financial")


def _without_exponent(amount: Decimal) -> Decimal:
    # Decimal("65E4") is a whole number of rupiah, but would be written back with its exponent.
    return Decimal(f"{amount:f}")


Amount = Annotated[
    Decimal,
    Field(ge=0, max_digits=18, decimal_places=2),
    AfterValidator(_without_exponent),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,16}([.][0-9]{1,2})?$", "examples": ["650000"]}),
    FINANCIAL,
]
"""Money as a decimal string on the wire: a JSON number would pass through floating point somewhere."""

Moment = Annotated[AwareDatetime, FINANCIAL]


class Bill(Record):
    """A bill that can be paid until it expires. Unpaid, it lapses without a trace."""

    schema_name: ClassVar[str] = "bill"

    billing_code: BillingCode
    amount: Amount
    currency: Literal["IDR"] = "IDR"
    description: Annotated[Filled, FINANCIAL] | None = None
    issued_at: Moment | None = None
    expires_at: Moment
    reference: Filled | None = Field(None, description="Our reference that the bill was asked for with")
    agency_transaction_id: Annotated[Filled, FINANCIAL] | None = None


class Payment(Record):
    """How a bill stands. NTPN proves that the state received the money; NTB is the bank's number of the same payment."""

    schema_name: ClassVar[str] = "payment"

    billing_code: BillingCode
    status: Annotated[Literal["paid", "unpaid", "expired"], FINANCIAL]
    amount: Amount | None = None
    ntb: Annotated[Filled, FINANCIAL] | None = None
    ntpn: Annotated[Filled, FINANCIAL] | None = None
    paid_at: Moment | None = None
    booked_on: Annotated[date, FINANCIAL] | None = None
    bank: Annotated[Filled, FINANCIAL] | None = None
    channel: Annotated[Filled, FINANCIAL] | None = Field(None, description="Where it was paid, in the agency's code")


VirtualAccountNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{6,28}$"), FINANCIAL]
"""Digits only: the spaces that banks pad the partner's part with belong to the wire."""


class VirtualAccount(Record):
    """An account number made for one bill, into which anybody can pay it until it expires."""

    schema_name: ClassVar[str] = "virtual-account"

    number: VirtualAccountNumber
    name: Annotated[Filled, personal("general")] | None = None
    amount: Amount
    currency: Literal["IDR"] = "IDR"
    expires_at: Moment | None = None
    reference: Filled | None = Field(None, description="Our reference that the account was asked for with")


class VirtualAccountPayment(Record):
    """How a virtual account stands."""

    schema_name: ClassVar[str] = "virtual-account-payment"

    number: VirtualAccountNumber
    status: Annotated[Literal["paid", "unpaid", "expired"], FINANCIAL]
    amount: Amount | None = None
    paid_at: Moment | None = None
    bank_reference: Annotated[Filled, FINANCIAL] | None = Field(None, description="The bank's number of the payment")
    payment_request_id: Annotated[Filled, FINANCIAL] | None = None


RECORDS: tuple[type[Record], ...] = (Bill, Payment, VirtualAccount, VirtualAccountPayment)
