"""Between BPJS Ketenagakerjaan's shapes and the shared records. Pure functions; what codes mean is in `verdicts.py`."""

from types import MappingProxyType
from typing import Any, Final, TypeVar

from connectors.bpjs_ketenagakerjaan import wire
from connectors.bpjs_ketenagakerjaan.requests import DeathClaimRequest, EmployerRegistration, WorkerRegistration
from connectors.toolkit import diagnoses, reading
from connectors.toolkit.errors import BadData
from schemas.acknowledgement import Acknowledgement
from schemas.employment import DeathClaim, EmploymentMembership

P = TypeVar("P", bound=wire.Shape)

RELATIONS: Final = MappingProxyType(
    {"spouse": "PASANGAN", "child": "ANAK", "parent": "ORANG TUA", "sibling": "SAUDARA", "other": "LAINNYA"}
)
_ACTIVE: Final = "AKTIF"


def employer_request(request: EmployerRegistration, reference: str) -> dict[str, Any]:
    """The arguments of DaftarPerusahaan."""
    return {
        "NoReferensi": reference,
        "NIB": request.nib,
        "NPWP": request.npwp,
        "NamaPerusahaan": request.name,
        "Alamat": request.address,
        "Telepon": request.phone,
    }


def worker_request(request: WorkerRegistration, reference: str) -> dict[str, Any]:
    """The arguments of DaftarPekerja; dates are `dd-MM-yyyy`, the wage is whole rupiah."""
    return {
        "NoReferensi": reference,
        "NPP": request.employer_number,
        "NIK": request.nik,
        "Nama": request.name,
        "TanggalLahir": f"{request.birth_date:%d-%m-%Y}",
        "Upah": f"{request.wage:.0f}",
        "TanggalMulai": f"{request.starts_on:%d-%m-%Y}",
    }


def claim_request(request: DeathClaimRequest, reference: str) -> dict[str, Any]:
    """The arguments of KlaimKematian."""
    return {
        "NoReferensi": reference,
        "KPJ": request.membership_number,
        "NIK": request.nik,
        "TanggalMeninggal": f"{request.died_on:%d-%m-%Y}",
        "NoAktaKematian": request.deed_number,
        "NIKAhliWaris": request.heir_nik,
        "NamaAhliWaris": request.heir_name,
        "Hubungan": RELATIONS[request.relation],
    }


def employer(answer: wire.Answer, reference: str) -> Acknowledgement:
    """A registered business: the number is its NPP.

    Raises:
        BadData: There is none, or under another reference.
    """
    found = _about(answer.employer, "Perusahaan")
    reading.ours(answer.reference, reference, "NoReferensi")
    return Acknowledgement(
        number=reading.needed(reading.padded(found.number, 9), "NPP"),
        status=reading.text(found.status),
        received_at=reading.moment(found.registered, "TanggalDaftar"),
        reference=reference,
    )


def membership(answer: wire.Answer, nik: str, reference: str | None = None) -> EmploymentMembership:
    """A worker's membership.

    Raises:
        BadData: There is none, or about somebody else, or under another reference.
    """
    found = _about(answer.member, "Peserta")
    reading.ours(answer.reference if reference else None, reference, "NoReferensi")
    reading.ours(reading.text(found.nik), nik, "NIK")
    programmes = [part for part in map(reading.text, (found.programmes or "").split(",")) if part]
    return EmploymentMembership(
        number=reading.needed(reading.padded(found.number, 11), "KPJ"),
        nik=nik,
        status="active" if reading.needed(found.status, "StatusPeserta").upper() == _ACTIVE else "inactive",
        name=reading.text(found.name),
        employer_number=reading.padded(found.employer_number, 9),
        employer_name=reading.text(found.employer_name),
        programmes=programmes or None,
        wage=reading.amount(found.wage, "Upah"),
        valid_from=reading.day(found.valid_from, "TanggalMulai"),
        reference=reference,
    )


def claim(answer: wire.Answer, nik: str, reference: str) -> DeathClaim:
    """A claim after a death.

    Raises:
        BadData: There is none, or about somebody else, or under another reference.
    """
    found = _about(answer.claim, "Klaim")
    reading.ours(answer.reference, reference, "NoReferensi")
    reading.ours(reading.text(found.nik), nik, "NIK")
    return DeathClaim(
        claim_number=reading.needed(found.number, "NomorKlaim"),
        nik=nik,
        membership_number=reading.padded(found.membership_number, 11),
        heir_nik=reading.text(found.heir_nik),
        status=reading.text(found.status),
        amount=reading.amount(found.amount, "Santunan"),
        filed_on=reading.day(found.filed, "TanggalKlaim"),
        reference=reference,
    )


def _about(found: P | None, field: str) -> P:
    if found is None:
        raise BadData("EMPTY", diagnosis=diagnoses.UNREADABLE, field=field)
    return found
