"""Between OSS's fields and our records, both ways. Pure functions; every quirk of the contract's section 5 ends here."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from connectors.oss import wire
from connectors.oss.requests import BusinessInquiry, LicenceReport, LicenceStatusReport
from connectors.oss.wire import Row
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.reading import WIB, moment, needed, ours, padded, text
from schemas.business import BusinessEntity, BusinessFiling, ChecklistItem, Licence, LicenceStatus, Project
from schemas.identifiers import npwp16

_STATUSES: Final[Mapping[str, Literal["active", "not_yet", "frozen", "revoked"]]] = MappingProxyType(
    {"01": "active", "02": "not_yet", "05": "frozen", "06": "revoked"}
)
_TAX: Final[Mapping[str, Literal["valid", "failed", "annual_return", "vat_return", "not_found"]]] = MappingProxyType(
    {"00": "valid", "01": "failed", "02": "annual_return", "03": "vat_return", "04": "not_found"}
)
_CHECKED: Final = frozenset({"Y", "1", "01", "TRUE"})


def npwp(value: Any) -> str | None:
    """A taxpayer's number in the 16-digit form: OSS has 15 in most fields; None for what is neither."""
    digits = "".join(letter for letter in text(value) or "" if letter.isdigit())
    if not digits.strip("0"):
        return None
    if len(digits) not in {15, 16}:
        raise BadData("NPWP", diagnosis=diagnoses.UNREADABLE, field="npwp_perseroan")
    return npwp16(digits) if len(digits) == 15 else digits


def inquiry(query: BusinessInquiry) -> dict[str, Any]:
    """`INQUERYNIB`, spelt so; its NPWP has 16 digits."""
    if query.npwp is not None:
        return {"INQUERYNIB": {"npwp": npwp(query.npwp)}}
    return {"INQUERYNIB": {name: value for name, value in (("nib", query.nib), ("oss_id", query.oss_id)) if value}}


def entity(data: Row, nib: str | None = None) -> BusinessEntity:
    """A business, as an inquiry or a check tells it.

    Args:
        data: `dataNIB`.
        nib: Which one we asked for.

    Raises:
        BadData: It is another one, or cannot be read.
    """
    found = BusinessEntity(
        nib=needed(padded(data.get("nib"), 13), "nib"),
        name=text(data.get("nama_perseroan")) or text(data.get("nama_perusahaan")),
        status=_known(_STATUSES, data.get("status_nib", data.get("status")), "status_nib"),
        oss_id=text(data.get("oss_id")),
        npwp=npwp(data.get("npwp_perseroan")),
        tax_flag=_known(_TAX, data.get("flag_pajak"), "flag_pajak"),
        owner_nik=_owner(data).get("nik"),
        owner_name=_owner(data).get("name"),
        projects=_projects(data),
    )
    ours(found.nib, nib, "nib")
    return found


def filing(data: Row) -> BusinessFiling:
    """What `receiveNIB` says, as the form of the service `business`.

    Raises:
        BadData: A number that an application cannot do without is missing or cannot be read.
    """
    return BusinessFiling(
        nib=needed(padded(data.get("nib"), 13), "nib"),
        oss_id=needed(data.get("oss_id"), "oss_id"),
        id_izin=needed(data.get("id_izin"), "id_izin"),
        kd_izin=text(data.get("kd_izin")),
        kd_daerah=padded(data.get("kd_daerah"), 10),
        name=needed(data.get("nama_perseroan"), "nama_perseroan"),
        npwp=npwp(data.get("npwp_perseroan")),
        owner_nik=_owner(data).get("nik"),
        owner_name=_owner(data).get("name"),
        projects=_projects(data),
        checklist=tuple(
            ChecklistItem(
                id_izin=text(item.get("id_izin")),
                kd_izin=text(item.get("kd_izin")),
                name=text(item.get("nama_izin")),
                agency=text(item.get("instansi")),
                checked=_checked(item.get("flag_checklist")),
            )
            for item in wire.rows(data.get("data_checklist"), "data_checklist")
        ),
    )


def status_report(
    report: LicenceStatusReport, *, agency_code: str, reference: str, now: datetime
) -> dict[str, dict[str, Any]]:
    """`IZINSTATUS`. What we leave out is an empty string, as in OSS's own samples."""
    bill = report.bill
    return {
        "IZINSTATUS": {
            "nib": report.nib,
            "id_produk": report.id_produk or "",
            "id_proyek": report.id_proyek or "",
            "oss_id": report.oss_id,
            "id_izin": report.id_izin,
            "kd_izin": report.kd_izin,
            "kd_instansi": agency_code,
            "kd_status": report.status,
            "tgl_status": _written(now),
            "nip_status": report.officer_nip or "",
            "nama_status": report.officer_name or "",
            "keterangan": marked(report.note, reference),
            "file_lampiran": report.attachment_url or "",
            "data_pnbp": {
                "kd_akun": "",
                "kd_penerimaan": "",
                "kd_billing": bill.billing_code if bill else "",
                "tgl_billing": _written(bill.issued_at) if bill and bill.issued_at else "",
                "tgl_expire": _written(bill.expires_at) if bill else "",
                "nominal": str(bill.amount) if bill else "",
                "url_dokumen": "",
            },
        }
    }


def final(report: LicenceReport, *, reference: str) -> dict[str, dict[str, Any]]:
    """`IZINFINAL`."""
    return {
        "IZINFINAL": {
            "nib": report.nib,
            "id_proyek": report.id_proyek or "",
            "oss_id": report.oss_id,
            "id_izin": report.id_izin,
            "kd_izin": report.kd_izin,
            "kd_daerah": report.kd_daerah,
            "nomor_izin": report.number,
            "tgl_terbit_izin": report.issued_on.isoformat(),
            "tgl_berlaku_izin": report.valid_until.isoformat() if report.valid_until else "",
            "nama_ttd": report.officer_name or "",
            "nip_ttd": report.officer_nip or "",
            "jabatan_ttd": report.officer_position or "",
            "status_izin": report.status,
            "file_izin": report.file_url or "",
            "keterangan": marked(report.note, reference),
            "file_lampiran": report.attachment_url or "",
            "data_teknis": report.technical,
        }
    }


def marked(note: str | None, reference: str) -> str:
    """A note with our reference at its end: OSS has no field for one, and shows the note when it is asked."""
    return f"{note} [ref {reference}]" if note else f"[ref {reference}]"


def licence(report: LicenceReport | LicenceStatusReport, *, reference: str, data: Row | None = None) -> Licence:
    """A licence as it stands after our report.

    Args:
        report: What we sent.
        data: What OSS says of it since, where it was asked.
    """
    data = data or {}
    known = report if isinstance(report, LicenceReport) else None
    return Licence(
        id_izin=report.id_izin,
        nib=report.nib,
        oss_id=report.oss_id,
        kd_izin=report.kd_izin,
        status=report.status,
        status_at=None if known else moment(data.get("tgl_status"), "tgl_status"),
        number=known.number if known else None,
        issued_on=known.issued_on if known else None,
        valid_until=known.valid_until if known else None,
        reference=reference,
    )


def is_ours(data: Row, report: LicenceReport | LicenceStatusReport, reference: str) -> bool:
    """Whether a status that OSS shows is the one we sent under a reference.

    By the mark in its note; where an OSS shows no marks at all, by what it says.
    """
    note = text(data.get("keterangan")) or ""
    if "[ref " in note:
        return note.endswith(f"[ref {reference}]")
    same = status(data.get("kd_status"), "kd_status") == report.status
    return same and (not isinstance(report, LicenceReport) or text(data.get("nomor_izin")) == report.number)


def status(value: Any, field: str) -> LicenceStatus | None:
    """A code of the table; None where nothing is said.

    Raises:
        BadData: The table does not have it.
    """
    code = padded(value, 2)
    if code is None:
        return None
    for known in get_args(LicenceStatus):
        if known == code:
            return known  # type: ignore[no-any-return]
    raise BadData("STATUS", diagnosis=diagnoses.UNREADABLE, field=field)


def _owner(data: Row) -> dict[str, str | None]:
    """Who answers for the business: the first responsible person, or else the first shareholder, with a NIK."""
    people = (
        *wire.rows(data.get("penanggung_jwb"), "penanggung_jwb"),
        *wire.rows(data.get("pemegang_saham"), "pemegang_saham"),
    )
    for person in people:
        nik = padded(person.get("no_identitas_penanggung_jwb") or person.get("no_identitas_pemegang_saham"), 16)
        if nik is not None and len(nik) == 16 and nik.isdigit():
            name = text(person.get("nama_penanggung_jwb")) or text(person.get("nama_pemegang_saham"))
            return {"nik": nik, "name": name}
    return {}


def _projects(data: Row) -> tuple[Project, ...]:
    return tuple(
        Project(
            id_proyek=text(project.get("id_proyek")),
            kbli=padded(project.get("kbli"), 5),
            scale=text(project.get("skala_usaha")),
            risk=text(project.get("skala_resiko")),
        )
        for project in wire.rows(data.get("data_proyek"), "data_proyek")
    )


def _checked(value: Any) -> bool | None:
    # Zero is an answer here, not a way of writing nothing.
    found = "" if value is None else str(value).strip().upper()
    return found in _CHECKED if found and found != "-" else None


def _known(table: Mapping[str, Any], value: Any, field: str) -> Any:
    # "00" is a code; text() would keep it, but a JSON 0 means the same.
    code = "" if value is None else str(value).strip()
    if not code or code == "-":
        return None
    if (found := table.get(code.zfill(2))) is None:
        raise BadData("UNKNOWN_CODE", diagnosis=diagnoses.UNREADABLE, field=field)
    return found


def _written(at: datetime) -> str:
    return f"{at.astimezone(WIB):%Y-%m-%d %H:%M:%S}"
