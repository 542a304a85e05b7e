"""Land: what is owned, who owns it, and the deeds and registrations by which it changes hands."""

from datetime import date
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from schemas.base import Filled, Record
from schemas.civil import Address, Identity
from schemas.identifiers import NIK, NOP, NPWP
from schemas.payments import FINANCIAL, Amount


def _without_exponent(area: Decimal) -> Decimal:
    # Decimal("1E2") is a hundred square metres, but would be written back with its exponent.
    return Decimal(f"{area:f}")


Area = Annotated[
    Decimal,
    Field(ge=0, max_digits=14, decimal_places=2),
    AfterValidator(_without_exponent),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,12}([.][0-9]{1,2})?$", "examples": ["89.5"]}),
    FINANCIAL,
]
"""Square metres, as a decimal string on the wire."""

Title = Annotated[Filled, FINANCIAL]
"""Number of a certificate, deed, parcel or registration: it leads to what somebody owns."""


class Property(Record):
    """A piece of land and what stands on it, as the local tax office lists it under the one who pays for it."""

    schema_name: ClassVar[str] = "property"

    nop: NOP
    owner_nik: NIK | None = None
    owner_name: Identity | None = None
    address: Address | None = None
    land_area: Area | None = None
    building_area: Area | None = None
    land_value: Amount | None = Field(None, description="NJOP of a square metre of land")
    building_value: Amount | None = Field(None, description="NJOP of a square metre of building")
    changed_on: Annotated[date, FINANCIAL] | None = None
    reference: Filled | None = Field(None, description="Our reference that the change was sent with")


class LandCertificate(Record):
    """A certificate of a right to land, as the land office's book has it now."""

    schema_name: ClassVar[str] = "land-certificate"

    certificate_number: Title
    status: Annotated[Literal["active", "blocked", "disputed", "pledged", "closed"], FINANCIAL]
    right: Title | None = Field(None, description="Kind of right in the land office's words, such as Hak Milik")
    owner_nik: NIK | None = None
    owner_name: Identity | None = None
    nop: NOP | None = None
    parcel_number: Title | None = Field(None, description="Nomor identifikasi bidang")
    land_area: Area | None = None
    issued_on: Annotated[date, FINANCIAL] | None = None
    note: Title | None = Field(None, description="What the book says of a block, a dispute or a pledge")


class LandTransfer(Record):
    """The registration of a change of owner at the land office, and how far it has come."""

    schema_name: ClassVar[str] = "land-transfer"

    registration_number: Title
    status: Annotated[Literal["in_process", "completed", "refused"], FINANCIAL]
    certificate_number: Title | None = None
    nop: NOP | None = None
    deed_number: Title | None = None
    buyer_nik: NIK | None = None
    buyer_name: Identity | None = None
    filed_on: Annotated[date, FINANCIAL] | None = None
    completed_on: Annotated[date, FINANCIAL] | None = None
    reference: Filled | None = Field(None, description="Our reference that the registration was sent with")


class LandDeed(Record):
    """A deed of transfer (akta PPAT) that the land office has registered."""

    schema_name: ClassVar[str] = "land-deed"

    deed_number: Title
    deed_date: Annotated[date, FINANCIAL] | None = None
    notary_name: Identity | None = Field(None, description="The land deed official (PPAT)")
    nop: NOP | None = None
    ntpd: Title | None = Field(None, description="Proof that the transfer tax (BPHTB) was paid")
    parcel_number: Title | None = Field(None, description="Nomor identifikasi bidang")
    longitude: Annotated[float, FINANCIAL] | None = Field(None, ge=-180, le=180)
    latitude: Annotated[float, FINANCIAL] | None = Field(None, ge=-90, le=90)
    owner_nik: NIK | None = None
    owner_npwp: NPWP | None = None
    owner_name: Identity | None = None
    address: Address | None = None
    land_area: Area | None = None
    right: Title | None = None


RECORDS: tuple[type[Record], ...] = (Property, LandCertificate, LandTransfer, LandDeed)
