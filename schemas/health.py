"""Health insurance records."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.base import Filled, Record
from schemas.identifiers import NIK, BPJSNumber
from schemas.privacy import personal

HEALTH = personal("specific", kind="health")


class HealthMembership(Record):
    """A person's membership of the national health insurance (JKN)."""

    schema_name: ClassVar[str] = "health-membership"

    number: BPJSNumber
    status: Annotated[Literal["active", "inactive"], HEALTH]
    status_reason: Annotated[Filled, HEALTH] | None = Field(None, description="The agency's words, such as unpaid dues")
    nik: NIK | None = None
    name: Annotated[Filled, personal("general")] | None = None
    care_class: Annotated[Filled, HEALTH] | None = None
    member_type: Annotated[Filled, HEALTH] | None = None
    valid_from: Annotated[date, HEALTH] | None = None
    valid_until: Annotated[date, HEALTH] | None = None
    facility: Annotated[Filled, HEALTH] | None = Field(None, description="Primary care facility")


RECORDS: tuple[type[Record], ...] = (HealthMembership,)
