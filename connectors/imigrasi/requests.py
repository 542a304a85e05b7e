"""What a caller asks of immigration, in our own words. The agency's words are in the WSDL."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.identifiers import NIK
from schemas.immigration import PassportBook
from schemas.privacy import personal

ApplicationNo = Annotated[str, Field(pattern=r"^[0-9A-Z]{6,20}$"), personal("general")]


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PassportRequest(Request):
    """A new application for a passport."""

    nik: NIK
    name: Annotated[str, personal("general")] = Field(min_length=1, max_length=100)
    book: PassportBook


class BiometricsRequest(Request):
    """An appointment for an application that has been paid."""

    number: ApplicationNo
    ntpn: Annotated[str, personal("specific", kind="financial")] = Field(
        min_length=1, max_length=32, description="Proof that the state received the fee"
    )
    paid_at: Annotated[AwareDatetime, personal("specific", kind="financial")] | None = None


class PassportQuery(Request):
    """One application."""

    number: ApplicationNo


class IssueRequest(Request):
    """The passport of an application whose biometrics were taken."""

    number: ApplicationNo


class CancelRequest(Request):
    """Ends an application."""

    number: ApplicationNo
    reason: str = Field(default="Dibatalkan oleh pemohon", min_length=1, max_length=200)
