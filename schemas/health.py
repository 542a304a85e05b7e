"""Records of health insurance and health services."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.base import Filled, Record
from schemas.civil import Address
from schemas.documents import Content, Sha256
from schemas.identifiers import NIK, NKK, BPJSNumber, Sex
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


class QueueTicket(Record):
    """A place in the queue of a health facility."""

    schema_name: ClassVar[str] = "queue-ticket"

    booking_code: Annotated[Filled, HEALTH]
    number: Annotated[Filled, HEALTH] | None = Field(None, description="As it is called, such as A-12")
    on: Annotated[date, HEALTH] | None = None
    clinic: Annotated[Filled, HEALTH] | None = Field(None, description="The agency's code, such as INT")
    doctor: Annotated[Filled, HEALTH] | None = Field(None, description="The agency's code")
    hours: Annotated[Filled, HEALTH] | None = Field(None, description="When the clinic is open, such as 08:00-12:00")
    expected_at: Annotated[AwareDatetime, HEALTH] | None = None
    status: Annotated[Filled, HEALTH] | None = Field(None, description="In the agency's words")
    nik: NIK | None = None
    member_number: BPJSNumber | None = None


PartialDate = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$")]
"""A date as far as it is known: `1990`, `1990-01` or `1990-01-31`."""


class Patient(Record):
    """A person as the national health data exchange knows them, mapped from FHIR."""

    schema_name: ClassVar[str] = "patient"

    ihs_number: Annotated[Filled, HEALTH] = Field(description="The national patient number")
    nik: NIK | None = None
    nkk: NKK | None = None
    active: Annotated[bool, HEALTH] | None = None
    name: Annotated[Filled, personal("general")] | None = Field(None, description="May come masked from the agency")
    birth_date: Annotated[date, personal("general")] | None = Field(None, description="Where all of it is known")
    born: Annotated[PartialDate, personal("general")] | None = Field(None, description="As far as it is known")
    sex: Annotated[Sex, personal("general")] | None = None
    deceased: Annotated[bool, HEALTH] | None = None
    died_on: Annotated[date, HEALTH] | None = None
    phone: Annotated[Filled, personal("general", kind="contact")] | None = None
    address: Address | None = None


class Practitioner(Record):
    """Somebody who may treat patients, mapped from FHIR."""

    schema_name: ClassVar[str] = "practitioner"

    ihs_number: Filled = Field(description="The national practitioner number")
    nik: NIK | None = None
    active: bool | None = None
    name: Annotated[Filled, personal("general")] | None = None
    birth_date: Annotated[date, personal("general")] | None = Field(None, description="Where all of it is known")
    born: Annotated[PartialDate, personal("general")] | None = Field(None, description="As far as it is known")
    sex: Annotated[Sex, personal("general")] | None = None
    registration: Filled | None = Field(None, description="Number of the registration certificate (STR)")
    qualification: Filled | None = None
    address: Address | None = None


class HealthLetter(Record):
    """A letter about a person's health, such as before a marriage, with the document itself."""

    schema_name: ClassVar[str] = "health-letter"

    document_id: Annotated[Filled, HEALTH] = Field(description="The agency's number")
    kind: Annotated[Literal["premarital", "general"], HEALTH]
    status: Annotated[Literal["current", "superseded"], HEALTH]
    nik: NIK
    patient_ihs_number: Annotated[Filled, HEALTH] | None = None
    title: Annotated[Filled, HEALTH] | None = None
    issued_at: Annotated[AwareDatetime, HEALTH] | None = None
    issued_by: Annotated[Filled, HEALTH] | None = Field(None, description="The facility or practitioner")
    media_type: Filled
    sha256: Sha256
    content: Content


RECORDS: tuple[type[Record], ...] = (HealthMembership, QueueTicket, Patient, Practitioner, HealthLetter)
