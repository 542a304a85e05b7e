"""What a caller asks of BPJS Kesehatan, in our own words. The agency's words are in `wire.py`."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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
