"""Connections to electricity and water."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.base import Filled, Record
from schemas.payments import FINANCIAL, Amount
from schemas.privacy import personal

UtilityKind = Literal["electricity", "water"]

CustomerNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$"), personal("general")]
"""Nomor pelanggan (idpel), as it stands on the bill and the meter."""


class UtilityAccount(Record):
    """A connection, or the application for one."""

    schema_name: ClassVar[str] = "utility-account"

    kind: UtilityKind
    customer_number: CustomerNumber | None = Field(None, description="None while the connection is applied for")
    holder_name: Annotated[Filled, personal("general")] | None = None
    street: Annotated[Filled, personal("general", kind="contact")] | None = None
    tariff: Annotated[Filled, FINANCIAL] | None = Field(None, description="Tariff and power or pipe")
    arrears: Amount | None = Field(None, description="Unpaid, in rupiah; zero where all is paid")
    unpaid_bills: Annotated[int, FINANCIAL] | None = None
    fee: Amount | None = Field(None, description="What the application costs, in rupiah")
    application_number: Annotated[Filled, personal("general")] | None = Field(None, description="The utility's own")
    status: Filled | None = Field(None, description="In the utility's words")
    reference: Filled | None = Field(None, description="Our reference that the application was sent with")


RECORDS: tuple[type[Record], ...] = (UtilityAccount,)
