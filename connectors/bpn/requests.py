"""What Simpul asks of BPN: the request models of its operations, in our own words."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.civil import Identity
from schemas.identifiers import NIK, NOP
from schemas.land import Title
from schemas.payments import FINANCIAL


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class CertificateQuery(Request):
    """One certificate by its number."""

    certificate_number: Annotated[Title, Field(max_length=60)]


class TransferQuery(Request):
    """One registration by its number."""

    registration_number: Annotated[Title, Field(max_length=60)]


class TransferRegistration(Request):
    """A change of owner by deed, with the transfer tax paid."""

    certificate_number: Annotated[Title, Field(max_length=60)]
    nop: NOP
    ntpd: Annotated[Title, Field(max_length=40)]
    deed_number: Annotated[Title, Field(max_length=60)]
    deed_date: Annotated[date, FINANCIAL]
    notary_name: Identity = Field(description="The land deed official (PPAT)")
    seller_nik: NIK
    buyer_nik: NIK
    buyer_name: Identity
