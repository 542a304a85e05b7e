"""What a caller asks of BPJS Ketenagakerjaan, in our own words. The agency's words are in `wire.py` and in the WSDL."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.employment import EmployerNumber, MembershipNumber
from schemas.identifiers import NIB, NIK, NPWP
from schemas.payments import FINANCIAL
from schemas.privacy import personal


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class EmployerRegistration(Request):
    """A business that insures its workers."""

    nib: NIB
    npwp: NPWP = Field(description="The business's own")
    name: str = Field(min_length=1, max_length=150)
    address: str | None = Field(default=None, min_length=1, max_length=200)
    phone: str | None = Field(default=None, pattern=r"^[0-9+]{8,16}$")


class WorkerRegistration(Request):
    """Somebody who works for a registered employer."""

    employer_number: EmployerNumber = Field(description="NPP, from the employer's registration")
    nik: Annotated[NIK, personal("general")]
    name: Annotated[str, personal("general")] = Field(min_length=1, max_length=100)
    birth_date: Annotated[date, personal("general")]
    wage: Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=2), FINANCIAL] = Field(
        description="Rupiah per month"
    )
    starts_on: date


class EmploymentMembershipQuery(Request):
    """One worker's membership."""

    nik: Annotated[NIK, personal("general")]


class DeathClaimRequest(Request):
    """What is due to the family of a worker who has died."""

    membership_number: MembershipNumber | None = Field(default=None, description="KPJ, where it is known")
    nik: Annotated[NIK, personal("general")] = Field(description="The NIK of who has died")
    died_on: Annotated[date, personal("general")]
    deed_number: Annotated[str, personal("general")] = Field(min_length=1, max_length=50, description="Death deed")
    heir_nik: Annotated[NIK, personal("general")]
    heir_name: Annotated[str, personal("general")] = Field(min_length=1, max_length=100)
    relation: Annotated[Literal["spouse", "child", "parent", "sibling", "other"], personal("general")]
