"""What a caller asks of BPJS Kesehatan, in our own words. The agency's words are in `wire.py`."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.civil import Address
from schemas.health import HEALTH
from schemas.identifiers import NIK, NKK
from schemas.privacy import personal


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class MembershipQuery(Request):
    """One resident's membership on one day."""

    nik: Annotated[NIK, personal("general")] = Field(description="The resident's NIK")
    on: date | None = Field(default=None, description="The day asked about; today in Jakarta when left out")


class NewbornEnrolment(Request):
    """A child to be enrolled in the membership of its family. Within 28 days of birth: Perpres 82/2018."""

    nik: Annotated[NIK, personal("specific")] = Field(description="The child's own NIK, from its birth deed")
    name: Annotated[str, personal("specific")] = Field(min_length=1, max_length=100)
    birth_date: Annotated[date, personal("specific")]
    sex: Annotated[Literal["male", "female"], personal("specific")]
    nkk: Annotated[NKK, personal("general")] = Field(description="The family card that the child is on")


class MembershipChange(Request):
    """New data of a member; what is left out stays as it is."""

    nik: Annotated[NIK, personal("general")] = Field(description="The member's NIK")
    care_class: Annotated[Literal["1", "2", "3"], HEALTH] | None = Field(default=None, description="Class of care")
    facility: Annotated[str, HEALTH] | None = Field(
        default=None, pattern=r"^[0-9A-Z]{8}$", description="Code of the primary care facility (kdProvider)"
    )
    address: Address | None = None
    phone: Annotated[str, personal("general", kind="contact")] | None = Field(
        default=None, pattern=r"^[0-9+]{8,16}$", description="Digits, with or without a plus sign before them"
    )
    nkk: Annotated[NKK, personal("general")] | None = Field(
        default=None, description="The family card that the member is on now"
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(value is None for name, value in self if name != "nik"):
            raise ValueError("name at least one thing that changes")
        return self


class MembershipStop(Request):
    """A membership that ends."""

    nik: Annotated[NIK, personal("general")] = Field(description="The member's NIK")
    reason: Annotated[Literal["death", "leaving"], HEALTH] = Field(
        description="A death that the civil registry knows of, or leaving the country for good"
    )
    on: Annotated[date, HEALTH] = Field(description="The day of death, or of leaving")
    deed_number: Annotated[str, personal("general")] | None = Field(
        default=None, min_length=1, max_length=50, description="Number of the death deed, where there is one"
    )


class QueueQuery(Request):
    """One place in a facility's queue."""

    booking_code: str = Field(pattern=r"^[0-9A-Za-z-]{4,20}$", description="Kode booking, from the booking's receipt")
