"""What a caller asks of a KUA, in our own words. The agency's words are in `wire.py`."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from schemas.base import Filled
from schemas.identifiers import NIK
from schemas.privacy import personal

Identity = Annotated[Filled, personal("general")]
Form = Literal["N1", "N2", "N3", "N4", "N5"]


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class IntentRegistration(Request):
    """An intended marriage (PMA 20/2019): ten working days ahead or with a dispensation, both 19 years old or more."""

    husband_nik: NIK
    wife_nik: NIK
    ceremony_at: Annotated[AwareDatetime, personal("general")]
    office: Identity = Field(description="The KUA of the subdistrict that holds the ceremony")
    venue: Annotated[Literal["office", "outside"], personal("general")] = "office"
    address: Annotated[Filled, personal("general", kind="contact")] | None = Field(
        default=None, description="Where the ceremony is held, outside the office"
    )
    guardian_name: Identity | None = Field(default=None, description="The bride's guardian (wali)")
    forms: list[Form] = Field(
        min_length=1,
        description="Papers at hand: N1 introduction, N2 request, N3 or N4 consent, N5 parents' consent for who is under 21",
    )
    dispensation_number: Identity | None = Field(
        default=None, description="Of the subdistrict head's letter, for less than ten working days"
    )

    @model_validator(mode="after")
    def _outside_is_somewhere(self) -> Self:
        if self.venue == "outside" and self.address is None:
            raise ValueError("address is needed for a ceremony outside the office")
        return self


class IntentVerification(Request):
    """The papers of a registered intent were seen at the office, within fifteen working days."""

    registration_number: Identity


class IntentCancellation(Request):
    """A registered intent that is not to go on."""

    registration_number: Identity
    reason: Filled | None = None


class Ceremony(Request):
    """A marriage that was held."""

    registration_number: Identity
    held_on: Annotated[date, personal("general")]
    witnesses: list[Identity] = Field(min_length=2, max_length=2)
    dowry: Identity | None = Field(default=None, description="Mahar, as it stands in the book")
    ntpn: Annotated[Filled, personal("specific", kind="financial")] | None = Field(
        default=None, description="Proof of payment, where a fee is due"
    )


class BookQuery(Request):
    """One marriage book."""

    book_number: Identity
