"""Workers' insurance: memberships, and what is due after a death."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.base import Filled, Record
from schemas.identifiers import NIK
from schemas.payments import FINANCIAL, Amount
from schemas.privacy import personal

MembershipNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{11}$"), personal("general")]
"""Nomor kartu peserta (KPJ)."""

EmployerNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{9}$")]
"""Nomor pendaftaran perusahaan (NPP): it names a business, which is not personal data by itself."""


class EmploymentMembership(Record):
    """A worker's membership of the workers' insurance."""

    schema_name: ClassVar[str] = "employment-membership"

    number: MembershipNumber
    nik: NIK
    status: Annotated[Literal["active", "inactive"], FINANCIAL]
    name: Annotated[Filled, personal("general")] | None = None
    employer_number: EmployerNumber | None = None
    employer_name: Annotated[Filled, FINANCIAL] | None = None
    programmes: Annotated[list[Filled], FINANCIAL] | None = Field(None, description="Such as JKK, JKM, JHT, JP")
    wage: Amount | None = Field(None, description="Rupiah per month")
    valid_from: date | None = None
    reference: Filled | None = Field(None, description="Our reference that the registration was sent with")


class DeathClaim(Record):
    """A claim for what is due to the family of a worker who has died."""

    schema_name: ClassVar[str] = "death-claim"

    claim_number: Annotated[Filled, personal("general")]
    nik: NIK = Field(description="Of who has died")
    membership_number: MembershipNumber | None = None
    heir_nik: NIK | None = None
    status: Filled | None = Field(None, description="In the agency's words")
    amount: Amount | None = Field(None, description="Rupiah, once it is known")
    filed_on: date | None = None
    reference: Filled | None = Field(None, description="Our reference that the claim was sent with")


RECORDS: tuple[type[Record], ...] = (EmploymentMembership, DeathClaim)
