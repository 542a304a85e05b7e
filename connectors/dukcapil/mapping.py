"""Between Dukcapil's rows and our records, both ways. Pure functions; every quirk of the contract's section 1 ends here."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

from connectors.dukcapil.requests import (
    BirthRegistration,
    DeathRegistration,
    MarriageRegistration,
    PersonVerification,
)
from connectors.dukcapil.wire import Row
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.feed import Change
from connectors.toolkit.reading import day, needed, ours, padded, region, sex, text
from schemas.civil import (
    Address,
    BirthDeed,
    ChildCard,
    DeathDeed,
    Family,
    FamilyCard,
    IdentityCard,
    MarriageRecord,
    Match,
    MoveLetter,
    Person,
    PersonMatch,
)
from schemas.identifiers import Sex

SEX_WORDS: Final[Mapping[Sex, str]] = MappingProxyType({"male": "Laki-Laki", "female": "Perempuan"})

_ELEMENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "NAMA_LGKP": "name",
        "TGL_LHR": "birth_date",
        "TMPT_LHR": "birth_place",
        "JENIS_KLMIN": "sex",
        "NAMA_LGKP_IBU": "mother_name",
        "ALAMAT": "street",
    }
)
_LIVING: Final[Mapping[str, bool]] = MappingProxyType({"hidup": False, "meninggal": True})
_LETTER_STATUS: Final[Mapping[str, Literal["issued", "taken_in"]]] = MappingProxyType(
    {"terbit": "issued", "diterima": "taken_in"}
)
_FOR_LIFE: Final = "seumur hidup"
_MATCH = re.compile(r"\s*(tidak\s+)?sesuai\s*(?:\(\s*(\d{1,3})\s*\))?\s*", re.IGNORECASE)


def address(row: Row) -> Address | None:
    """The address in a person's row, its codes put together; None where there is none."""
    province, regency, district, village = region(
        (row.get("NO_PROP"), 2), (row.get("NO_KAB"), 2), (row.get("NO_KEC"), 2), (row.get("NO_KEL"), 4)
    )
    found = Address(
        street=text(row.get("ALAMAT")),
        rt=padded(row.get("NO_RT"), 3),
        rw=padded(row.get("NO_RW"), 3),
        hamlet=text(row.get("DUSUN")),
        postal_code=padded(row.get("KODE_POS"), 5),
        province_code=province,
        province=text(row.get("PROP_NAME")),
        regency_code=regency,
        regency=text(row.get("KAB_NAME")),
        district_code=district,
        district=text(row.get("KEC_NAME")),
        village_code=village,
        village=text(row.get("KEL_NAME")),
    )
    return found if found != Address() else None


def person(row: Row, nik: str | None = None) -> Person:
    """A resident.

    Args:
        row: As `CALL_NIK` gives it.
        nik: Whom we asked for.

    Raises:
        BadData: It is about somebody else.
    """
    found = Person(
        nik=row["NIK"],
        nkk=text(row.get("NO_KK")),
        name=text(row.get("NAMA_LGKP")),
        birth_place=text(row.get("TMPT_LHR")),
        birth_date=day(row.get("TGL_LHR"), "TGL_LHR"),
        sex=sex(row.get("JENIS_KLMIN")),
        religion=text(row.get("AGAMA")),
        marital_status=text(row.get("STATUS_KAWIN")),
        blood_type=text(row.get("GOL_DARAH")),
        education=text(row.get("PDDK_AKH")),
        occupation=text(row.get("JENIS_PKRJN")),
        family_relation=text(row.get("STAT_HBKEL")),
        mother_name=text(row.get("NAMA_LGKP_IBU")),
        mother_nik=text(row.get("NIK_IBU")),
        father_name=text(row.get("NAMA_LGKP_AYAH")),
        father_nik=text(row.get("NIK_AYAH")),
        address=address(row),
        deceased=_LIVING.get((text(row.get("STATUS_HIDUP")) or "").casefold()),
    )
    ours(found.nik, nik, "NIK")
    return found


def family(rows: list[Row], nkk: str) -> Family:
    """Everyone on a card.

    Raises:
        BadData: A member is of another card.
    """
    members = [person(row) for row in rows]
    for member in members:
        ours(member.nkk or nkk, nkk, "NO_KK")
    return Family(nkk=nkk, members=members, address=next((m.address for m in members if m.address), None))


def elements(request: PersonVerification) -> dict[str, str]:
    """Claimed data as `CALL_VERIFY_BY_ELEMEN` wants them; what is not claimed is left out."""
    claimed = {
        "NIK": request.nik,
        "NAMA_LGKP": request.name,
        "TGL_LHR": f"{request.birth_date:%d-%m-%Y}",
        "TMPT_LHR": request.birth_place,
        "JENIS_KLMIN": SEX_WORDS[request.sex] if request.sex else None,
        "NAMA_LGKP_IBU": request.mother_name,
        "ALAMAT": request.street,
    }
    return {name: value for name, value in claimed.items() if value is not None}


def person_match(row: Row, nik: str) -> PersonMatch:
    """Match or no match per element that the agency compared.

    Raises:
        BadData: An element says neither.
    """
    found: dict[str, Match] = {}
    for name, element in _ELEMENTS.items():
        if (said := text(row.get(name))) is not None:
            match = _MATCH.fullmatch(said)
            if match is None:
                raise BadData("ELEMENT", diagnosis=diagnoses.UNREADABLE, field=name)
            found[element] = Match(matches=match[1] is None, score=int(match[2]) if match[2] else None)
    if not found:
        raise BadData("EMPTY", diagnosis=diagnoses.UNREADABLE, field="content")
    return PersonMatch(nik=nik, elements=found)


def birth(request: BirthRegistration) -> dict[str, Any]:
    """A birth as `REGISTER_BIRTH` wants it; parents are the card's head and wife, whichever of them is on it."""
    by_relation = {(member.family_relation or "").casefold(): member.nik for member in request.family.members}
    by_sex = {"male": by_relation.get("suami"), "female": by_relation.get("istri")}
    for member in request.family.members:
        if (member.family_relation or "").casefold() == "kepala keluarga" and member.sex is not None:
            by_sex[member.sex] = member.nik
    child = request.child
    return {
        "no_kk": request.family.nkk,
        "nama_lgkp": child.name,
        "jenis_klmin": SEX_WORDS[child.sex],
        "tgl_lhr": child.birth_date.isoformat(),
        "tmpt_lhr": child.birth_place,
        "nik_ayah": by_sex["male"],
        "nik_ibu": by_sex["female"],
        "berat_lahir": child.birth_weight_grams,
        "anak_ke": child.order,
    }


def birth_deed(row: Row, reference: str) -> BirthDeed:
    """The registration of a birth."""
    ours(text(row.get("REFERENSI")), reference, "REFERENSI")
    return BirthDeed(
        deed_number=needed(row.get("NO_AKTA_LHR"), "NO_AKTA_LHR"),
        nik=row["NIK"],
        name=text(row.get("NAMA_LGKP")),
        sex=sex(row.get("JENIS_KLMIN")),
        birth_date=day(row.get("TGL_LHR"), "TGL_LHR"),
        birth_place=text(row.get("TMPT_LHR")),
        nkk=text(row.get("NO_KK")),
        mother_nik=text(row.get("NIK_IBU")),
        father_nik=text(row.get("NIK_AYAH")),
        registered_on=day(row.get("TGL_PENCATATAN"), "TGL_PENCATATAN"),
        reference=reference,
    )


def family_card(row: Row, reference: str) -> FamilyCard:
    """A family card as issued."""
    ours(text(row.get("REFERENSI")), reference, "REFERENSI")
    return FamilyCard(
        nkk=row["NO_KK"],
        document_number=text(row.get("NO_DOKUMEN")),
        issued_on=day(row.get("TGL_TERBIT"), "TGL_TERBIT"),
        reference=reference,
    )


def child_card(row: Row, reference: str) -> ChildCard:
    """A child's card as issued."""
    ours(text(row.get("REFERENSI")), reference, "REFERENSI")
    return ChildCard(
        card_number=needed(row.get("NO_KIA"), "NO_KIA"),
        nik=row["NIK"],
        issued_on=day(row.get("TGL_TERBIT"), "TGL_TERBIT"),
        valid_until=day(row.get("TGL_BERLAKU"), "TGL_BERLAKU"),
        reference=reference,
    )


def place(address: Address) -> dict[str, str]:
    """An address as the writing calls want it: the parts of its codes apart, as the reading side gives them."""
    codes = (address.province_code, address.regency_code, address.district_code, address.village_code)
    own = {
        "ALAMAT": address.street,
        "NO_RT": address.rt,
        "NO_RW": address.rw,
        "DUSUN": address.hamlet,
        "KODE_POS": address.postal_code,
        **{
            name: code[start:] if code else None
            for name, code, start in zip(("NO_PROP", "NO_KAB", "NO_KEC", "NO_KEL"), codes, (0, 2, 4, 6), strict=True)
        },
        "PROP_NAME": address.province,
        "KAB_NAME": address.regency,
        "KEC_NAME": address.district,
        "KEL_NAME": address.village,
    }
    return {name: value for name, value in own.items() if value}


def death(request: DeathRegistration) -> dict[str, str | None]:
    """A death as `REGISTER_DEATH` wants it."""
    return {
        "nik": request.nik,
        "tgl_mati": request.died_on.isoformat(),
        "tmpt_mati": request.place,
        "no_surat_kematian": request.letter_number,
        "nik_pelapor": request.reporter_nik,
    }


def death_deed(row: Row, reference: str) -> DeathDeed:
    """The registration of a death."""
    ours(text(row.get("REFERENSI")), reference, "REFERENSI")
    return DeathDeed(
        deed_number=needed(row.get("NO_AKTA_MATI"), "NO_AKTA_MATI"),
        nik=row["NIK"],
        name=text(row.get("NAMA_LGKP")),
        died_on=day(row.get("TGL_MATI"), "TGL_MATI"),
        place=text(row.get("TMPT_MATI")),
        nkk=text(row.get("NO_KK")),
        spouse_nik=text(row.get("NIK_PASANGAN")),
        registered_on=day(row.get("TGL_PENCATATAN"), "TGL_PENCATATAN"),
        reference=reference,
    )


def marriage(request: MarriageRegistration) -> dict[str, str | None]:
    """A marriage as `REGISTER_MARRIAGE` wants it."""
    return {
        "nik_suami": request.husband_nik,
        "nik_istri": request.wife_nik,
        "tgl_kwn": request.married_on.isoformat(),
        "tmpt_kwn": request.place,
        "no_buku_nikah": request.book_number,
    }


def marriage_record(row: Row, reference: str) -> MarriageRecord:
    """The registration of a marriage: by its deed, or by the KUA's book where there is one."""
    ours(text(row.get("REFERENSI")), reference, "REFERENSI")
    book = text(row.get("NO_BUKU_NIKAH"))
    return MarriageRecord(
        kind="book" if book else "deed",
        number=book or needed(row.get("NO_AKTA_KWN"), "NO_AKTA_KWN"),
        husband_nik=row["NIK_SUAMI"],
        wife_nik=row["NIK_ISTRI"],
        husband_name=text(row.get("NAMA_SUAMI")),
        wife_name=text(row.get("NAMA_ISTRI")),
        married_on=day(row.get("TGL_KWN"), "TGL_KWN"),
        place=text(row.get("TMPT_KWN")),
        registered_on=day(row.get("TGL_PENCATATAN"), "TGL_PENCATATAN"),
        reference=reference,
    )


def move_letter(row: Row, reference: str) -> MoveLetter:
    """A moving letter, as issued or as taken in.

    Raises:
        BadData: Its status is neither.
    """
    ours(text(row.get("REFERENSI")), reference, "REFERENSI")
    status = _LETTER_STATUS.get(needed(row.get("STATUS"), "STATUS").casefold())
    if status is None:
        raise BadData("STATUS", diagnosis=diagnoses.UNREADABLE, field="STATUS")
    return MoveLetter(
        letter_number=needed(row.get("NO_SKPWNI"), "NO_SKPWNI"),
        status=status,
        nkk=row["NO_KK"],
        members=row.get("NIK_PINDAH") or [],
        origin=address(row.get("ASAL") or {}),
        destination=address(row.get("TUJUAN") or {}),
        issued_on=day(row.get("TGL_TERBIT"), "TGL_TERBIT"),
        valid_until=day(row.get("TGL_BERLAKU"), "TGL_BERLAKU"),
        taken_in_on=day(row.get("TGL_DITERIMA"), "TGL_DITERIMA"),
        reference=reference,
    )


def identity_card(row: Row, reference: str) -> IdentityCard:
    """An identity card as issued; a citizen's is valid "SEUMUR HIDUP", for life."""
    ours(text(row.get("REFERENSI")), reference, "REFERENSI")
    until = text(row.get("TGL_BERLAKU"))
    return IdentityCard(
        card_number=needed(row.get("NO_KTP_EL"), "NO_KTP_EL"),
        nik=row["NIK"],
        name=text(row.get("NAMA_LGKP")),
        marital_status=text(row.get("STATUS_KAWIN")),
        issued_on=day(row.get("TGL_TERBIT"), "TGL_TERBIT"),
        valid_until=None if until and until.casefold() == _FOR_LIFE else day(until, "TGL_BERLAKU"),
        reference=reference,
    )


def change(row: Row) -> Change[Person]:
    """One change of a resident: who they are now, under the serial number of the change.

    Raises:
        BadData: It has no number.
    """
    serial = needed(row.get("SERIAL"), "SERIAL")
    if not serial.isdigit():
        raise BadData("SERIAL", diagnosis=diagnoses.UNREADABLE, field="SERIAL")
    found = person(row)
    return Change(id=serial, subject=found.nik, record=found)
