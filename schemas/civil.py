"""Civil registry records: people, families and their deeds and cards. How an agency writes them is its connector's."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from schemas.base import Filled, Part, Record
from schemas.identifiers import NIK, NKK, Sex
from schemas.payments import Amount
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
    deceased: Annotated[bool, personal("general")] | None = Field(
        None, description="Whether a death is registered, where the agency says so"
    )


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


class DeathDeed(Record):
    """The registration of a death."""

    schema_name: ClassVar[str] = "death-deed"

    deed_number: Identity
    nik: NIK
    name: Identity | None = None
    died_on: Annotated[date, personal("general")] | None = None
    place: Identity | None = None
    nkk: NKK | None = None
    spouse_nik: NIK | None = Field(None, description="Who is widowed, and needs another civil status on the KTP")
    registered_on: date | None = None
    reference: Filled | None = Field(None, description="Our reference that the registration was sent with")


class MarriageRecord(Record):
    """A marriage as registered: by the KUA in a marriage book, for others by the civil registry in a deed."""

    schema_name: ClassVar[str] = "marriage-record"

    kind: Annotated[Literal["book", "deed"], personal("general")]
    number: Annotated[Filled, personal("general")] = Field(description="Of the marriage book (KUA) or of the deed")
    husband_nik: NIK
    wife_nik: NIK
    husband_name: Identity | None = None
    wife_name: Identity | None = None
    married_on: Annotated[date, personal("general")] | None = None
    place: Identity | None = None
    registration_number: Identity | None = Field(None, description="Of the registered intent, where there was one")
    registered_on: date | None = None
    reference: Filled | None = Field(None, description="Our reference that the registration was sent with")


class MarriageIntent(Record):
    """An intended marriage as registered at the KUA, and how it stands."""

    schema_name: ClassVar[str] = "marriage-intent"

    registration_number: Identity
    status: Annotated[Literal["registered", "verified", "cancelled", "lapsed", "held"], personal("general")]
    husband_nik: NIK
    wife_nik: NIK
    ceremony_at: Annotated[AwareDatetime, personal("general")] | None = None
    venue: Annotated[Literal["office", "outside"], personal("general")] | None = None
    office: Identity | None = Field(None, description="The KUA that holds the ceremony")
    fee: Amount | None = Field(None, description="State fee due in rupiah; 0 at the KUA in office hours")
    verify_by: date | None = Field(
        None, description="Last day to bring the papers; unverified, the registration lapses"
    )
    reference: Filled | None = Field(None, description="Our reference that the registration was sent with")


class MoveLetter(Record):
    """A letter with which a household moves to another regency (SKPWNI): issued at the origin, taken in at the destination."""

    schema_name: ClassVar[str] = "move-letter"

    letter_number: Identity
    status: Annotated[Literal["issued", "taken_in"], personal("general")]
    nkk: NKK = Field(description="The household's family card; after it was taken in, the card at the destination")
    members: Annotated[list[NIK], CHILD] = Field(default=[], description="NIK of all who move")
    origin: Address | None = None
    destination: Address | None = None
    issued_on: date | None = None
    valid_until: date | None = None
    taken_in_on: date | None = None
    reference: Filled | None = Field(None, description="Our reference that the last step was sent with")


class IdentityCard(Record):
    """An identity card as issued (KTP-el)."""

    schema_name: ClassVar[str] = "identity-card"

    card_number: Identity
    nik: NIK
    name: Identity | None = None
    marital_status: Identity | None = None
    issued_on: date | None = None
    valid_until: date | None = Field(None, description="None for a citizen's: it is valid for life")
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


RECORDS: tuple[type[Record], ...] = (
    Person,
    Family,
    BirthDeed,
    FamilyCard,
    ChildCard,
    PersonMatch,
    DeathDeed,
    MarriageRecord,
    MarriageIntent,
    MoveLetter,
    IdentityCard,
)
