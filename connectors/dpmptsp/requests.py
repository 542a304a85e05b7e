"""What a caller asks of the district's permit office."""

from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.base import Filled
from schemas.business import OwnerName, PermitKind
from schemas.identifiers import NIB, NIK
from schemas.privacy import personal


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PermitRegistration(Request):
    """A permit asked for, by a business or by a person."""

    kind: PermitKind
    nib: NIB | None = None
    holder_nik: NIK | None = None
    holder_name: OwnerName | None = None
    location: Annotated[Filled, personal("general", kind="contact")] | None = None
    description: Filled | None = None

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if self.nib is None and self.holder_nik is None:
            raise ValueError("a permit is somebody's: give nib or holder_nik")
        return self


class PermitQuery(Request):
    """One permit by the number it was registered under."""

    registration: Filled


class PermitIssue(Request):
    """The office's decision to grant."""

    registration: Filled
    valid_until: date | None = None
    signatory: OwnerName | None = None


class PermitWithdrawal(Request):
    """A permit or its registration taken back."""

    registration: Filled
    reason: Annotated[Filled, Field(max_length=500)]
