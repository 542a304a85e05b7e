"""The simulated BPJS Kesehatan: envelope, signature and cipher of VClaim and Antrean over the members of the sandbox world.

It is as strict about keys and clocks as the agency, and as careless about repeats: the same enrolment twice happens twice.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any, Final

from pydantic_core import to_json

from connectors.bpjs_kesehatan import crypto, lzstring
from connectors.bpjs_kesehatan.settings import BpjsKesehatanSettings
from connectors.toolkit import holdings
from connectors.toolkit.examples import Example, Scene
from connectors.toolkit.population import SandboxWorld, SyntheticFamily, SyntheticPerson
from connectors.toolkit.sandbox import Answer, Handler, Incoming, SandboxAgency, json_answer

PREFIX: Final = "/vclaim-rest"
ANTREAN: Final = "/antreanrs"
DRIFT_ALLOWED: Final = 300
_CONS_ID, _SECRET, _USER_KEY = "99000", "sandbox-secret", "sandbox-user-key"
_ANTREAN_USER_KEY: Final = "sandbox-antrean-key"
_WRITE_TYPE: Final = "application/x-www-form-urlencoded"

ACTIVE: Final = ("0", "AKTIF")
UNPAID: Final = ("9", "NON AKTIF KARNA PREMI")
DECEASED: Final = ("6", "NON AKTIF MENINGGAL")  # this code and the next are guesses: [G]
STOPPED: Final = ("7", "NON AKTIF BERHENTI")
_LOOK_UPS: Final = {
    "enrol_newborn": "find_newborn",
    "change_data": "find_change",
    "stop_membership": "find_stop",
}
_CLASSES: Final = (("1", "KELAS I"), ("2", "KELAS II"), ("3", "KELAS III"))
_KINDS: Final = (("14", "PEKERJA MANDIRI"), ("13", "PEGAWAI SWASTA"), ("21", "PBI (APBN)"))


def settings(base_url: str) -> BpjsKesehatanSettings:
    """Settings with which a connector talks to this sandbox; `base_url` is the sandbox server's."""
    return BpjsKesehatanSettings(
        base_url=f"{base_url}/bpjs_kesehatan{PREFIX}",
        cons_id=_CONS_ID,
        secret=_SECRET,
        user_key=_USER_KEY,
        antrean_url=f"{base_url}/bpjs_kesehatan{ANTREAN}",
        antrean_user_key=_ANTREAN_USER_KEY,
    )


def build(world: SandboxWorld) -> SandboxAgency:
    """The agency, ready to be hosted."""
    agency = SandboxAgency("bpjs_kesehatan", world)
    service = _Service(agency)
    agency.on("GET", f"{PREFIX}/Peserta/nik/{{nik}}/tglSEP/{{day}}", "get_membership", service.by_nik)
    agency.on("GET", f"{PREFIX}/Peserta/nokartu/{{number}}/tglSEP/{{day}}", "by_number", service.by_number)
    for operation, method, path, look_up, write in (
        ("enrol_newborn", "POST", "bayi/insert", "bayi", service.enrol),
        ("change_data", "PUT", "update", "update", service.change),
        ("stop_membership", "DELETE", "delete", "delete", service.stop),
    ):
        agency.on(method, f"{PREFIX}/Peserta/{path}", operation, service.writing(operation, write), _fields)
        found = service.finding(operation)
        agency.on("GET", f"{PREFIX}/Peserta/{look_up}/referensi/{{reference:path}}", _LOOK_UPS[operation], found)
    booking = f"{ANTREAN}/antrean/pendaftaran/kodebooking/{{booking_code}}"
    agency.on("GET", booking, "get_queue", service.by_booking)
    agency.skewed_clock(2 * DRIFT_ALLOWED)
    agency.refusal("error_in_200", lambda _: _refused("500", "Internal Server Error"))
    agency.on_reset(service.forget)
    return agency


@dataclass(frozen=True)
class _Member:
    number: str
    person: SyntheticPerson
    status: tuple[str, str]
    care_class: tuple[str, str]
    kind: tuple[str, str]
    since: date
    facility: str | None = None
    phone: str | None = None


class _RefusedError(Exception):
    """A request that is answered with `metaData` alone."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class _Service:
    """What the agency does. Residents are members from birth, newborns of this world once they are enrolled."""

    def __init__(self, agency: SandboxAgency) -> None:
        self._agency = agency
        self._world = agency.world
        self._changed: dict[str, _Member] = {}
        self._by_reference: dict[tuple[str, str], _Member] = {}
        self._by_number: dict[str, _Member] = {}
        self._lock = threading.Lock()
        self._numbers = 0

    def forget(self) -> None:
        with self._lock:
            for book in (self._changed, self._by_reference, self._by_number):
                book.clear()
            self._numbers = 0

    def by_nik(self, incoming: Incoming) -> Answer:
        return self._answered(incoming, lambda: self._member(incoming.parameters["nik"], incoming.parameters["day"]))

    def by_number(self, incoming: Incoming) -> Answer:
        # Residents' numbers cannot be computed back, so only the enrolled are found.
        return self._answered(incoming, lambda: self._by_number.get(incoming.parameters["number"]))

    def finding(self, operation: str) -> Handler:
        """The look-up of what was written under our reference: the member as the write left it."""

        def found(incoming: Incoming) -> Answer:
            return self._answered(
                incoming, lambda: self._by_reference.get((operation, incoming.parameters["reference"]))
            )

        return found

    def writing(self, operation: str, write: Callable[[dict[str, Any]], _Member]) -> Handler:
        """A write: its label, its envelope and its reference are looked at first; then it happens and is counted."""

        def written(content: dict[str, Any]) -> _Member:
            with self._lock:
                member = write(content)
                self._changed[member.person.nik] = member
                self._by_reference[operation, str(content["noReferensi"])] = member
                self._by_number[member.number] = member
            self._agency.wrote(operation, str(content["noReferensi"]))
            return member

        return lambda incoming: self._answered(incoming, lambda: written(_content(incoming)))

    def enrol(self, content: dict[str, Any]) -> _Member:
        person = self._world.person(str(content.get("nik")))
        if person is None:
            raise _RefusedError("201", "NIK tidak terdaftar di data Dukcapil")
        if person.nkk != content.get("noKK"):
            raise _RefusedError("201", "NIK dan nomor KK tidak sesuai")
        self._numbers += 1
        return replace(
            _resident(person), number=f"0099{self._numbers:09d}", status=ACTIVE, since=self._world.now().date()
        )

    def change(self, content: dict[str, Any]) -> _Member:
        member = self._known(content)
        if member.status == DECEASED:
            raise _RefusedError("201", "Peserta telah meninggal dunia")
        classes = {code: (code, wording) for code, wording in _CLASSES}
        if (wanted := content.get("kelasRawat")) is not None and wanted not in classes:
            raise _RefusedError("400", "Kelas rawat tidak sesuai")
        if not set(content) - {"noReferensi", "nik", "user"}:
            raise _RefusedError("400", "Tidak ada data yang diubah")
        return replace(
            member,
            care_class=classes.get(str(wanted), member.care_class),
            facility=content.get("kdProvider", member.facility),
            phone=content.get("noTelepon", member.phone),
        )

    def stop(self, content: dict[str, Any]) -> _Member:
        member = self._known(content)
        if (reason := content.get("kdAlasan")) not in {"1", "2"}:
            raise _RefusedError("400", "Alasan tidak sesuai")
        _day(str(content.get("tglBerhenti")))
        if reason == "1" and member.person.status != "deceased":
            raise _RefusedError("201", "Peserta belum tercatat meninggal di Dukcapil")
        return replace(member, status=DECEASED if reason == "1" else STOPPED)

    def by_booking(self, incoming: Incoming) -> Answer:
        """Antrean answers in lower case and with numbers; every second of its answers is not encrypted."""
        try:
            self._admit(incoming.headers, _ANTREAN_USER_KEY)
            family = self._booked(incoming.parameters["booking_code"])
        except _RefusedError as refused:
            return json_answer({"metadata": {"code": int(refused.code), "message": refused.message}})
        content = {"list": [self._booking(family, incoming.parameters["booking_code"])]}
        timestamp = incoming.headers["x-timestamp"] if family.index % 2 else None
        return _good(content, {"metadata": {"code": 200, "message": "Ok"}}, timestamp)

    def _answered(self, incoming: Incoming, find: Callable[[], _Member | None]) -> Answer:
        try:
            self._admit(incoming.headers, _USER_KEY)
            member = find()
        except _RefusedError as refused:
            return _refused(refused.code, refused.message)
        if member is None:
            return _refused("201", "Data Peserta Tidak Ditemukan")
        content = {"peserta": self._shape(member)}
        return _good(content, {"metaData": {"code": "200", "message": "OK"}}, incoming.headers["x-timestamp"])

    def _admit(self, headers: Mapping[str, str], user_key: str) -> None:
        timestamp = headers.get("x-timestamp", "")
        if headers.get("x-cons-id") != _CONS_ID or headers.get("user_key") != user_key:
            raise _RefusedError("401", "Consumer ID atau user_key tidak terdaftar")
        if not (timestamp.isascii() and timestamp.isdigit()):
            raise _RefusedError("401", "X-timestamp tidak valid")
        expected = crypto.signature(_CONS_ID, _SECRET, timestamp)
        if not hmac.compare_digest(headers.get("x-signature", "").encode(), expected.encode()):
            raise _RefusedError("401", "Signature tidak sesuai")
        if abs(self._world.now().timestamp() - int(timestamp)) > DRIFT_ALLOWED:
            raise _RefusedError("401", "Timestamp expired")

    def _member(self, nik: str, day: str) -> _Member | None:
        _day(day)
        person = self._world.person(nik)
        member = self._changed.get(nik)
        if person is None or (member is None and self._world.population.person(nik) is None):
            return None
        member = replace(member, person=person) if member is not None else _resident(person)
        return replace(member, status=DECEASED) if person.status == "deceased" else member

    def _known(self, content: dict[str, Any]) -> _Member:
        member = self._member(str(content.get("nik")), self._world.now().date().isoformat())
        if member is None:
            raise _RefusedError("201", "Data Peserta Tidak Ditemukan")
        return member

    def _booked(self, code: str) -> SyntheticFamily:
        try:
            return self._world.population.family(int(code[2:] if code.startswith("99") else "-1"))
        except (ValueError, IndexError):
            raise _RefusedError("201", "Antrean tidak ditemukan") from None

    def _booking(self, family: SyntheticFamily, code: str) -> dict[str, Any]:
        today = self._world.now().replace(hour=9, minute=family.index % 60, second=0, microsecond=0)
        return {
            "kodebooking": code,
            "tanggal": f"{today:%Y-%m-%d}",
            "kodepoli": "INT",
            "kodedokter": 99000 + family.index % 9,
            "jampraktek": "08:00-12:00",
            "nik": family.father.nik,
            "nokapst": _resident(family.father).number,
            "nohp": "",
            "norekammedis": "-",
            "jeniskunjungan": 1,
            "nomorreferensi": None,
            "sumberdata": "Mobile JKN",
            "ispeserta": 1,
            "noantrean": f"A-{1 + family.index % 60}",
            "estimasidilayani": int(today.timestamp() * 1000),
            "createdtime": int(today.timestamp() * 1000) - 86_400_000,
            "status": "Belum dilayani",
        }

    def _shape(self, member: _Member) -> dict[str, Any]:
        person, today = member.person, self._world.now().date()
        return {
            "noKartu": member.number,
            "nik": person.nik,
            "nama": person.name.upper(),
            "pisa": {"father": "1", "mother": "3", "child": "4"}[person.role],
            "sex": "L" if person.sex == "male" else "P",
            "tglLahir": person.birth_date.isoformat(),
            "tglCetakKartu": member.since.isoformat(),
            "tglTMT": member.since.isoformat(),
            "tglTAT": date(today.year + 1, 12, 31).isoformat(),
            "statusPeserta": _coded(member.status),
            "hakKelas": _coded(member.care_class),
            "jenisPeserta": _coded(member.kind),
            "provUmum": {
                "kdProvider": member.facility,
                "nmProvider": f"FASKES {member.facility}" if member.facility else None,
            },
            "mr": {"noMR": None, "noTelepon": member.phone},
            "umur": {
                "umurSekarang": f"{(today - person.birth_date).days // 365} tahun ,0 bulan ,0 hari",
                "umurSaatPelayanan": "",
            },
            "informasi": {"dinsos": None, "noSKTM": None, "prolanisPRB": None, "eSEP": None},
            "cob": {},
        }


def _resident(person: SyntheticPerson) -> _Member:
    """The membership of a resident, computed from the NIK; one in twenty has unpaid dues."""
    number = int.from_bytes(hashlib.blake2b(person.nik.encode(), digest_size=8).digest())
    status = DECEASED if person.status == "deceased" else UNPAID if number % 20 == 0 else ACTIVE
    return _Member(
        number=holdings.card_number(person.nik),
        person=person,
        status=status,
        care_class=_CLASSES[number // 20 % 3],
        kind=_KINDS[number // 60 % 3],
        since=max(date(2014, 1, 1), person.birth_date + timedelta(days=14)),
    )


def _coded(pair: tuple[str, str]) -> dict[str, str]:
    return {"kode": pair[0], "keterangan": pair[1]}


def _day(written: str) -> None:
    try:
        date.fromisoformat(written)
    except ValueError:
        raise _RefusedError("201", "Format tanggal tidak sesuai") from None


def _refused(code: str, message: str) -> Answer:
    return json_answer({"metaData": {"code": code, "message": message}, "response": None})


def _good(content: dict[str, Any], meta: dict[str, Any], timestamp: str | None) -> Answer:
    """An answer whose content is sealed for the request with this timestamp, or plain where there is none.

    Faults that change an answer's shape change the content, and it is sealed again for the same request.
    """

    def encode(value: Any) -> bytes:
        if timestamp is None:
            return to_json({**meta, "response": value})
        packed = lzstring.compress(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
        return to_json({**meta, "response": crypto.encrypt(packed, crypto.response_key(_CONS_ID, _SECRET, timestamp))})

    return Answer(encode(content), value=content, encode=encode)


def _content(incoming: Incoming) -> dict[str, Any]:
    """What a write carries, once its label and envelope are right."""
    if incoming.headers.get("content-type", "").split(";")[0].strip().lower() != _WRITE_TYPE:
        raise _RefusedError("400", "Content-Type tidak sesuai")
    content = _unwrapped(incoming)
    if not content.get("noReferensi"):
        raise _RefusedError("400", "Request tidak lengkap")
    return content


def _unwrapped(incoming: Incoming) -> dict[str, Any]:
    body = incoming.json()
    request = body.get("request") if isinstance(body, dict) else None
    content = request.get("t_peserta") if isinstance(request, dict) else None
    return content if isinstance(content, dict) else {}


def _fields(incoming: Incoming) -> Mapping[str, Any]:
    """What fault scripts can match, by the names of our request models."""
    content = _unwrapped(incoming)
    ours = {"reference": "noReferensi", "nik": "nik", "name": "nama", "birth_date": "tglLahir", "nkk": "noKK"}
    ours |= {"care_class": "kelasRawat", "facility": "kdProvider", "phone": "noTelepon", "on": "tglBerhenti"}
    return {name: content.get(theirs) for name, theirs in ours.items()}


def _newborn(scene: Scene) -> Mapping[str, Any]:
    born = scene.now.date()
    child = scene.world.born(scene.family, name="Bayi Contoh", sex="female", birth_date=born, place="Kota Contoh")
    return {"nik": child.nik, "name": child.name, "birth_date": born.isoformat(), "sex": child.sex, "nkk": child.nkk}


EXAMPLES: Final[Mapping[str, Example]] = MappingProxyType(
    {
        "get_membership": lambda scene: {"nik": scene.family.father.nik},
        "enrol_newborn": _newborn,
        "change_data": lambda scene: {
            "nik": scene.family.mother.nik,
            "care_class": "2",
            "facility": "99010001",
            "address": {"street": "Jalan Contoh Nomor 1", "village_code": scene.family.address.village_code},
        },
        "stop_membership": lambda scene: {
            "nik": scene.family.father.nik,
            "reason": "leaving",
            "on": scene.now.date().isoformat(),
        },
        "get_queue": lambda scene: {"booking_code": f"99{scene.number:08d}"},
    }
)
