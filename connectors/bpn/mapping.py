"""Between BPN's rows and our records, both ways. Pure functions; every quirk of the contract's section 3 ends here."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal

from connectors.bpn.requests import TransferRegistration
from connectors.bpn.wire import Row
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.feed import Change
from connectors.toolkit.reading import amount, day, needed, ours, padded, text
from schemas.civil import Address
from schemas.land import LandCertificate, LandDeed, LandTransfer

_CERTIFICATE: Final[Mapping[str, Literal["active", "blocked", "disputed", "pledged", "closed"]]] = {
    "AKTIF": "active",
    "BLOKIR": "blocked",
    "SENGKETA": "disputed",
    "HAKTANGGUNGAN": "pledged",
    "MATI": "closed",
}
_REGISTRATION: Final[Mapping[str, Literal["in_process", "completed", "refused"]]] = {
    "PROSES": "in_process",
    "SELESAI": "completed",
    "DITOLAK": "refused",
}


def certificate(row: Row, number: str) -> LandCertificate:
    """A certificate as the land book has it.

    Raises:
        BadData: It is another certificate, or its status is an unknown word.
    """
    ours(text(row.get("NOMOR_SERTIPIKAT")), number, "NOMOR_SERTIPIKAT")
    return LandCertificate(
        certificate_number=number,
        status=_status(_CERTIFICATE, row, "STATUS"),
        right=text(row.get("JENIS_HAK")),
        owner_nik=text(row.get("NIK")),
        owner_name=text(row.get("NAMA_PEMILIK")),
        nop=_nop(row.get("NOP")),
        parcel_number=text(row.get("NOMOR_INDUK_BIDANG")),
        land_area=_area(row.get("LUASTANAH"), "LUASTANAH"),
        issued_on=day(row.get("TANGGAL_TERBIT"), "TANGGAL_TERBIT"),
        note=text(row.get("CATATAN")),
    )


def transfer_status(row: Row, number: str) -> LandTransfer:
    """How far a registration has come, by REST.

    Raises:
        BadData: It is another registration, or its status is an unknown word.
    """
    ours(text(row.get("NOMOR_BERKAS")), number, "NOMOR_BERKAS")
    return LandTransfer(
        registration_number=number,
        status=_status(_REGISTRATION, row, "STATUS"),
        certificate_number=text(row.get("NOMOR_SERTIPIKAT")),
        nop=_nop(row.get("NOP")),
        deed_number=text(row.get("NOMOR_AKTA")),
        buyer_nik=text(row.get("NIK")),
        buyer_name=text(row.get("NAMA")),
        filed_on=day(row.get("TANGGAL_BERKAS"), "TANGGAL_BERKAS"),
        completed_on=day(row.get("TANGGAL_SELESAI"), "TANGGAL_SELESAI"),
        reference=text(row.get("REFERENSI")),
    )


def registration(request: TransferRegistration) -> dict[str, str]:
    """The body's `Peralihan`."""
    return {
        "NomorSertipikat": request.certificate_number,
        "NOP": request.nop,
        "NTPD": request.ntpd,
        "NomorAkta": request.deed_number,
        "TanggalAkta": f"{request.deed_date:%d/%m/%Y}",
        "NamaPPAT": request.notary_name,
        "NIKPenjual": request.seller_nik,
        "NIKPembeli": request.buyer_nik,
        "NamaPembeli": request.buyer_name,
    }


def transfer(data: Row | None, reference: str) -> LandTransfer:
    """A registration, as the SOAP service answers.

    Raises:
        BadData: There is none, it is another's, or its status is an unknown word.
    """
    row = data or {}
    ours(text(row.get("Referensi")), reference, "Data.Referensi")
    return LandTransfer(
        registration_number=needed(row.get("NomorBerkas"), "Data.NomorBerkas"),
        status=_status(_REGISTRATION, row, "Status"),
        certificate_number=text(row.get("NomorSertipikat")),
        nop=_nop(row.get("NOP")),
        deed_number=text(row.get("NomorAkta")),
        buyer_nik=text(row.get("NIKPembeli")),
        buyer_name=text(row.get("NamaPembeli")),
        filed_on=day(row.get("TanggalBerkas"), "Data.TanggalBerkas"),
        completed_on=day(row.get("TanggalSelesai"), "Data.TanggalSelesai"),
        reference=reference,
    )


def deed(row: Row) -> LandDeed:
    """A deed of `getDataATRBPN`.

    Raises:
        BadData: It has no number, or a value cannot be read.
    """
    place = Address(
        village=text(row.get("KELURAHAN_OP")),
        district=text(row.get("KECAMATAN_OP")),
        regency=text(row.get("KOTA_OP")),
    )
    return LandDeed(
        deed_number=needed(row.get("NOMOR_AKTA"), "NOMOR_AKTA"),
        deed_date=day(row.get("TANGGAL_AKTA"), "TANGGAL_AKTA"),
        notary_name=text(row.get("NAMA_PPAT")),
        nop=_nop(row.get("NOP")),
        ntpd=text(row.get("NTPD")),
        parcel_number=text(row.get("NOMOR_INDUK_BIDANG")),
        longitude=_degrees(row.get("KOORDINAT_X"), 180, "KOORDINAT_X"),
        latitude=_degrees(row.get("KOORDINAT_Y"), 90, "KOORDINAT_Y"),
        owner_nik=text(row.get("NIK")),
        owner_npwp=text(row.get("NPWP")),
        owner_name=text(row.get("NAMA_WP")),
        address=None if place == Address() else place,
        land_area=_area(row.get("LUASTANAH_OP"), "LUASTANAH_OP"),
        right=text(row.get("JENIS_HAK")),
    )


def change(found: LandDeed) -> Change[LandDeed]:
    """A deed as the feed tells it. Its id is a digest of all that it says: a corrected deed is another change."""
    digest = hashlib.sha256(found.model_dump_json().encode()).hexdigest()[:32]
    return Change(id=f"bpn-deed-{digest}", subject=found.nop or found.deed_number, record=found)


def _status(words: Mapping[str, Any], row: Row, field: str) -> Any:
    found = words.get("".join(needed(row.get(field), field).split()).upper())
    if found is None:
        raise BadData("UNREADABLE", diagnosis=diagnoses.UNREADABLE, field=field)
    return found


def _nop(value: Any) -> str | None:
    """With or without dots; `-` says nothing."""
    found = text(value)
    return padded(found.translate({ord("."): None, ord("-"): None}), 18) if found else None


def _area(value: Any, field: str) -> Decimal | None:
    """Square metres. A JSON number is what it is; in text a point before three digits groups thousands."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:.2f}"
    return amount(value, field)


def _degrees(value: Any, most: int, field: str) -> float | None:
    """Degrees; None for what can be none, since some offices send metres of the national grid."""
    found = text(value)
    try:
        degrees = None if found is None else float(found.replace(",", "."))
    except ValueError:
        raise BadData("NUMBER", diagnosis=diagnoses.UNREADABLE, field=field) from None
    return degrees if degrees is not None and -most <= degrees <= most else None
