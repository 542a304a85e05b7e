"""What Simpul asks of a local tax office: the request models of its operations, in our own words."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.civil import Identity
from schemas.identifiers import NIK, NOP
from schemas.land import Title
from schemas.payments import FINANCIAL, Amount

Acquisition = Literal["sale", "exchange", "grant", "auction", "inheritance", "bequest"]
"""How land is acquired (UU 1/2022 art. 44): it decides on the threshold."""

_Code = Annotated[Title, Field(pattern=r"^[0-9A-Za-z./-]{1,40}$")]


class Request(BaseModel):
    """Common to the requests of this agency: nothing unknown, no input in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PropertyTaxQuery(Request):
    """How a property stands with PBB, of one year or of all."""

    nop: NOP
    year: int | None = Field(default=None, ge=1990, le=2200)


class TransferTaxQuery(Request):
    """A transfer tax that has been paid, by its proof of payment."""

    nop: NOP
    ntpd: _Code


class TransferAssessment(Request):
    """What has to be computed: the tax on acquiring a property at a price."""

    nop: NOP
    price: Amount
    acquisition: Annotated[Acquisition, FINANCIAL] = "sale"


class TransferTaxBill(Request):
    """A bill for the transfer tax, as it was assessed."""

    nop: NOP
    buyer_nik: NIK
    buyer_name: Identity
    value: Amount = Field(description="NPOP of the assessment")
    amount: Amount = Field(description="The tax of the assessment")
    acquisition: Annotated[Acquisition, FINANCIAL] = "sale"


class TransferTaxBillQuery(Request):
    """How a bill for the transfer tax stands."""

    nop: NOP
    payment_code: _Code


class OwnerChange(Request):
    """Whom the land and building tax is to be sent to after a transfer."""

    nop: NOP
    nik: NIK
    name: Identity
    ntpd: _Code
