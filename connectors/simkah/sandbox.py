"""The simulated SIMKAH: shapes are our own design [G], rules are those of PMA 20/2019 (contract section 7).

A marriage that is held here changes civil status only when the civil registry takes the book over (`dukcapil.register_marriage`).
"""

import hmac
import itertools
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from pydantic import SecretStr

from connectors.simkah import wire
from connectors.simkah.settings import SimkahSettings
from connectors.toolkit import holdings
from connectors.toolkit.examples import Example, Scene
from connectors.toolkit.population import WIB, SandboxWorld, SyntheticPerson
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

API_KEY = "sandbox-key"
FEE: Final = 600_000
AHEAD, VERIFY_WITHIN = 10, 15
"""Working days."""

_MARRIAGEABLE, _OF_AGE = 19, 21
_HOURS: Final = (time(7, 30), time(16, 0))
_OPEN: Final = frozenset({"TERDAFTAR", "TERVERIFIKASI"})

Row = dict[str, Any]
Fields = Mapping[str, Any]


class _Refused(Exception):  # noqa: N818
    """The call is refused: body status and code."""


class Office:
    """The registry's books and rules, without HTTP."""

    def __init__(self, agency: SandboxAgency, world: SandboxWorld) -> None:
        self.agency = agency
        self.world = world
        self.reset()

    def reset(self) -> None:
        """Nothing registered."""
        self.serial = itertools.count(1)
        self.intents: dict[str, Row] = {}
        self.books: dict[str, Row] = {}
        self.written: dict[tuple[str, str], Row] = {}

    def register(self, fields: Fields) -> Row:
        """`pendaftaran`."""
        reference, today = _given(fields, "referensi"), self._today()
        husband, wife = (self._person(_given(fields, name)) for name in ("nik_suami", "nik_istri"))
        at, outside = _moment(fields, "waktu_akad"), fields.get("tempat_akad") == "LUAR KANTOR"
        if (husband.sex, wife.sex) != ("male", "female") or (outside and not fields.get("alamat_akad")):
            raise _Refused(400)
        couple = (husband, wife)
        if any(_birthday(one, _MARRIAGEABLE) > at.date() for one in couple):
            raise _Refused(422, "USIA")
        papers = fields.get("berkas")
        young = any(_birthday(one, _OF_AGE) > at.date() for one in couple)
        if not isinstance(papers, list) or not _complete({str(paper) for paper in papers}, young=young):
            raise _Refused(422, "BERKAS")
        soon = at.date() < working_days_after(today, AHEAD)
        if at.date() < today or (soon and not fields.get("no_dispensasi")):
            raise _Refused(422, "WAKTU")
        if ("pendaftaran", reference) not in self.written and any(map(self._bound, couple)):
            raise _Refused(422, "KAWIN")
        number = f"KUA99-{today:%Y%m}-{next(self.serial):06d}"
        self.intents[number] = {
            "no_pendaftaran": number,
            "status": "TERDAFTAR",
            "nik_suami": husband.nik,
            "nik_istri": wife.nik,
            "waktu_akad": at.isoformat(),
            "tempat_akad": "LUAR KANTOR" if outside else "KANTOR",
            "kua": _given(fields, "kua"),
            "biaya": FEE if outside or not _in_office_hours(at) else 0,
            "batas_verifikasi": working_days_after(today, VERIFY_WITHIN).isoformat(),
        }
        return self._written("pendaftaran", "register_intent", reference, self.intents[number])

    def verify(self, fields: Fields) -> Row:
        """`verifikasi`: papers were seen in time."""
        return self._becomes("TERVERIFIKASI", frozenset({"TERDAFTAR"}), "verifikasi", "verify_intent", fields)

    def cancel(self, fields: Fields) -> Row:
        """`pembatalan`: as long as nothing was held."""
        return self._becomes("BATAL", _OPEN, "pembatalan", "cancel_intent", fields)

    def ceremony(self, fields: Fields) -> Row:
        """`akad`: a verified intent becomes a marriage, and the marriage gets its book."""
        reference, intent = _given(fields, "referensi"), self._intent(_given(fields, "no_pendaftaran"))
        again = ("akad", reference) in self.written
        if intent["status"] != "TERVERIFIKASI" and not again:
            raise _Refused(422, "STATUS")
        held = _day(fields, "tanggal_akad")
        if held > self._today() or held < datetime.fromisoformat(intent["waktu_akad"]).date():
            raise _Refused(422, "TANGGAL")
        if intent["biaya"] and not fields.get("ntpn"):
            raise _Refused(422, "BIAYA")
        witnesses = fields.get("saksi")
        if not isinstance(witnesses, list) or len(witnesses) != 2:
            raise _Refused(400)
        intent["status"] = "TERLAKSANA"
        number = f"99{next(self.serial):04d}/{held:%m}/{held:%Y}"
        self.books[number] = {
            "no_buku_nikah": number,
            "no_pendaftaran": intent["no_pendaftaran"],
            **{f"nik_{who}": intent[f"nik_{who}"] for who in ("suami", "istri")},
            **{f"nama_{who}": self._person(intent[f"nik_{who}"]).name.upper() for who in ("suami", "istri")},
            "tanggal_akad": held.isoformat(),
            "kua": intent["kua"],
            "tanggal_catat": self._today().isoformat(),
        }
        return self._written("akad", "record_ceremony", reference, self.books[number])

    def book(self, request: Incoming) -> Row:
        """`buku-nikah/…`."""
        return _known(self.books.get(request.parameters["number"]))

    def reference(self, request: Incoming) -> Row:
        """`rujukan/…`: what was written under a reference."""
        return _known(self.written.get((request.parameters["kind"], request.parameters["reference"])))

    def answer(self, method: Callable[[Incoming], Row], request: Incoming) -> Answer:
        """One call: our key, the method, and the envelope around it. Business refusals come with HTTP 200."""
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {API_KEY}".encode()):
            return json_answer({"status": 401, "message": "Unauthorized"}, 401)
        try:
            return json_answer({"status": 200, "message": "OK", "data": method(request)})
        except _Refused as refused:
            status, code = (*refused.args, None)[:2]
            return json_answer({"status": str(status), "kode": code, "message": "Ditolak", "data": None})

    def _becomes(self, status: str, allowed: frozenset[str], kind: str, operation: str, fields: Fields) -> Row:
        reference, intent = _given(fields, "referensi"), self._intent(_given(fields, "no_pendaftaran"))
        if intent["status"] not in allowed and (kind, reference) not in self.written:
            raise _Refused(422, "STATUS")
        intent["status"] = status
        return self._written(kind, operation, reference, intent)

    def _intent(self, number: str) -> Row:
        intent = _known(self.intents.get(number))
        if intent["status"] == "TERDAFTAR" and date.fromisoformat(intent["batas_verifikasi"]) < self._today():
            intent["status"] = "GUGUR"
        return intent

    def _bound(self, person: SyntheticPerson) -> bool:
        """Married, or registered for a ceremony that is still to come."""
        mine = [number for number, row in self.intents.items() if person.nik in {row["nik_suami"], row["nik_istri"]}]
        if any(self._intent(number)["status"] in _OPEN | {"TERLAKSANA"} for number in mine):
            return True
        family = self.world.family(person.nkk)
        spouses = {family.father.nik: family.mother.nik, family.mother.nik: family.father.nik} if family else {}
        spouse = self.world.person(person.spouse or spouses.get(person.nik, ""))
        return spouse is not None and spouse.status != "deceased"

    def _person(self, nik: str) -> SyntheticPerson:
        person = self.world.person(nik)
        if person is None or person.status != "active":
            raise _Refused(404)
        return person

    def _written(self, kind: str, operation: str, reference: str, row: Row) -> Row:
        answer = {**row, "referensi": reference}
        self.written.setdefault((kind, reference), answer)
        self.agency.wrote(operation, reference)
        return answer

    def _today(self) -> date:
        return self.world.now().date()


def build(world: SandboxWorld) -> SandboxAgency:
    """The simulated agency."""
    agency = SandboxAgency("simkah", world)
    office = Office(agency, world)
    writes: Mapping[str, tuple[str, Callable[[Fields], Row]]] = {
        wire.REGISTER: ("register_intent", office.register),
        wire.VERIFY: ("verify_intent", office.verify),
        wire.CANCEL: ("cancel_intent", office.cancel),
        wire.CEREMONY: ("record_ceremony", office.ceremony),
    }
    for path, (operation, handler) in writes.items():
        agency.on("POST", f"/{path}", operation, _write(office, handler), _fields)
    agency.on("GET", f"/{wire.BOOK}/{{number:path}}", "get_marriage_book", _read(office, office.book))
    agency.on("GET", f"/{wire.REFERENCE}/{{kind}}/{{reference:path}}", "look_up", _read(office, office.reference))
    agency.on_reset(office.reset)
    return agency


def settings(base_url: str) -> SimkahSettings:
    """Settings for this sandbox, behind a sandbox server at `base_url`."""
    return SimkahSettings(base_url=f"{base_url}/simkah", api_key=SecretStr(API_KEY))


def working_days_after(day: date, count: int) -> date:
    """The day that is so many working days later; public holidays are not known here."""
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def _registration(scene: Scene) -> Mapping[str, Any]:
    """A ceremony today, with a dispensation, so that it can be recorded at once."""
    husband, wife = holdings.couple(scene.world.population, scene.number, scene.now.date())
    return {
        "husband_nik": husband.nik,
        "wife_nik": wife.nik,
        "ceremony_at": scene.now.replace(hour=9, minute=0, second=0, microsecond=0).isoformat(),
        "office": "KUA Kecamatan Contoh",
        "guardian_name": "Contoh Wali",
        "forms": ["N1", "N2", "N4", "N5"],
        "dispensation_number": f"D-99/{scene.number}",
    }


def _registered(scene: Scene) -> Mapping[str, Any]:
    return {
        "registration_number": scene.call("register_intent", _registration(scene)).model_dump()["registration_number"]
    }


def _ceremony(scene: Scene) -> Mapping[str, Any]:
    verified = scene.call("verify_intent", _registered(scene)).model_dump()
    return {
        "registration_number": verified["registration_number"],
        "held_on": scene.now.date().isoformat(),
        "witnesses": ["Contoh Saksi", "Contoh Saksi Lain"],
        "dowry": "Seperangkat alat salat",
        "ntpn": "9900000000000001" if verified["fee"] else None,
    }


EXAMPLES: dict[str, Example] = {
    "register_intent": _registration,
    "verify_intent": _registered,
    "cancel_intent": _registered,
    "record_ceremony": _ceremony,
    "get_marriage_book": lambda scene: {
        "book_number": scene.call("record_ceremony", _ceremony(scene)).model_dump()["number"]
    },
}


def _write(office: Office, method: Callable[[Fields], Row]) -> Callable[[Incoming], Answer]:
    return lambda request: office.answer(lambda asked: method(_body(asked)), request)


def _read(office: Office, method: Callable[[Incoming], Row]) -> Callable[[Incoming], Answer]:
    return lambda request: office.answer(method, request)


def _body(request: Incoming) -> Fields:
    body = request.json()
    return body if isinstance(body, dict) else {}


def _fields(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match, by our names."""
    fields = _body(request)
    ours = {"reference": "referensi", "registration_number": "no_pendaftaran", "husband_nik": "nik_suami"}
    return {name: fields.get(theirs) for name, theirs in {**ours, "wife_nik": "nik_istri"}.items()}


def _known(row: Row | None) -> Row:
    if row is None:
        raise _Refused(404)
    return row


def _given(fields: Fields, name: str) -> str:
    value = str(fields.get(name) or "").strip()
    if not value:
        raise _Refused(400)
    return value


def _day(fields: Fields, name: str) -> date:
    try:
        return date.fromisoformat(_given(fields, name))
    except ValueError:
        raise _Refused(400) from None


def _moment(fields: Fields, name: str) -> datetime:
    try:
        found = datetime.fromisoformat(_given(fields, name))
    except ValueError:
        raise _Refused(400) from None
    return found.astimezone(WIB) if found.tzinfo else found.replace(tzinfo=WIB)


def _complete(papers: set[str], *, young: bool) -> bool:
    return {"N1", "N2"} <= papers and bool({"N3", "N4"} & papers) and (not young or "N5" in papers)


def _in_office_hours(at: datetime) -> bool:
    opens, closes = _HOURS
    return at.weekday() < 5 and opens <= at.time() <= closes


def _birthday(person: SyntheticPerson, age: int) -> date:
    born = person.birth_date
    leap = (born.month, born.day) == (2, 29)
    return date(born.year + age, born.month, 28 if leap else born.day)
