"""Businesses, the licences they are given, and the district's permits. OSS's table of licence statuses is shared here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AwareDatetime, StringConstraints

from schemas.base import Filled, Part, Record
from schemas.identifiers import NIB, NIK, NPWP16
from schemas.privacy import personal
from schemas.text import Text

LicenceStatus = Literal[
    "05",
    "10",
    "11",
    "12",
    "20",
    "30",
    "31",
    "32",
    "33",
    "34",
    "40",
    "41",
    "42",
    "43",
    "44",
    "45",
    "49",
    "50",
    "52",
    "57",
    "58",
    "90",
    "93",
]
"""OSS's `kd_status` (OSS-RBA 4.3.22): where a licence stands. What each means is in `STATUSES`."""


@dataclass(frozen=True, slots=True)
class StatusMeaning:
    """What a status says.

    Attributes:
        clock: What it does to the service standard's clock.
        end: How it ends the case, where it does.
    """

    text: Text
    clock: Literal["runs", "stops", "resumes", "resets"] = "runs"
    end: Literal["granted", "refused"] | None = None


def _payment(what_id: str, what_en: str) -> StatusMeaning:
    return StatusMeaning(Text(id=f"PNBP: {what_id}", en=f"State fee: {what_en}"))


STATUSES: Final[Mapping[LicenceStatus, StatusMeaning]] = MappingProxyType(
    {
        "05": StatusMeaning(Text(id="Penapisan", en="Screening")),
        "10": StatusMeaning(Text(id="Persyaratan lengkap", en="Requirements complete")),
        "11": StatusMeaning(Text(id="Persyaratan belum lengkap", en="Requirements incomplete")),
        "12": StatusMeaning(Text(id="Komitmen", en="Commitment")),
        "20": StatusMeaning(Text(id="Validasi", en="Validation")),
        "30": _payment("tahap 30", "stage 30"),
        "31": _payment("tahap 31", "stage 31"),
        "32": _payment("tahap 32", "stage 32"),
        "33": _payment("tahap 33", "stage 33"),
        "34": _payment("tahap 34", "stage 34"),
        "40": StatusMeaning(Text(id="Pemeriksaan lapangan", en="Inspection")),
        "41": StatusMeaning(Text(id="Konfirmasi: jangka waktu berhenti", en="Confirmation: the clock stops"), "stops"),
        "42": StatusMeaning(Text(id="Jangka waktu berjalan kembali", en="The clock resumes"), "resumes"),
        "43": StatusMeaning(Text(id="Jangka waktu diulang (43)", en="The clock is reset (43)"), "resets"),
        "44": StatusMeaning(Text(id="Jangka waktu diulang (44)", en="The clock is reset (44)"), "resets"),
        "45": StatusMeaning(Text(id="Terverifikasi", en="Verified")),
        "49": StatusMeaning(Text(id="Nomor sudah diambil", en="Number taken")),
        "50": StatusMeaning(Text(id="Disetujui", en="Approved"), end="granted"),
        "52": StatusMeaning(Text(id="Izin sementara", en="Provisional")),
        "57": StatusMeaning(Text(id="Fiktif positif", en="Deemed approved"), end="granted"),
        "58": StatusMeaning(Text(id="Izin terbit", en="Issued"), end="granted"),
        "90": StatusMeaning(Text(id="Ditolak", en="Rejected"), end="refused"),
        "93": StatusMeaning(Text(id="Persyaratan ditolak", en="Requirements rejected"), end="refused"),
    }
)
"""Every status; 30 to 34 are steps of the payment of a state fee, which OSS does not tell apart publicly."""

OssId = Annotated[str, StringConstraints(strip_whitespace=True, min_length=25, max_length=25)]
"""OSS's `oss_id`, `id_izin` and `id_proyek`: 25 characters."""

LicenceCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=12, max_length=12)]
"""OSS's `kd_izin`: which kind of licence, 12 characters."""

AreaCode = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=10)]
"""OSS's `kd_daerah`: a place by Kemendagri's code, filled up to 10 characters."""

OwnerName = Annotated[Filled, personal("general")]
LicenceNumber = Annotated[Filled, personal("general")]
"""Many a holder is a person in business or practice, whom the number leads to."""


class Project(Part):
    """One activity of a business at one place.

    Attributes:
        scale: OSS's `skala_usaha`.
        risk: OSS's `skala_resiko`, which decides how much licensing the activity needs.
    """

    id_proyek: OssId | None = None
    kbli: Filled | None = None
    scale: Filled | None = None
    risk: Filled | None = None


class ChecklistItem(Part):
    """A licence that a business needs beside its NIB.

    Attributes:
        agency: Who decides on it (`instansi`).
    """

    id_izin: OssId | None = None
    kd_izin: LicenceCode | None = None
    name: Filled | None = None
    agency: Filled | None = None
    checked: bool | None = None


class BusinessFiling(Part):
    """What OSS's `receiveNIB` says, flat: the form with which it files an application for the service `business`."""

    nib: NIB
    oss_id: OssId
    id_izin: OssId
    kd_izin: LicenceCode | None = None
    kd_daerah: AreaCode | None = None
    name: Filled
    npwp: NPWP16 | None = None
    owner_nik: NIK | None = None
    owner_name: OwnerName | None = None
    projects: tuple[Project, ...] = ()
    checklist: tuple[ChecklistItem, ...] = ()


class BusinessEntity(Record):
    """A business as OSS has it. A check says only the first three; an inquiry says more."""

    schema_name: ClassVar[str] = "business-entity"

    nib: NIB
    name: Filled | None = None
    status: Literal["active", "not_yet", "frozen", "revoked"] | None = None
    oss_id: OssId | None = None
    npwp: NPWP16 | None = None
    tax_flag: (
        Annotated[
            Literal["valid", "failed", "annual_return", "vat_return", "not_found"],
            personal("specific", kind="financial"),
        ]
        | None
    ) = None
    owner_nik: NIK | None = None
    owner_name: OwnerName | None = None
    projects: tuple[Project, ...] = ()


class Licence(Record):
    """A licence at OSS, or how the case for one stands."""

    schema_name: ClassVar[str] = "licence"

    id_izin: OssId
    nib: NIB | None = None
    oss_id: OssId | None = None
    kd_izin: LicenceCode | None = None
    status: LicenceStatus | None = None
    status_at: AwareDatetime | None = None
    number: LicenceNumber | None = None
    issued_on: date | None = None
    valid_until: date | None = None
    reference: Filled | None = None


PermitKind = Literal["pbg", "slf", "practice", "spatial", "environment", "signage", "other"]
"""Building approval, fitness of a building, practice of a profession, use of space, environment, signage."""


class Inspection(Part):
    """What an inspection found."""

    passed: bool
    inspected_on: date | None = None
    inspector: OwnerName | None = None
    findings: Filled | None = None


class Permit(Record):
    """A permit of the district's one-stop office (DPMPTSP), from its registration on."""

    schema_name: ClassVar[str] = "permit"

    registration: Filled
    kind: PermitKind
    status: LicenceStatus
    nib: NIB | None = None
    holder_nik: NIK | None = None
    holder_name: OwnerName | None = None
    number: LicenceNumber | None = None
    registered_on: date | None = None
    issued_on: date | None = None
    valid_until: date | None = None
    withdrawn_on: date | None = None
    inspection: Inspection | None = None
    reference: Filled | None = None


RECORDS: tuple[type[Record], ...] = (BusinessEntity, Licence, Permit)
