"""Taxes: who pays them, whether they have, and what the local ones come to. State fees are in `payments.py`."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.base import Filled, Record
from schemas.civil import Address, Contact, Identity
from schemas.identifiers import NIK, NOP, NPWP16
from schemas.land import Area, Title
from schemas.payments import FINANCIAL, Amount, Moment


class Taxpayer(Record):
    """Somebody, or some business, with a national tax number. A resident individual's is the NIK (PMK 112/2022)."""

    schema_name: ClassVar[str] = "taxpayer"

    npwp: NPWP16
    nik: NIK | None = None
    name: Identity | None = None
    brand: Identity | None = None
    address: Address | None = None
    industry_code: Annotated[Filled, FINANCIAL] | None = Field(None, description="KLU, the tax office's own code")
    industry: Annotated[Filled, FINANCIAL] | None = None
    phone: Contact | None = None
    email: Contact | None = None
    kind: Annotated[Filled, FINANCIAL] | None = Field(None, description="In the tax office's words")
    legal_form: Annotated[Filled, FINANCIAL] | None = None


class TaxClearance(Record):
    """The tax office's word before a licence is given (KSWP): valid if name and number match and two returns were filed."""

    schema_name: ClassVar[str] = "tax-clearance"

    npwp: NPWP16
    status: Annotated[Literal["valid", "invalid"], FINANCIAL]
    name: Identity | None = None
    licence_code: Filled | None = Field(None, description="The licence that it was asked for")


class PropertyTax(Record):
    """How a property stands with the land and building tax (PBB)."""

    schema_name: ClassVar[str] = "property-tax"

    nop: NOP
    status: Annotated[Literal["settled", "arrears"], FINANCIAL] | None = None
    year: int | None = Field(None, ge=1900, le=2200, description="The tax year that was asked for")
    owner_nik: NIK | None = None
    owner_name: Identity | None = None
    address: Address | None = None
    land_area: Area | None = None
    building_area: Area | None = None
    land_value: Amount | None = Field(None, description="NJOP of a square metre of land")
    building_value: Amount | None = Field(None, description="NJOP of a square metre of building")


class TransferTax(Record):
    """The tax on acquiring land (BPHTB), from its assessment to the NTPD that proves its payment."""

    schema_name: ClassVar[str] = "transfer-tax"

    nop: NOP
    status: Annotated[Literal["assessed", "unpaid", "expired", "paid"], FINANCIAL]
    amount: Amount | None = Field(None, description="The tax")
    value: Amount | None = Field(None, description="NPOP: price or NJOP, whichever is higher")
    threshold: Amount | None = Field(None, description="NPOPTKP: what of the value is free of tax")
    rate: Annotated[Decimal, FINANCIAL] | None = Field(None, ge=0, le=1, max_digits=6, decimal_places=5)
    assessed_value: Amount | None = Field(None, description="NJOP of land and building together")
    payment_code: Annotated[Filled, FINANCIAL] | None = None
    issued_at: Moment | None = None
    expires_at: Moment | None = None
    ntpd: Title | None = Field(None, description="Nomor transaksi penerimaan daerah")
    paid_on: Annotated[date, FINANCIAL] | None = None
    payment_kind: Annotated[Filled, FINANCIAL] | None = Field(None, description="JENISBAYAR, in the agency's code")
    buyer_nik: NIK | None = None
    buyer_name: Identity | None = None
    address: Address | None = Field(None, description="Of the land")
    land_area: Area | None = None
    building_area: Area | None = None
    reference: Filled | None = Field(None, description="Our reference that the bill was asked for with")


RECORDS: tuple[type[Record], ...] = (Taxpayer, TaxClearance, PropertyTax, TransferTax)
