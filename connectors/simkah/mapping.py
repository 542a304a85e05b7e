"""Between SIMKAH's data and our records. Pure functions."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from connectors.simkah import wire
from connectors.simkah.requests import Ceremony, IntentRegistration
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.reading import amount, day, moment, needed, ours, text
from schemas.civil import MarriageIntent, MarriageRecord

VENUES: Final[Mapping[Literal["office", "outside"], str]] = MappingProxyType(
    {"office": "KANTOR", "outside": "LUAR KANTOR"}
)
STATUSES: Final[Mapping[str, Literal["registered", "verified", "cancelled", "lapsed", "held"]]] = MappingProxyType(
    {
        "TERDAFTAR": "registered",
        "TERVERIFIKASI": "verified",
        "BATAL": "cancelled",
        "GUGUR": "lapsed",
        "TERLAKSANA": "held",
    }
)
_VENUES: Final = MappingProxyType({theirs: venue for venue, theirs in VENUES.items()})


def registration(request: IntentRegistration, reference: str) -> wire.Register:
    """An intent as `pendaftaran` wants it."""
    return wire.Register(
        referensi=reference,
        nik_suami=request.husband_nik,
        nik_istri=request.wife_nik,
        waktu_akad=request.ceremony_at.isoformat(),
        kua=request.office,
        tempat_akad=VENUES[request.venue],
        alamat_akad=request.address,
        nama_wali=request.guardian_name,
        berkas=sorted(set(request.forms)),
        no_dispensasi=request.dispensation_number,
    )


def ceremony(request: Ceremony, reference: str) -> wire.Akad:
    """A ceremony as `akad` wants it."""
    return wire.Akad(
        referensi=reference,
        no_pendaftaran=request.registration_number,
        tanggal_akad=request.held_on.isoformat(),
        saksi=request.witnesses,
        mahar=request.dowry,
        ntpn=request.ntpn,
    )


def intent(data: Any, reference: str) -> MarriageIntent:
    """A registered intent.

    Raises:
        BadData: It is another's, or stands in a way that the contract does not know.
    """
    row = _row(data)
    ours(text(row.get("referensi")), reference, "referensi")
    status = STATUSES.get(needed(row.get("status"), "status").upper())
    if status is None:
        raise BadData("STATUS", diagnosis=diagnoses.UNREADABLE, field="status")
    return MarriageIntent(
        registration_number=needed(row.get("no_pendaftaran"), "no_pendaftaran"),
        status=status,
        husband_nik=needed(row.get("nik_suami"), "nik_suami"),
        wife_nik=needed(row.get("nik_istri"), "nik_istri"),
        ceremony_at=moment(row.get("waktu_akad"), "waktu_akad"),
        venue=_VENUES.get((text(row.get("tempat_akad")) or "").upper()),
        office=text(row.get("kua")),
        fee=amount(row.get("biaya"), "biaya"),
        verify_by=day(row.get("batas_verifikasi"), "batas_verifikasi"),
        reference=reference,
    )


def book(data: Any, *, reference: str | None = None, number: str | None = None) -> MarriageRecord:
    """A marriage as it stands in the book.

    Args:
        data: As `akad` and `buku-nikah` give it.
        reference: Ours, where we recorded it.
        number: Of the book that we asked for.

    Raises:
        BadData: It is another's.
    """
    row = _row(data)
    ours(text(row.get("referensi")), reference, "referensi")
    found = needed(row.get("no_buku_nikah"), "no_buku_nikah")
    ours(found, number, "no_buku_nikah")
    return MarriageRecord(
        kind="book",
        number=found,
        husband_nik=needed(row.get("nik_suami"), "nik_suami"),
        wife_nik=needed(row.get("nik_istri"), "nik_istri"),
        husband_name=text(row.get("nama_suami")),
        wife_name=text(row.get("nama_istri")),
        married_on=day(row.get("tanggal_akad"), "tanggal_akad"),
        place=text(row.get("kua")),
        registration_number=text(row.get("no_pendaftaran")),
        registered_on=day(row.get("tanggal_catat"), "tanggal_catat"),
        reference=reference,
    )


def _row(data: Any) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise BadData("SHAPE", diagnosis=diagnoses.UNREADABLE, field="data")
    return data
