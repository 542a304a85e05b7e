"""Between Dukcapil's rows and our records, both ways. Pure functions; every quirk of the contract's section 1 ends here."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from connectors.dukcapil.requests import BirthRegistration, PersonVerification
from connectors.dukcapil.wire import Row
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from schemas.civil import Address, BirthDeed, ChildCard, Family, FamilyCard, Match, Person, PersonMatch
from schemas.identifiers import Sex

# "-" and "0" are how some offices write "nothing".
_NOTHING: Final = frozenset({"", "-", "0", "null"})

_SEXES: Final[Mapping[str, Sex]] = MappingProxyType(
    {"laki-laki": "male", "laki": "male", "l": "male", "perempuan": "female", "p": "female"}
)
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
_MATCH = re.compile(r"\s*(tidak\s+)?sesuai\s*(?:\(\s*(\d{1,3})\s*\))?\s*", re.IGNORECASE)


def text(value: Any) -> str | None:
    """A text field; None for every way of writing nothing."""
    stripped = "" if value is None else " ".join(str(value).split())
    return None if stripped.casefold() in _NOTHING else stripped


def padded(value: Any, width: int) -> str | None:
    """A number that may have come as a JSON number, without its leading zeros."""
    found = text(value)
    return found.zfill(width) if found and found.isdigit() else found


def day(value: Any) -> date | None:
    """A date, written `1990-01-31` (also with a time behind it) or `31-01-1990`.

    Raises:
        BadData: It is neither.
    """
    found = text(value)
    if found is None:
        return None
    for form in ("%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y"):
        try:
            return datetime.strptime(found[:10], form).date()  # noqa: DTZ007  (a date has no zone)
        except ValueError:
            continue
    raise BadData("DATE", diagnosis=diagnoses.UNREADABLE, detail="a date in an unknown form")


def sex(value: Any) -> Sex | None:
    """Male or female; None where the office does not say."""
    found = text(value)
    return _SEXES.get(found.casefold().replace(" ", "")) if found else None


def address(row: Row) -> Address | None:
    """The address in a person's row, its codes put together; None where there is none."""
    province = padded(row.get("NO_PROP"), 2)
    regency = _below(province, row.get("NO_KAB"), 2)
    district = _below(regency, row.get("NO_KEC"), 2)
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
        village_code=_below(district, row.get("NO_KEL"), 4),
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
        birth_date=day(row.get("TGL_LHR")),
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
    )
    _is_ours("NIK", found.nik, nik)
    return found


def family(rows: list[Row], nkk: str) -> Family:
    """Everyone on a card.

    Raises:
        BadData: A member is of another card.
    """
    members = [person(row) for row in rows]
    for member in members:
        _is_ours("NO_KK", member.nkk or nkk, nkk)
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
    for name, ours in _ELEMENTS.items():
        if (said := text(row.get(name))) is not None:
            match = _MATCH.fullmatch(said)
            if match is None:
                raise BadData("ELEMENT", diagnosis=diagnoses.UNREADABLE, field=name)
            found[ours] = Match(matches=match[1] is None, score=int(match[2]) if match[2] else None)
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
    _is_ours("REFERENSI", text(row.get("REFERENSI")), reference)
    return BirthDeed(
        deed_number=text(row["NO_AKTA_LHR"]) or "",
        nik=row["NIK"],
        name=text(row.get("NAMA_LGKP")),
        sex=sex(row.get("JENIS_KLMIN")),
        birth_date=day(row.get("TGL_LHR")),
        birth_place=text(row.get("TMPT_LHR")),
        nkk=text(row.get("NO_KK")),
        mother_nik=text(row.get("NIK_IBU")),
        father_nik=text(row.get("NIK_AYAH")),
        registered_on=day(row.get("TGL_PENCATATAN")),
        reference=reference,
    )


def family_card(row: Row, reference: str) -> FamilyCard:
    """A family card as issued."""
    _is_ours("REFERENSI", text(row.get("REFERENSI")), reference)
    return FamilyCard(
        nkk=row["NO_KK"],
        document_number=text(row.get("NO_DOKUMEN")),
        issued_on=day(row.get("TGL_TERBIT")),
        reference=reference,
    )


def child_card(row: Row, reference: str) -> ChildCard:
    """A child's card as issued."""
    _is_ours("REFERENSI", text(row.get("REFERENSI")), reference)
    return ChildCard(
        card_number=text(row["NO_KIA"]) or "",
        nik=row["NIK"],
        issued_on=day(row.get("TGL_TERBIT")),
        valid_until=day(row.get("TGL_BERLAKU")),
        reference=reference,
    )


def _below(above: str | None, value: Any, width: int) -> str | None:
    own = padded(value, width)
    return f"{above}{own}" if above and own else None


def _is_ours(field: str, found: str | None, asked: str | None) -> None:
    if asked is not None and found != asked:
        raise BadData("SOMEBODY_ELSE", diagnosis=diagnoses.UNREADABLE, field=field, detail="not what was asked for")
