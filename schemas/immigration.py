"""Passports: the application at immigration, the appointment for biometrics, and the passport itself."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from schemas.base import Filled, Record
from schemas.identifiers import NIK
from schemas.privacy import personal

Identity = Annotated[Filled, personal("general")]

PassportStatus = Literal["opened", "booked", "biometrics taken", "issued", "lapsed", "cancelled"]
PassportBook = Literal["5 years", "10 years"]


class PassportApplication(Record):
    """An application at immigration. Unpaid, it lapses."""

    schema_name: ClassVar[str] = "passport-application"

    number: Identity = Field(description="Immigration's number of the application")
    status: PassportStatus
    nik: NIK | None = None
    book: PassportBook | None = None
    office: Filled | None = None
    pay_before: AwareDatetime | None = None
    reference: Filled | None = Field(None, description="Our reference")


class BiometricsAppointment(Record):
    """When the applicant is photographed, fingerprinted and interviewed. Holds no biometric data."""

    schema_name: ClassVar[str] = "biometrics-appointment"

    application_number: Identity
    queue_number: Filled | None = None
    at: AwareDatetime
    expires_at: AwareDatetime = Field(description="Until when the applicant may come")
    office: Filled | None = None
    reference: Filled | None = Field(None, description="Our reference")


class Passport(Record):
    """A passport that was issued."""

    schema_name: ClassVar[str] = "passport"

    number: Identity
    application_number: Identity
    nik: NIK | None = None
    name: Identity | None = None
    issued_on: date
    expires_on: date
    reference: Filled | None = Field(None, description="Our reference")


RECORDS: tuple[type[Record], ...] = (PassportApplication, BiometricsAppointment, Passport)
