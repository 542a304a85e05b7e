"""Between the permit office's fields and our records, both ways. Pure functions."""

from typing import Any

from connectors.dpmptsp.requests import PermitIssue, PermitRegistration, PermitWithdrawal
from connectors.dpmptsp.wire import KINDS, Row
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.reading import day, needed, ours, padded, text
from schemas.business import STATUSES, Inspection, LicenceStatus, Permit, PermitKind


def registration(request: PermitRegistration, reference: str) -> dict[str, Any]:
    """A registration as the office wants it; what is not given is left out."""
    fields = {
        "referensi": reference,
        "jenis_izin": KINDS[request.kind],
        "nib": request.nib,
        "nik_pemohon": request.holder_nik,
        "nama_pemohon": request.holder_name,
        "lokasi": request.location,
        "uraian": request.description,
    }
    return {name: value for name, value in fields.items() if value is not None}


def issue(request: PermitIssue, reference: str) -> dict[str, Any]:
    """A decision to grant as the office wants it."""
    fields = {
        "referensi": reference,
        "tgl_berlaku": request.valid_until.isoformat() if request.valid_until else None,
        "penandatangan": request.signatory,
    }
    return {name: value for name, value in fields.items() if value is not None}


def withdrawal(request: PermitWithdrawal, reference: str) -> dict[str, Any]:
    """A withdrawal as the office wants it."""
    return {"referensi": reference, "alasan": request.reason}


def permit(row: Row, *, asked: str | None = None, reference: str | None = None) -> Permit:
    """A permit.

    Args:
        row: As the office gives it.
        asked: The registration we asked about.
        reference: Of the write that brought it.

    Raises:
        BadData: It is another one, or cannot be read.
    """
    found = Permit(
        registration=needed(row.get("no_pendaftaran"), "no_pendaftaran"),
        kind=_kind(row.get("jenis_izin")),
        status=_status(row.get("kd_status")),
        nib=padded(row.get("nib"), 13),
        holder_nik=padded(row.get("nik_pemohon"), 16),
        holder_name=text(row.get("nama_pemohon")),
        number=text(row.get("nomor_izin")),
        registered_on=day(row.get("tgl_daftar"), "tgl_daftar"),
        issued_on=day(row.get("tgl_terbit"), "tgl_terbit"),
        valid_until=day(row.get("tgl_berlaku"), "tgl_berlaku"),
        withdrawn_on=day(row.get("tgl_cabut"), "tgl_cabut"),
        inspection=_inspection(row.get("pemeriksaan")),
        reference=reference,
    )
    ours(found.registration, asked, "no_pendaftaran")
    return found


def _inspection(value: Any) -> Inspection | None:
    if not isinstance(value, dict):
        return None
    result = needed(value.get("hasil"), "pemeriksaan.hasil").upper()
    if result not in {"LULUS", "TIDAK LULUS"}:
        raise BadData("RESULT", diagnosis=diagnoses.UNREADABLE, field="pemeriksaan.hasil")
    return Inspection(
        passed=result == "LULUS",
        inspected_on=day(value.get("tanggal"), "pemeriksaan.tanggal"),
        inspector=text(value.get("petugas")),
        findings=text(value.get("catatan")),
    )


def _kind(value: Any) -> PermitKind:
    written = needed(value, "jenis_izin").upper()
    return next((kind for kind, theirs in KINDS.items() if theirs == written), "other")


def _status(value: Any) -> LicenceStatus:
    code = padded(value, 2)
    for known in STATUSES:
        if known == code:
            return known
    raise BadData("STATUS", diagnosis=diagnoses.UNREADABLE, field="kd_status")
