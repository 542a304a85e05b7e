"""What a caller asks of SATUSEHAT, in our own words. FHIR's words are in `wire.py`."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.health import HEALTH
from schemas.identifiers import NIK
from schemas.privacy import personal


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PatientQuery(Request):
    """One patient."""

    nik: Annotated[NIK, personal("general")]


class PractitionerQuery(Request):
    """One practitioner."""

    nik: Annotated[NIK, personal("general")]


class HealthLetterQuery(Request):
    """The newest letter of a kind about one patient."""

    nik: Annotated[NIK, personal("general")]
    kind: Annotated[Literal["premarital", "general"], HEALTH] = Field(
        default="premarital", description="Before a marriage, or a letter of good health for any purpose"
    )
