"""The simulated Dukcapil: it answers as the contract's section 1 says, quirks included.

Its writes are an invention [G] and not idempotent on purpose: what is sent twice happens twice, and is counted.
"""

import hmac
import itertools
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from pydantic import SecretStr

from connectors.dukcapil.settings import DukcapilSettings
from connectors.toolkit import holdings
from connectors.toolkit.examples import Example, Scene
from connectors.toolkit.population import (
    LifeEvent,
    SandboxWorld,
    Status,
    SyntheticAddress,
    SyntheticFamily,
    SyntheticPerson,
)
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
INVALID = "Parameter Tidak Valid"
ALREADY_REPORTED = "Data sudah pernah dikirim"
REPORT_TOKEN, INSTITUTION_ID, INSTITUTION_NAME = "sandbox-report-token", "99", "MPP Contoh"
LETTER_LIVES = timedelta(days=100)

_GROWN_UP, _MARRIAGEABLE = 17, 19
_OURS = {
    "21": "Belum Memenuhi Usia",
    "22": "Status Masih Kawin",
    "23": "SKPWNI Tidak Berlaku",
    "24": "Tujuan Tidak Sesuai Dengan Jenis Kepindahan",
}
_CHANGES = {
    "birth": "KELAHIRAN",
    "death": "KEMATIAN",
    "marriage": "PERKAWINAN",
    "move": "KEPINDAHAN",
    "correction": "PERBAIKAN",
}

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
        self.letters: dict[str, Row] = {}
        self.reported: set[tuple[str, str]] = set()
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
        threshold = _number(fields, "TRESHOLD")
        if not _THRESHOLD <= threshold <= 100:
            raise _Refused({"RESPON": INVALID})
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
                row[name] = f"{'Sesuai' if score >= threshold else 'Tidak Sesuai'} ({score})"
        return [row]

    def verify_the_old_way(self, fields: Fields) -> list[Row]:
        """As `verify`, before offices said how alike names are."""
        (row,) = self.verify(fields)
        return [{name: str(said).partition(" (")[0] for name, said in row.items()}]

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
            birth_date=_day(fields, "TGL_LHR"),
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
        """A card is printed, with another address where the household moved within its regency."""
        reference, family = _given(fields, "REFERENSI"), self._card(_given(fields, "NO_KK"))
        if fields.get("TUJUAN"):
            address = _destination(fields)
            if address.regency_code != family.address.regency_code:
                raise _refused("24")
            self.world.moved(family.nkk, address)
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

    def register_death(self, fields: Fields) -> list[Row]:
        """Somebody died: all agencies know from now on."""
        reference, nik = _given(fields, "REFERENSI"), _given(fields, "NIK")
        again = self._again("REGISTER_DEATH", reference)
        person = self._active(nik, or_deceased=again)
        died, spouse = _day(fields, "TGL_MATI"), self._spouse(person)
        if not person.birth_date <= died <= self._today():
            raise _Refused({"RESPON": INVALID})
        self.world.died(person)
        deed = {
            "NO_AKTA_MATI": f"{person.nik[:4]}-KM-{self._today():%d%m%Y}-{next(self.serial):04d}",
            "NIK": int(person.nik),
            "NO_KK": int(person.nkk),
            "NAMA_LGKP": person.name.upper(),
            "TGL_MATI": died.isoformat(),
            "TMPT_MATI": _given(fields, "TMPT_MATI").upper(),
            "NIK_PASANGAN": int(spouse.nik) if spouse and spouse.status != "deceased" else 0,
            "TGL_PENCATATAN": self._today().isoformat(),
        }
        return self._written("REGISTER_DEATH", "register_death", reference, deed)

    def register_marriage(self, fields: Fields) -> list[Row]:
        """Two are married: by deed, or by the KUA's book, which makes no deed."""
        reference, day = _given(fields, "REFERENSI"), _day(fields, "TGL_KWN")
        husband, wife = (self._active(_given(fields, name)) for name in ("NIK_SUAMI", "NIK_ISTRI"))
        if (husband.sex, wife.sex) != ("male", "female") or day > self._today():
            raise _Refused({"RESPON": INVALID})
        if any(_birthday(one, _MARRIAGEABLE) > day for one in (husband, wife)):
            raise _refused("21")
        again = self._again("REGISTER_MARRIAGE", reference)
        if not again and any(self._civil_status(one) == "KAWIN TERCATAT" for one in (husband, wife)):
            raise _refused("22")
        self.world.married(husband, wife)
        book = str(fields.get("NO_BUKU_NIKAH") or "")
        deed = f"{husband.nik[:4]}-KW-{self._today():%d%m%Y}-{next(self.serial):04d}"
        row = {
            "NO_AKTA_KWN": "-" if book else deed,
            "NO_BUKU_NIKAH": book or "-",
            "NIK_SUAMI": int(husband.nik),
            "NIK_ISTRI": int(wife.nik),
            "NAMA_SUAMI": husband.name.upper(),
            "NAMA_ISTRI": wife.name.upper(),
            "TGL_KWN": day.isoformat(),
            "TMPT_KWN": str(fields.get("TMPT_KWN") or "-").upper(),
            "TGL_PENCATATAN": self._today().isoformat(),
        }
        return self._written("REGISTER_MARRIAGE", "register_marriage", reference, row)

    def move_out(self, fields: Fields) -> list[Row]:
        """A letter is made; where the household lives changes only when it is taken in."""
        reference, family = _given(fields, "REFERENSI"), self._card(_given(fields, "NO_KK"))
        address = _destination(fields)
        if address.regency_code == family.address.regency_code:
            raise _refused("24")
        number = f"SKPWNI/{family.address.regency_code}/{self._today():%d%m%Y}/{next(self.serial):04d}"
        letter = {
            "NO_SKPWNI": number,
            "STATUS": "TERBIT",
            "NO_KK": int(family.nkk),
            "NIK_PINDAH": [int(member.nik) for member in family.members if member.status == "active"],
            "ASAL": _address(family.address),
            "TUJUAN": _address(address),
            "TGL_TERBIT": self._today().isoformat(),
            "TGL_BERLAKU": (self._today() + LETTER_LIVES).isoformat(),
            "TGL_DITERIMA": None,
        }
        self.letters[number] = letter
        return self._written("MOVE_OUT", "move_out", reference, letter)

    def move_in(self, fields: Fields) -> list[Row]:
        """A household is taken in, once per letter, while the letter is valid."""
        reference, address = _given(fields, "REFERENSI"), _destination(fields)
        letter = self.letters.get(_given(fields, "NO_SKPWNI"))
        if letter is None:
            raise _Refused({"RESPON": NOT_FOUND})
        used = letter["STATUS"] != "TERBIT" and not self._again("MOVE_IN", reference)
        if used or date.fromisoformat(letter["TGL_BERLAKU"]) < self._today():
            raise _refused("23")
        self.world.moved(str(letter["NO_KK"]), address)
        taken = {"STATUS": "DITERIMA", "TUJUAN": _address(address), "TGL_DITERIMA": self._today().isoformat()}
        letter["STATUS"] = taken["STATUS"]
        return self._written("MOVE_IN", "move_in", reference, letter | taken)

    def issue_ktp_el(self, fields: Fields) -> list[Row]:
        """An identity card is printed, for those of 17 years and who are or were married."""
        reference, person = _given(fields, "REFERENSI"), self._active(_given(fields, "NIK"))
        status = self._civil_status(person)
        if _birthday(person, _GROWN_UP) > self._today() and status == "BELUM KAWIN":
            raise _refused("21")
        card = {
            "NO_KTP_EL": f"KTP-99{next(self.serial):08d}",
            "NIK": int(person.nik),
            "NAMA_LGKP": person.name.upper(),
            "STATUS_KAWIN": status,
            "TGL_TERBIT": self._today().isoformat(),
            "TGL_BERLAKU": "SEUMUR HIDUP",
        }
        return self._written("ISSUE_KTP_EL", "issue_ktp_el", reference, card)

    def call_perubahan(self, fields: Fields) -> tuple[list[Row], bool]:
        """What happened after a serial number, and whether that was all."""
        after, size = _number(fields, "SERIAL"), _number(fields, "SIZE")
        if after < 0 or size < 1:
            raise _Refused({"RESPON": INVALID})
        events = self.world.life[after : after + size]
        return [self._change(event) for event in events], after + size >= len(self.world.life)

    def report(self, request: Incoming) -> Answer:
        """The data-return duty: once per NIK and customer."""
        if not hmac.compare_digest(
            request.headers.get("authorization", "").encode(), f"Bearer {REPORT_TOKEN}".encode()
        ):
            return json_answer({"message": "Unauthorized"}, 401)
        uses = _uses(request.json())
        if not uses:
            return json_answer({"message": INCOMPLETE}, 400)
        if uses <= self.reported:
            return json_answer({"message": ALREADY_REPORTED}, 400)
        self.reported |= uses
        for _, customer in uses:
            self.agency.wrote("report_use", customer)
        return json_answer({"message": "Success"})

    def changes(self, request: Incoming) -> Answer:
        """A page of the feed."""
        fields = _upper(request.json())
        try:
            self._admit(fields)
            rows, last = self.call_perubahan(fields)
        except _Refused as refused:
            rows, last = [refused.args[0]], True
        return self._enveloped(rows, self.quota, last=last)

    def call_referensi(self, fields: Fields) -> list[Row]:
        """What was written under a reference."""
        rows = self.written.get((_given(fields, "JENIS"), _given(fields, "REFERENSI")))
        if not rows:
            raise _Refused({"RESPON": NOT_FOUND})
        return rows

    def answer(self, method: Callable[[Fields], list[Row]], request: Incoming) -> Answer:
        """One call: login, quota, the method, and the envelope around it. Refusals come with HTTP 200."""
        fields = _upper(request.json())
        try:
            self._admit(fields)
            rows = method(fields)
        except _Refused as refused:
            rows = [refused.args[0]]
        return self._enveloped(rows, self.quota)

    def exhausted(self, _: Incoming) -> Answer:
        """What everyone hears once today's calls are used up, in one of its spellings."""
        return self._enveloped([{"RESPON": NO_QUOTA[next(self.serial) % len(NO_QUOTA)]}], 0)

    def _enveloped(self, rows: list[Row], quota: int, *, last: bool = True) -> Answer:
        return json_answer(
            {
                "content": rows,
                "lastPage": last,
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
            "STATUS_KAWIN": self._civil_status(person),
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

    def _change(self, event: LifeEvent) -> Row:
        person = self.world.person(event.nik)
        if person is None:
            raise _Refused({"RESPON": NOT_FOUND})
        return {
            "SERIAL": event.serial,
            "JENIS_PERUBAHAN": _CHANGES[event.kind],
            "TGL_PERUBAHAN": f"{event.at:%Y-%m-%d %H:%M:%S}",
            "STATUS_HIDUP": "MENINGGAL" if person.status == "deceased" else "HIDUP",
            **self._person(person),
        }

    def _spouse(self, person: SyntheticPerson) -> SyntheticPerson | None:
        if person.spouse:
            return self.world.person(person.spouse)
        family = self._card(person.nkk)
        couple = {family.father.nik: family.mother, family.mother.nik: family.father}
        return couple.get(person.nik)

    def _civil_status(self, person: SyntheticPerson) -> str:
        spouse = self._spouse(person)
        if spouse is None:
            return "BELUM KAWIN"
        return "CERAI MATI" if spouse.status == "deceased" else "KAWIN TERCATAT"

    def _again(self, kind: str, reference: str) -> bool:
        """Whether the same was sent before: then it happens once more, so that it shows in the counts."""
        return (kind, reference) in self.written

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
        "koneksitas_verifby_elemen": ("verify_person", office.verify_the_old_way),
        "REGISTER_BIRTH": ("register_birth", office.register_birth),
        "ISSUE_FAMILY_CARD": ("issue_family_card", office.issue_family_card),
        "ISSUE_CHILD_CARD": ("issue_child_card", office.issue_child_card),
        "REGISTER_DEATH": ("register_death", office.register_death),
        "REGISTER_MARRIAGE": ("register_marriage", office.register_marriage),
        "MOVE_OUT": ("move_out", office.move_out),
        "MOVE_IN": ("move_in", office.move_in),
        "ISSUE_KTP_EL": ("issue_ktp_el", office.issue_ktp_el),
        "CALL_REFERENSI": ("look_up", office.call_referensi),
    }
    for method, (operation, handler) in methods.items():
        agency.on("POST", f"/get_json/{CONSUMER}/{method}", operation, _handler(office, handler), _fields)
    agency.on("POST", f"/get_json/{CONSUMER}/CALL_PERUBAHAN", "residents", office.changes, _fields)
    agency.on("POST", f"/get_json/{CONSUMER}/DATA_BALIKAN", "report_use", office.report, _fields)
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
        report_token=SecretStr(REPORT_TOKEN),
        institution_id=INSTITUTION_ID,
        institution_name=INSTITUTION_NAME,
    )


def _birth(scene: Scene) -> Mapping[str, Any]:
    born = scene.now.date() - timedelta(days=7)
    child = {"name": "Contoh Bayi", "sex": "female", "birth_date": born.isoformat(), "birth_place": "Kota Contoh"}
    family = scene.call("get_family", {"nkk": scene.family.nkk})
    return {"child": child, "family": family.model_dump(mode="json")}


def _childs_card(scene: Scene) -> Mapping[str, Any]:
    return {"nik": scene.call("register_birth", _birth(scene)).model_dump()["nik"]}


def _marriage(scene: Scene) -> Mapping[str, Any]:
    today = scene.now.date()
    husband, wife = holdings.couple(scene.world.population, scene.number, today)
    return {"husband_nik": husband.nik, "wife_nik": wife.nik, "married_on": today.isoformat(), "place": "Kota Contoh"}


def _elsewhere(scene: Scene) -> Mapping[str, Any]:
    """The first village of the next regency."""
    regency = f"99{int(scene.family.address.regency_code[2:]) % 79 + 1:02d}"
    return {
        "street": "Jalan Baru Nomor 1",
        "rt": "001",
        "rw": "002",
        "province_code": "99",
        "regency_code": regency,
        "district_code": f"{regency}01",
        "village_code": f"{regency}012001",
    }


def _arrival(scene: Scene) -> Mapping[str, Any]:
    letter = scene.call("move_out", {"nkk": scene.family.nkk, "address": _elsewhere(scene)})
    return {"letter_number": letter.model_dump()["letter_number"], "address": _elsewhere(scene)}


EXAMPLES: dict[str, Example] = {
    "get_person": lambda scene: {"nik": scene.family.father.nik},
    "get_family": lambda scene: {"nkk": scene.family.nkk},
    "verify_person": lambda scene: {
        "nik": scene.family.father.nik,
        "name": scene.family.father.name,
        "birth_date": scene.family.father.birth_date.isoformat(),
    },
    "register_birth": _birth,
    "issue_family_card": lambda scene: {"nkk": scene.family.nkk, "reason": "Cetak ulang"},
    "issue_child_card": _childs_card,
    "register_death": lambda scene: {
        "nik": scene.family.mother.nik,
        "died_on": scene.now.date().isoformat(),
        "place": "Kota Contoh",
    },
    "register_marriage": _marriage,
    "move_out": lambda scene: {"nkk": scene.family.nkk, "address": _elsewhere(scene)},
    "move_in": _arrival,
    "issue_ktp_el": lambda scene: {"nik": scene.family.father.nik, "reason": "Rusak"},
    "report_use": lambda scene: {"nik": scene.family.father.nik},
}


def _handler(office: Dukcapil, method: Callable[[Fields], list[Row]]) -> Callable[[Incoming], Answer]:
    return lambda request: office.answer(method, request)


def _fields(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match, by our names."""
    body = request.json()
    fields = {str(name).lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
    return {**fields, "nkk": fields.get("no_kk"), "reference": fields.get("referensi"), "name": fields.get("nama_lgkp")}


def _upper(body: Any) -> Fields:
    return {str(name).upper(): value for name, value in body.items()} if isinstance(body, dict) else {}


def _refused(code: str) -> _Refused:
    return _Refused({"RESPONSE_CODE": code, "RESPON": _OURS[code]})


def _number(fields: Fields, name: str) -> int:
    if fields.get(name) in (None, ""):
        raise _Refused({"RESPON": INCOMPLETE})
    try:
        return int(str(fields[name]))
    except ValueError:
        raise _Refused({"RESPON": INVALID}) from None


def _day(fields: Fields, name: str) -> date:
    try:
        return date.fromisoformat(_given(fields, name))
    except ValueError:
        raise _Refused({"RESPON": INVALID}) from None


def _destination(fields: Fields) -> SyntheticAddress:
    given = _upper(fields.get("TUJUAN"))
    province, regency = _given(given, "NO_PROP").zfill(2), _given(given, "NO_KAB").zfill(2)
    district, village = _given(given, "NO_KEC").zfill(2), _given(given, "NO_KEL").zfill(4)
    if not (province + regency + district + village).isdigit():
        raise _Refused({"RESPON": INVALID})
    return SyntheticAddress(
        street=_given(given, "ALAMAT"),
        rt=_digits(given, "NO_RT").zfill(3),
        rw=_digits(given, "NO_RW").zfill(3),
        hamlet=str(given.get("DUSUN") or "-"),
        postal_code=_digits(given, "KODE_POS").zfill(5),
        province_code=province,
        province=str(given.get("PROP_NAME") or "Provinsi Contoh"),
        regency_code=f"{province}{regency}",
        regency=str(given.get("KAB_NAME") or f"Kabupaten Contoh {regency}"),
        district_code=f"{province}{regency}{district}",
        district=str(given.get("KEC_NAME") or f"Kecamatan {district}"),
        village_code=f"{province}{regency}{district}{village}",
        village=str(given.get("KEL_NAME") or f"Desa {village}"),
    )


def _digits(given: Fields, name: str) -> str:
    value = str(given.get(name) or "0")
    if not value.isdigit():
        raise _Refused({"RESPON": INVALID})
    return value


def _uses(body: Any) -> set[tuple[str, str]]:
    """NIK and customer of every use that a report names; empty where its form is wrong."""
    try:
        return {
            (str(data["NIK"]), str(param["CUSTOMER_ID"]))
            for report in body
            if report["id_lembaga"] == INSTITUTION_ID and report["nama_lembaga"]
            for data in report["data"]
            for param in data["param"]
        }
    except (KeyError, TypeError):
        return set()


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
