"""What a caller asks of a utility, in our own words. The utility's words are in `wire.py`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.civil import Address
from schemas.identifiers import NIK
from schemas.privacy import personal
from schemas.utility import CustomerNumber, UtilityKind


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ArrearsQuery(Request):
    """One customer's unpaid bills."""

    customer_number: CustomerNumber = Field(description="From the bill or the meter")


class ConnectionRequest(Request):
    """A new connection for a house."""

    kind: UtilityKind
    nik: Annotated[NIK, personal("general")] = Field(description="The future holder's NIK")
    name: Annotated[str, personal("general")] = Field(min_length=1, max_length=100)
    address: Address = Field(description="Where the connection is wanted")
    tariff: str = Field(min_length=1, max_length=30, description="Tariff and power or pipe, such as R1/900 VA")
    phone: Annotated[str, personal("general", kind="contact")] | None = Field(
        default=None, pattern=r"^[0-9+]{8,16}$", description="Whom the fitters call"
    )


class ConnectionCancellation(Request):
    """An application for a connection that is not to go on."""

    application_number: Annotated[str, personal("general")] = Field(
        min_length=1, max_length=30, description="The utility's own (no_agenda)"
    )


class TransferRequest(Request):
    """A connection that gets another holder."""

    customer_number: CustomerNumber
    nik: Annotated[NIK, personal("general")] = Field(description="The new holder's NIK")
    name: Annotated[str, personal("general")] = Field(min_length=1, max_length=100, description="The new holder's name")
    ground: Literal["sale", "inheritance", "grant"] = Field(description="How the house came to the new holder")
    deed_number: Annotated[str, personal("general")] | None = Field(default=None, min_length=1, max_length=50)
