"""Civil servants and their careers. How the civil service agency writes them is its connector's."""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from schemas.base import Filled, Part, Record
from schemas.identifiers import NIK, NPWP, Digits, Sex
from schemas.privacy import personal

Identity = Annotated[Filled, personal("general")]
Contact = Annotated[Filled, personal("general", kind="contact")]
Day = Annotated[date, personal("general")]

NIP = Annotated[
    str,
    Digits("nip", "A civil servant's number (NIP)", (18,), "the servant's card or decree", "199001012015011001"),
    personal("general"),
]
"""Nomor Induk Pegawai: date of birth 8, appointment 6, sex 1, sequence 3."""

HistoryKind = Literal["rank", "position", "education", "training", "discipline"]


class CivilServant(Record):
    """Somebody in the civil service, or the answer that somebody is not."""

    schema_name: ClassVar[str] = "civil-servant"

    employed: Annotated[bool, personal("general")] = Field(
        description="Whether the civil service knows this person; everything but the NIK is None where not"
    )
    nip: NIP | None = None
    nik: NIK | None = None
    name: Identity | None = Field(None, description="Without titles")
    title_before: Identity | None = None
    title_after: Identity | None = None
    birth_place: Identity | None = None
    birth_date: Day | None = None
    sex: Annotated[Sex, personal("general")] | None = None
    religion: Identity | None = None
    marital_status: Identity | None = None
    email: Contact | None = None
    phone: Contact | None = None
    street: Contact | None = None
    npwp: NPWP | None = None
    standing: Identity | None = Field(None, description="Kedudukan, such as active, retired, deceased; agency's words")
    employment: Identity | None = Field(None, description="Kind of employment, in the agency's words")
    candidate_since: Day | None = Field(None, description="TMT CPNS")
    servant_since: Day | None = Field(None, description="TMT PNS")
    employer: Identity | None = None
    unit: Identity | None = None
    position: Identity | None = None
    rank: Identity | None = Field(None, description="Last rank, such as III/b")


class ServiceEntry(Part):
    """One line of a career."""

    title: Identity = Field(description="The rank, position, school, course or sanction")
    number: Identity | None = Field(None, description="Of the decree or certificate")
    dated: Day | None = Field(None, description="Of the decree or certificate")
    since: Day | None = None
    until: Day | None = None
    place: Identity | None = Field(None, description="The unit, school or institution")


class ServiceHistory(Record):
    """One side of a civil servant's career. Sanctions are among them, so all entries count as specific data."""

    schema_name: ClassVar[str] = "service-history"

    nip: NIP
    kind: HistoryKind
    entries: Annotated[list[ServiceEntry], personal("specific", kind="service")]


RECORDS: tuple[type[Record], ...] = (CivilServant, ServiceHistory)
