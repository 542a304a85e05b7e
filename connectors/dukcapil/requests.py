"""What a caller asks of Dukcapil, in our own words. The agency's words are in `wire.py`."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Filled
from schemas.civil import Address, Family
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
    address: Address | None = Field(
        default=None,
        description="Where the household moved to within its regency; to another regency it needs a letter",
    )


class ChildCardRequest(Request):
    """A child's identity card (KIA) for a registered child."""

    nik: Annotated[NIK, OfChild]


class DeathRegistration(Request):
    """A death to be registered. Report within 30 days: UU 24/2013 art. 44."""

    nik: NIK
    died_on: Annotated[date, personal("general")]
    place: Identity
    letter_number: Annotated[Filled, personal("general")] | None = Field(
        default=None, description="Of the death letter that a hospital or village head gave"
    )
    reporter_nik: NIK | None = None


class MarriageRegistration(Request):
    """A marriage to be registered. With a book number of the KUA the civil status of both is changed and no deed is made."""

    husband_nik: NIK
    wife_nik: NIK
    married_on: Annotated[date, personal("general")]
    place: Identity | None = None
    book_number: Annotated[Filled, personal("general")] | None = Field(
        default=None, description="Of the KUA's marriage book; left out for a marriage that was not held at a KUA"
    )


class MoveOut(Request):
    """A household that moves to another regency, everyone on the card."""

    nkk: NKK
    address: Address = Field(description="Where to, with region codes down to the village")
    reason: Filled | None = None


class MoveIn(Request):
    """A household that arrives with the letter of the regency it comes from."""

    letter_number: Annotated[Filled, personal("general")] = Field(description="Of the SKPWNI")
    address: Address = Field(description="Where they live now, with region codes down to the village")


class IdentityCardRequest(Request):
    """An identity card (KTP-el) for a resident of 17 years or more, or who is or was married."""

    nik: NIK
    reason: Filled | None = Field(default=None, description="Such as first card, lost, changed civil status")


class UseReport(Request):
    """What a resident's data were used for, reported back to Dukcapil."""

    nik: NIK
    customer_id: Annotated[Filled, personal("general")] | None = Field(
        default=None,
        description="How we know this resident, such as an application number; our reference when left out",
    )
