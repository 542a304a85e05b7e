"""Between SIASN's data and our records. Pure functions; everything comes as text, dates as DD-MM-YYYY."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from connectors.bkn import wire
from connectors.bkn.requests import DeathReport, HistoryQuery
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.reading import day, moment, needed, ours, sex, text
from schemas.acknowledgement import Acknowledgement
from schemas.civil_service import CivilServant, HistoryKind, ServiceEntry, ServiceHistory
from schemas.identifiers import npwp16

Row = Mapping[str, Any]


class _Names(NamedTuple):
    """Where an entry of one kind of history keeps what."""

    title: tuple[str, ...]
    number: str
    dated: str
    since: str
    until: str = ""
    place: str = ""


_HISTORIES: Final[Mapping[HistoryKind, _Names]] = MappingProxyType(
    {
        "rank": _Names(("golongan", "golonganNama"), "skNomor", "skTanggal", "tmtGolongan"),
        "position": _Names(("namaJabatan", "jabatanNama"), "nomorSk", "tanggalSk", "tmtJabatan", place="unorNama"),
        "education": _Names(("pendidikanNama",), "nomorIjasah", "tglLulus", "", place="namaSekolah"),
        "training": _Names(
            ("latihanStrukturalNama", "namaKursus"),
            "nomor",
            "tanggal",
            "tanggal",
            "tanggalSelesai",
            "institusiPenyelenggara",
        ),
        "discipline": _Names(("jenisHukumanNama",), "skNomor", "skTanggal", "hukumanTanggal", "akhirHukumTanggal"),
    }
)


def civil_servant(data: Any, *, nip: str | None = None, nik: str | None = None) -> CivilServant:
    """A civil servant.

    Args:
        data: As `data-utama` gives it.
        nip: Whom we asked for.
        nik: Whom we searched for.

    Raises:
        BadData: It is about somebody else.
    """
    row = _row(data)
    found = CivilServant(
        employed=True,
        nip=needed(row.get("nipBaru"), "nipBaru"),
        nik=text(row.get("nik")),
        name=text(row.get("nama")),
        title_before=text(row.get("gelarDepan")),
        title_after=text(row.get("gelarBelakang")),
        birth_place=text(row.get("tempatLahir")),
        birth_date=day(row.get("tglLahir"), "tglLahir"),
        sex=sex(row.get("jenisKelamin")),
        religion=text(row.get("agama")),
        marital_status=text(row.get("statusPerkawinan")),
        email=text(row.get("email")),
        phone=text(row.get("noHp")),
        street=text(row.get("alamat")),
        npwp=_npwp(row.get("noNpwp")),
        standing=text(row.get("kedudukanPnsNama")),
        employment=text(row.get("statusPegawai")),
        candidate_since=day(row.get("tmtCpns"), "tmtCpns"),
        servant_since=day(row.get("tmtPns"), "tmtPns"),
        employer=text(row.get("instansiIndukNama")),
        unit=text(row.get("unorNama")),
        position=text(row.get("jabatanNama")),
        rank=text(row.get("golRuangAkhir")),
    )
    ours(found.nip, nip, "nipBaru")
    ours(found.nik, nik, "nik")
    return found


def found_civil_servant(data: Any, nik: str) -> CivilServant:
    """Who has this NIK in the civil service; that nobody has is an answer too."""
    rows = _rows(data)
    return civil_servant(rows[0], nik=nik) if rows else CivilServant(employed=False, nik=nik)


def history(data: Any, query: HistoryQuery) -> ServiceHistory:
    """One side of a career, in the agency's order."""
    names = _HISTORIES[query.kind]
    return ServiceHistory(nip=query.nip, kind=query.kind, entries=[_entry(row, names) for row in _rows(data)])


def death(request: DeathReport, reference: str) -> wire.Death:
    """A death as `pns/kematian` wants it."""
    return wire.Death(
        referensi=reference,
        nip=request.nip,
        tglMeninggal=f"{request.died_on:%d-%m-%Y}",
        aktaMeninggal=request.deed_number,
    )


def receipt(data: Any, reference: str) -> Acknowledgement:
    """The receipt of a report."""
    row = _row(data)
    ours(text(row.get("referensi")), reference, "referensi")
    return Acknowledgement(
        number=needed(row.get("id"), "id"),
        status=text(row.get("status")),
        received_at=moment(row.get("diterima"), "diterima"),
        reference=reference,
    )


def _entry(row: Row, names: _Names) -> ServiceEntry:
    title = next(filter(None, (text(row.get(name)) for name in names.title)), None)
    return ServiceEntry(
        title=needed(title, names.title[0]),
        number=text(row.get(names.number)),
        dated=day(row.get(names.dated), names.dated),
        since=day(row.get(names.since), names.since),
        until=day(row.get(names.until), names.until),
        place=text(row.get(names.place)),
    )


def _npwp(value: Any) -> str | None:
    written = text(value)
    digits = "".join(letter for letter in written or "" if letter.isdigit())
    if not digits.strip("0"):
        return None
    return npwp16(digits) if len(digits) == 15 else digits


def _row(data: Any) -> Row:
    if not isinstance(data, dict):
        raise BadData("SHAPE", diagnosis=diagnoses.UNREADABLE, field="data")
    return data


def _rows(data: Any) -> list[Row]:
    if not isinstance(data, list):
        raise BadData("SHAPE", diagnosis=diagnoses.UNREADABLE, field="data")
    return [_row(one) for one in data]
