"""What Simpul asks of DJP: the request models of its operations, in our own words."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Filled
from schemas.civil import Contact
from schemas.identifiers import NPWP


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TaxpayerQuery(Request):
    """One taxpayer, by NPWP of either form; a resident individual's NIK is one."""

    npwp: NPWP


class TaxStatusQuery(TaxpayerQuery):
    """Whether a taxpayer may be given a licence."""

    licence_code: str = Field(
        default="PP01", pattern=r"^[A-Za-z0-9]{1,10}$", description="kdizin: which licence, in DJP's list"
    )


class AddressUpdate(TaxpayerQuery):
    """Where a taxpayer lives or works from now on."""

    street: Contact
    village: Contact | None = None
    district: Contact | None = None
    regency: Contact
    province: Contact
    postal_code: Annotated[Contact, Field(pattern=r"^[0-9]{5}$")] | None = None
    reason: Filled | None = None
