"""Between immigration's shapes and the shared records. Pure functions; what the codes mean is in `verdicts.py`."""

from datetime import date, datetime
from typing import Any, Final

from connectors.imigrasi import wire
from connectors.imigrasi.requests import BiometricsRequest, PassportRequest
from connectors.imigrasi.settings import ImigrasiSettings
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.reading import WIB, day, moment, needed, ours, padded, text
from schemas.immigration import (
    BiometricsAppointment,
    Passport,
    PassportApplication,
    PassportBook,
    PassportStatus,
)

BOOKS: Final[dict[PassportBook, str]] = {"5 years": "E5", "10 years": "E10"}
STATUSES: Final[dict[str, PassportStatus]] = {
    "DIBUKA": "opened",
    "TERJADWAL": "booked",
    "BIOMETRIK SELESAI": "biometrics taken",
    "TERBIT": "issued",
    "KADALUARSA": "lapsed",
    "DIBATALKAN": "cancelled",
}
_BOOKS: Final = {code: book for book, code in BOOKS.items()}


def opening(request: PassportRequest, settings: ImigrasiSettings, reference: str) -> dict[str, Any]:
    """The parameters of BukaPermohonan."""
    return {
        "noReferensi": reference,
        "nik": request.nik,
        "nama": request.name,
        "jenisPaspor": BOOKS[request.book],
        "kantor": settings.office,
    }


def booking(request: BiometricsRequest, reference: str) -> dict[str, Any]:
    """The parameters of JadwalBiometrik."""
    paid = {} if request.paid_at is None else {"tglBayar": written(request.paid_at)}
    return {"noReferensi": reference, "noPermohonan": request.number, "ntpn": request.ntpn, **paid}


def written(at: datetime) -> str:
    """An aware time as immigration writes it: Jakarta time, without saying so."""
    return at.astimezone(WIB).strftime("%Y-%m-%d %H:%M:%S")


def application(
    data: wire.Data | None, *, number: str | None = None, reference: str | None = None
) -> PassportApplication:
    """An application as it stands.

    Raises:
        BadData: About another one, or with a status that the contract does not have.
    """
    data = _about(data, number)
    status = STATUSES.get((text(data.status) or "").upper())
    if status is None:
        raise BadData("STATUS", diagnosis=diagnoses.UNREADABLE, field="status")
    return PassportApplication(
        number=needed(data.noPermohonan, "noPermohonan"),
        status=status,
        nik=padded(data.nik, 16),
        book=_BOOKS.get(text(data.jenisPaspor) or ""),
        office=text(data.kantor),
        pay_before=moment(data.batasBayar, "batasBayar"),
        reference=reference,
    )


def appointment(
    data: wire.Data | None, *, number: str | None = None, reference: str | None = None
) -> BiometricsAppointment:
    """An appointment.

    Raises:
        BadData: About another application, or without its times.
    """
    data = _about(data, number)
    return BiometricsAppointment(
        application_number=needed(data.noPermohonan, "noPermohonan"),
        queue_number=text(data.noAntrean),
        at=_moment(data.jadwal, "jadwal"),
        expires_at=_moment(data.berlakuSampai, "berlakuSampai"),
        office=text(data.kantor),
        reference=reference,
    )


def passport(data: wire.Data | None, *, number: str | None = None, reference: str | None = None) -> Passport:
    """A passport.

    Raises:
        BadData: About another application, or without number or dates.
    """
    data = _about(data, number)
    return Passport(
        number=needed(data.noPaspor, "noPaspor"),
        application_number=needed(data.noPermohonan, "noPermohonan"),
        nik=padded(data.nik, 16),
        name=text(data.nama),
        issued_on=_day(data.tglTerbit, "tglTerbit"),
        expires_on=_day(data.tglHabis, "tglHabis"),
        reference=reference,
    )


def _about(data: wire.Data | None, number: str | None) -> wire.Data:
    if data is None:
        raise BadData("MISSING", diagnosis=diagnoses.UNREADABLE, field="data")
    ours(text(data.noPermohonan), number, "noPermohonan")
    return data


def _moment(value: str | None, field: str) -> datetime:
    found = moment(value, field)
    if found is None:
        raise BadData("MISSING", diagnosis=diagnoses.UNREADABLE, field=field)
    return found


def _day(value: str | None, field: str) -> date:
    found = day(value, field)
    if found is None:
        raise BadData("MISSING", diagnosis=diagnoses.UNREADABLE, field=field)
    return found
