"""The simulated Dukcapil: it answers as the contract's section 1 says, quirks included.

Its writes are an invention [G] and not idempotent on purpose: what is sent twice happens twice, and is counted.
"""

import itertools
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from pydantic import SecretStr

from connectors.dukcapil.settings import DukcapilSettings
from connectors.toolkit.population import SandboxWorld, Status, SyntheticAddress, SyntheticFamily, SyntheticPerson
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

CONSUMER = "99-01/SIMPUL_9901"
USER_ID, PASSWORD, IP_USER = "sandbox-user", "sandbox-password", "10.99.0.1"
QUOTA = 1_000_000_000

Fields = Mapping[str, Any]
Row = dict[str, Any]

# How offices put it; the double space and the three casings are real.
LOGIN_FAILED = "Login Gagal"
WRONG_ADDRESS = "IP Address Tidak Sesuai"
UNKNOWN_ADDRESS = "IP Client  Tidak terdaftar"
NO_QUOTA = (
    "Kuota Akses Hari ini telah Habis",
    "KUOTA AKSES HARI INI TELAH HABIS",
    "kuota akses hari ini telah habis",
)
NOT_FOUND = "Data Tidak Ditemukan"
INCOMPLETE = "Parameter Tidak Lengkap"

_OF_STATUS: Mapping[Status, tuple[str, str]] = {
    "deceased": ("11", "Data Ditemukan, Status Meninggal Dunia"),
    "duplicate": ("12", "Data Ditemukan, Status Ganda"),
    "inactive": ("14", "Data Ditemukan, Status Non Aktif"),
}
_RELATIONS = {"father": "KEPALA KELUARGA", "mother": "ISTRI", "child": "ANAK"}
_SEXES = {"male": "Laki-Laki", "female": "Perempuan"}
_THRESHOLD = 80


class _Refused(Exception):  # noqa: N818
    """The call is refused; the argument is the row that says so."""


class Dukcapil:
    """The office's data and rules, without HTTP."""

    def __init__(self, agency: SandboxAgency, world: SandboxWorld, quota: int) -> None:
        self.agency = agency
        self.world = world
        self.daily_quota = quota
        self.reset()

    def reset(self) -> None:
        """A new day: nothing written, nobody born, the whole quota left."""
        self.quota = self.daily_quota
        self.written: dict[tuple[str, str], list[Row]] = {}
        self.serial = itertools.count(1)
        self.world.reset()

    def call_nik(self, fields: Fields) -> list[Row]:
        """One resident."""
        return [self._person(self._active(_given(fields, "NIK")))]

    def call_nik_get_kk(self, fields: Fields) -> list[Row]:
        """Everyone on a card, the deceased included: they stay on it until it is issued anew."""
        return [self._person(member) for member in self._card(_given(fields, "NO_KK")).members]

    def verify(self, fields: Fields) -> list[Row]:
        """Claimed data against the registry: exact for dates and sex, by likeness for names and places."""
        person = self._active(_given(fields, "NIK"))
        try:
            threshold = int(_given(fields, "TRESHOLD"))
        except ValueError:
            raise _Refused({"RESPON": "Parameter Tidak Valid"}) from None
        known = self._person(person)
        born = f"{person.birth_date:%d-%m-%Y}"
        row: Row = {"NIK": "Sesuai"}
        for name in ("TGL_LHR", "JENIS_KLMIN"):
            if name in fields:
                right = str(fields[name]) in ({born, known[name]} if name == "TGL_LHR" else {known[name]})
                row[name] = "Sesuai" if right else "Tidak Sesuai"
        for name in ("NAMA_LGKP", "TMPT_LHR", "ALAMAT", "NAMA_LGKP_IBU"):
            if name in fields:
                score = _likeness(str(fields[name]), str(known.get(name) or ""))
                row[name] = f"{'Sesuai' if score >= max(threshold, _THRESHOLD) else 'Tidak Sesuai'} ({score})"
        return [row]

    def register_birth(self, fields: Fields) -> list[Row]:
        """A child is born, gets a NIK and a deed, and is on its parents' card from now on."""
        reference, family = _given(fields, "REFERENSI"), self._card(_given(fields, "NO_KK"))
        parents = {name: str(fields[name]) for name in ("NIK_IBU", "NIK_AYAH") if fields.get(name)}
        if not parents:
            raise _Refused({"RESPON": INCOMPLETE})
        for nik in parents.values():
            # a child may be born after a parent's death
            self._active(nik, or_deceased=True)
        child = self.world.born(
            family,
            name=_given(fields, "NAMA_LGKP"),
            sex="male" if _given(fields, "JENIS_KLMIN") == _SEXES["male"] else "female",
            birth_date=date.fromisoformat(_given(fields, "TGL_LHR")),
            place=_given(fields, "TMPT_LHR"),
        )
        deed = {
            "NIK": int(child.nik),
            "NO_KK": int(child.nkk),
            "NO_AKTA_LHR": child.birth_deed,
            "NAMA_LGKP": child.name.upper(),
            "JENIS_KLMIN": _SEXES[child.sex],
            "TGL_LHR": child.birth_date.isoformat(),
            "TMPT_LHR": child.birth_place.upper(),
            "TGL_PENCATATAN": self._today().isoformat(),
            **{name: int(nik) for name, nik in parents.items()},
        }
        return self._written("REGISTER_BIRTH", "register_birth", reference, deed)

    def issue_family_card(self, fields: Fields) -> list[Row]:
        """A card is printed."""
        reference, family = _given(fields, "REFERENSI"), self._card(_given(fields, "NO_KK"))
        card = {
            "NO_KK": int(family.nkk),
            "NO_DOKUMEN": f"DKK-99{next(self.serial):08d}",
            "TGL_TERBIT": self._today().isoformat(),
        }
        return self._written("ISSUE_FAMILY_CARD", "issue_family_card", reference, card)

    def issue_child_card(self, fields: Fields) -> list[Row]:
        """A child's card is printed, valid until its fifth or seventeenth birthday (Permendagri 2/2016)."""
        reference, child = _given(fields, "REFERENSI"), self._active(_given(fields, "NIK"))
        today = self._today()
        until = next((day for day in (_birthday(child, 5), _birthday(child, 17)) if day > today), None)
        if until is None:
            raise _Refused({"RESPONSE_CODE": "13", "RESPON": NOT_FOUND})
        card = {
            "NIK": int(child.nik),
            "NO_KIA": f"KIA-99{next(self.serial):08d}",
            "TGL_TERBIT": today.isoformat(),
            "TGL_BERLAKU": until.isoformat(),
        }
        return self._written("ISSUE_CHILD_CARD", "issue_child_card", reference, card)

    def call_referensi(self, fields: Fields) -> list[Row]:
        """What was written under a reference."""
        rows = self.written.get((_given(fields, "JENIS"), _given(fields, "REFERENSI")))
        if not rows:
            raise _Refused({"RESPON": NOT_FOUND})
        return rows

    def answer(self, method: Callable[[Fields], list[Row]], request: Incoming) -> Answer:
        """One call: login, quota, the method, and the envelope around it. Refusals come with HTTP 200."""
        body = request.json()
        fields = {str(name).upper(): value for name, value in body.items()} if isinstance(body, dict) else {}
        try:
            self._admit(fields)
            rows = method(fields)
        except _Refused as refused:
            rows = [refused.args[0]]
        return self._enveloped(rows, self.quota)

    def exhausted(self, _: Incoming) -> Answer:
        """What everyone hears once today's calls are used up, in one of its spellings."""
        return self._enveloped([{"RESPON": NO_QUOTA[next(self.serial) % len(NO_QUOTA)]}], 0)

    def _enveloped(self, rows: list[Row], quota: int) -> Answer:
        return json_answer(
            {
                "content": rows,
                "lastPage": True,
                "numberOfElements": len(rows),
                "sort": None,
                "totalElements": len(rows),
                "firstPage": True,
                "number": 0,
                "size": len(rows),
                "quotaLimiter": quota,
            }
        )

    def _admit(self, fields: Fields) -> None:
        if (fields.get("USER_ID"), fields.get("PASSWORD")) != (USER_ID, PASSWORD):
            raise _Refused({"RESPON": LOGIN_FAILED})
        address = next((fields[name] for name in ("IP_USER", "IP_ADDRESS", "IP_USERS") if fields.get(name)), None)
        if address is None:
            raise _Refused({"RESPON": UNKNOWN_ADDRESS})
        if address != IP_USER:
            raise _Refused({"RESPON": WRONG_ADDRESS})
        if self.quota <= 0:
            raise _Refused({"RESPON": NO_QUOTA[next(self.serial) % len(NO_QUOTA)]})
        self.quota -= 1

    def _active(self, nik: str, *, or_deceased: bool = False) -> SyntheticPerson:
        if len(nik) != 16 or not nik.isdigit():
            raise _Refused({"RESPONSE_CODE": "15", "RESPONSE_DESC": "Format NIK Tidak Sesuai"})
        person = self.world.person(nik)
        if person is None:
            raise _Refused({"RESPON": NOT_FOUND})
        if person.status != "active" and not (or_deceased and person.status == "deceased"):
            code, words = _OF_STATUS[person.status]
            raise _Refused({"RESPONSE_CODE": code, "RESPONSE": words})
        return person

    def _card(self, nkk: str) -> SyntheticFamily:
        family = self.world.family(nkk)
        if family is None:
            raise _Refused({"RESPON": NOT_FOUND})
        return family

    def _person(self, person: SyntheticPerson) -> Row:
        """A row of the subset that this agreement grants. Numbers lose their leading zeros, as they do on site."""
        family = self._card(person.nkk)
        row: Row = {
            "NIK": int(person.nik),
            "NO_KK": int(person.nkk),
            "NAMA_LGKP": person.name.upper(),
            "TMPT_LHR": person.birth_place.upper(),
            "TGL_LHR": person.birth_date.isoformat(),
            "JENIS_KLMIN": _SEXES[person.sex],
            "AGAMA": "-",
            "STATUS_KAWIN": "BELUM KAWIN" if person.role == "child" else "KAWIN TERCATAT",
            "STAT_HBKEL": _RELATIONS[person.role],
            "EKTP_STATUS": None,
            **_address(family.address),
        }
        if person.role == "child":
            row |= {
                "NIK_IBU": int(family.mother.nik),
                "NAMA_LGKP_IBU": family.mother.name.upper(),
                "NIK_AYAH": int(family.father.nik),
                "NAMA_LGKP_AYAH": family.father.name.upper(),
                "NO_AKTA_LHR": person.birth_deed,
            }
        return row

    def _written(self, kind: str, operation: str, reference: str, row: Row) -> list[Row]:
        row["REFERENSI"] = reference
        self.written.setdefault((kind, reference), []).append(row)
        self.agency.wrote(operation, reference)
        return [row]

    def _today(self) -> date:
        return self.world.now().date()


def build(world: SandboxWorld, *, quota: int = QUOTA) -> SandboxAgency:
    """The simulated agency.

    Args:
        world: Its residents.
        quota: Calls a day.
    """
    agency = SandboxAgency("dukcapil", world)
    office = Dukcapil(agency, world, quota)
    methods: Mapping[str, tuple[str, Callable[[Fields], list[Row]]]] = {
        "CALL_NIK": ("get_person", office.call_nik),
        "CALL_NIK_GET_KK": ("get_family", office.call_nik_get_kk),
        "CALL_VERIFY_BY_ELEMEN": ("verify_person", office.verify),
        "REGISTER_BIRTH": ("register_birth", office.register_birth),
        "ISSUE_FAMILY_CARD": ("issue_family_card", office.issue_family_card),
        "ISSUE_CHILD_CARD": ("issue_child_card", office.issue_child_card),
        "CALL_REFERENSI": ("look_up", office.call_referensi),
    }
    for method, (operation, handler) in methods.items():
        agency.on("POST", f"/get_json/{CONSUMER}/{method}", operation, _handler(office, handler), _fields)
    agency.refusal("quota", office.exhausted)
    agency.on_reset(office.reset)
    return agency


def settings(base_url: str) -> DukcapilSettings:
    """Settings for this sandbox, behind a sandbox server at `base_url`."""
    return DukcapilSettings(
        base_url=f"{base_url}/dukcapil/get_json/{CONSUMER}",
        user_id=USER_ID,
        password=SecretStr(PASSWORD),
        ip_user=IP_USER,
    )


def _handler(office: Dukcapil, method: Callable[[Fields], list[Row]]) -> Callable[[Incoming], Answer]:
    return lambda request: office.answer(method, request)


def _fields(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match, by our names."""
    body = request.json()
    fields = {str(name).lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
    return {**fields, "nkk": fields.get("no_kk"), "reference": fields.get("referensi"), "name": fields.get("nama_lgkp")}


def _given(fields: Fields, name: str) -> str:
    value = str(fields.get(name) or "").strip()
    if not value:
        raise _Refused({"RESPON": INCOMPLETE})
    return value


def _address(address: SyntheticAddress) -> Row:
    return {
        "ALAMAT": address.street.upper(),
        "NO_RT": int(address.rt),
        "NO_RW": int(address.rw),
        "DUSUN": address.hamlet.upper(),
        "KODE_POS": int(address.postal_code),
        "NO_PROP": int(address.province_code),
        "PROP_NAME": address.province.upper(),
        "NO_KAB": int(address.regency_code[2:]),
        "KAB_NAME": address.regency.upper(),
        "NO_KEC": int(address.district_code[4:]),
        "KEC_NAME": address.district.upper(),
        "NO_KEL": int(address.village_code[6:]),
        "KEL_NAME": address.village.upper(),
    }


def _birthday(person: SyntheticPerson, age: int) -> date:
    born = person.birth_date
    leap = (born.month, born.day) == (2, 29)
    return date(born.year + age, born.month, 28 if leap else born.day)


def _likeness(claimed: str, known: str) -> int:
    """Per cent of letter pairs in common (Dice), without case and spaces."""
    pairs = [{"".join(word.casefold().split())[i : i + 2] for i in range(len(word))} for word in (claimed, known)]
    return round(200 * len(pairs[0] & pairs[1]) / max(1, len(pairs[0]) + len(pairs[1])))
