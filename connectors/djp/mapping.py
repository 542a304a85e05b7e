"""Between DJP's messages and our records, both ways. Pure functions; every quirk of the contract's section 2 ends here."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from connectors.djp import wire
from connectors.djp.requests import AddressUpdate
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.reading import moment, needed, ours, text
from schemas.acknowledgement import Acknowledgement
from schemas.civil import Address
from schemas.identifiers import npwp16
from schemas.tax import TaxClearance, Taxpayer

_STATUSES: Final[Mapping[str, Literal["valid", "invalid"]]] = {"VALID": "valid", "TIDAKVALID": "invalid"}


def on_the_wire(npwp: str) -> str:
    """An NPWP as DJP's calls take it: 15 digits, or a NIK, which has no old form."""
    return npwp[1:] if len(npwp) == 16 and npwp.startswith("0") else npwp


def canonical(npwp: str) -> str:
    """An NPWP in the new form, 16 digits (PMK 112/2022)."""
    return npwp if len(npwp) == 16 else npwp16(npwp)


def message(answer: wire.Envelope) -> wire.Row:
    """The object in a good answer.

    Raises:
        BadData: There is none.
    """
    if answer.data is None:
        raise _unreadable("message")
    return answer.data


def taxpayer(answer: wire.Envelope, npwp: str) -> Taxpayer:
    """A taxpayer as `npwp` describes it; the answer does not repeat the number we asked with.

    Raises:
        BadData: There is no description.
    """
    row = message(answer).get("datawp")
    if not isinstance(row, dict):
        raise _unreadable("message.datawp")
    number = canonical(npwp)
    place = Address(
        street=text(row.get("ALAMAT")),
        village=text(row.get("KELURAHAN")),
        district=text(row.get("KECAMATAN")),
        regency=text(row.get("KABKOT")),
        province=text(row.get("PROVINSI")),
    )
    return Taxpayer(
        npwp=number,
        nik=None if number.startswith("0") else number,
        name=text(row.get("NAMA")),
        brand=text(row.get("MERK_DAGANG")),
        address=None if place == Address() else place,
        industry_code=text(row.get("KODE_KLU")),
        industry=text(row.get("KLU")),
        phone=text(row.get("TELP")),
        email=text(row.get("EMAIL")),
        kind=text(row.get("JENIS_WP")),
        legal_form=text(row.get("BADAN_HUKUM")),
    )


def clearance(answer: wire.Envelope, npwp: str, licence_code: str) -> TaxClearance:
    """DJP's word on a taxpayer: `VALID` or `TIDAK VALID`, in any case and spacing.

    Raises:
        BadData: It is another word, or about another taxpayer.
    """
    row = message(answer)
    status = _STATUSES.get("".join(needed(row.get("status"), "message.status").split()).upper())
    if status is None:
        raise _unreadable("message.status")
    found = text(row.get("NPWP"))
    if found is not None:
        ours(canonical(_digits(found)), canonical(npwp), "message.NPWP")
    return TaxClearance(
        npwp=canonical(npwp),
        status=status,
        name=text(row.get("nama")),
        licence_code=licence_code,
    )


def address(request: AddressUpdate, reference: str) -> wire.Alamat:
    """The body of `alamat`."""
    return wire.Alamat(
        npwp=on_the_wire(request.npwp),
        referensi=reference,
        alamat=request.street,
        kelurahan=request.village,
        kecamatan=request.district,
        kabkot=request.regency,
        provinsi=request.province,
        kodepos=request.postal_code,
        alasan=request.reason,
    )


def receipt(answer: wire.Envelope, reference: str) -> Acknowledgement:
    """DJP's receipt for a change of address.

    Raises:
        BadData: It is for another change, or carries no number.
    """
    row: Any = message(answer)
    ours(text(row.get("referensi")), reference, "message.referensi")
    return Acknowledgement(
        number=needed(row.get("nomor_bps"), "message.nomor_bps"),
        status=text(row.get("status")),
        received_at=moment(row.get("tanggal"), "message.tanggal"),
        reference=reference,
    )


def _digits(npwp: str) -> str:
    # A JSON number has lost its leading zeros; the card's form has dots and a dash.
    found = "".join(filter(str.isdigit, npwp))
    return found.zfill(15)


def _unreadable(field: str) -> BadData:
    return BadData("UNREADABLE", diagnosis=diagnoses.UNREADABLE, field=field)
