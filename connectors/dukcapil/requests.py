"""What a caller asks of Dukcapil, in our own words. The agency's words are in `wire.py`."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Filled
from schemas.civil import Family
from schemas.identifiers import NIK, NKK, Sex
from schemas.privacy import personal

Identity = Annotated[Filled, personal("general")]
OfChild = personal("specific", kind="child")


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PersonQuery(Request):
    """One resident."""

    nik: NIK = Field(description="The resident's NIK")


class FamilyQuery(Request):
    """Everyone on one family card."""

    nkk: NKK = Field(description="The number of the family card")


class PersonVerification(Request):
    """Claimed data, to be compared with the registry's; at least one element beside the NIK."""

    nik: NIK
    name: Identity
    birth_date: Annotated[date, personal("general")]
    birth_place: Identity | None = None
    sex: Annotated[Sex, personal("general")] | None = None
    mother_name: Identity | None = None
    street: Annotated[Filled, personal("general", kind="contact")] | None = None


class NewbornChild(Request):
    """A child as the birth letter describes it."""

    name: Annotated[Filled, OfChild]
    sex: Annotated[Sex, OfChild]
    birth_date: Annotated[date, OfChild]
    birth_place: Annotated[Filled, OfChild]
    birth_weight_grams: Annotated[int, Field(ge=300, le=8000), OfChild] | None = None
    order: Annotated[int, Field(ge=1, le=20), OfChild] | None = Field(
        default=None, description="First, second, … child of its mother"
    )


class BirthRegistration(Request):
    """A birth to be registered on its parents' family card. Report within 60 days: Perpres 96/2018, UU 24/2013 art. 27."""

    child: NewbornChild
    family: Family = Field(description="The family whose card the child is put on")


class FamilyCardRequest(Request):
    """A new print of a family card, after somebody was put on it or taken off."""

    nkk: NKK
    reason: Filled | None = None


class ChildCardRequest(Request):
    """A child's identity card (KIA) for a registered child."""

    nik: Annotated[NIK, OfChild]
