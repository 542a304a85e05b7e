"""Civil registry records: people, families and their deeds and cards. How an agency writes them is its connector's."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from schemas.base import Filled, Part, Record
from schemas.identifiers import NIK, NKK, Sex
from schemas.privacy import personal

Identity = Annotated[Filled, personal("general")]
Contact = Annotated[Filled, personal("general", kind="contact")]
Birthday = Annotated[date, personal("general")]
CHILD = personal("specific", kind="child")


class Address(Part):
    """A place in Indonesia. Agencies' addresses are patchy, so every field may be missing and none has a pattern."""

    street: Contact | None = None
    rt: Contact | None = Field(None, description="Rukun tetangga, zero-padded to three digits")
    rw: Contact | None = Field(None, description="Rukun warga, zero-padded to three digits")
    hamlet: Contact | None = None
    postal_code: Contact | None = None
    province_code: Contact | None = Field(None, description="Ministry of Home Affairs code, 2 digits")
    province: Contact | None = None
    regency_code: Contact | None = Field(None, description="Ministry of Home Affairs code, 4 digits with the province")
    regency: Contact | None = None
    district_code: Contact | None = Field(None, description="Ministry of Home Affairs code, 6 digits with the regency")
    district: Contact | None = None
    village_code: Contact | None = Field(None, description="Ministry of Home Affairs code, 10 digits with the district")
    village: Contact | None = None


class Person(Record):
    """A resident. Which fields an agency hands out varies with its agreement: only the NIK is sure."""

    schema_name: ClassVar[str] = "person"

    nik: NIK
    nkk: NKK | None = None
    name: Identity | None = None
    birth_place: Identity | None = None
    birth_date: Birthday | None = None
    sex: Annotated[Sex, personal("general")] | None = None
    religion: Identity | None = None
    marital_status: Identity | None = None
    blood_type: Annotated[Filled, personal("specific", kind="health")] | None = None
    education: Identity | None = None
    occupation: Identity | None = None
    family_relation: Identity | None = None
    mother_name: Identity | None = None
    mother_nik: NIK | None = None
    father_name: Identity | None = None
    father_nik: NIK | None = None
    address: Address | None = None


class Family(Record):
    """The people on one family card. Children are among them, so all members count as specific data."""

    schema_name: ClassVar[str] = "family"

    nkk: NKK
    members: Annotated[list[Person], CHILD]
    address: Address | None = None


class BirthDeed(Record):
    """The registration of a birth, with the NIK the child was given."""

    schema_name: ClassVar[str] = "birth-deed"

    deed_number: Annotated[Filled, CHILD]
    nik: Annotated[NIK, CHILD]
    name: Annotated[Filled, CHILD] | None = None
    sex: Annotated[Sex, CHILD] | None = None
    birth_date: Annotated[date, CHILD] | None = None
    birth_place: Annotated[Filled, CHILD] | None = None
    nkk: NKK | None = None
    mother_nik: NIK | None = None
    father_nik: NIK | None = None
    registered_on: date | None = None
    reference: Filled | None = Field(None, description="Our reference that the registration was sent with")


class FamilyCard(Record):
    """A family card as issued (KK)."""

    schema_name: ClassVar[str] = "family-card"

    nkk: NKK
    document_number: Identity | None = None
    issued_on: date | None = None
    reference: Filled | None = Field(None, description="Our reference that the order was sent with")


class ChildCard(Record):
    """A child's identity card as issued (KIA)."""

    schema_name: ClassVar[str] = "child-card"

    card_number: Annotated[Filled, CHILD]
    nik: Annotated[NIK, CHILD]
    issued_on: date | None = None
    valid_until: date | None = None
    reference: Filled | None = Field(None, description="Our reference that the order was sent with")


class Match(Part):
    """Whether one element agrees with the registry."""

    matches: Annotated[bool, personal("general")]
    score: Annotated[int, Field(ge=0, le=100), personal("general")] | None = Field(
        None, description="Likeness in per cent, where the agency compares loosely"
    )


class PersonMatch(Record):
    """What the registry says to claimed personal data: match or no match per element, by our field names."""

    schema_name: ClassVar[str] = "person-match"

    nik: NIK
    elements: dict[str, Match]


RECORDS: tuple[type[Record], ...] = (Person, Family, BirthDeed, FamilyCard, ChildCard, PersonMatch)
