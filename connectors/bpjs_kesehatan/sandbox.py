"""The simulated BPJS Kesehatan: VClaim's envelope, signature and cipher over the members of the sandbox world.

It is as strict about keys and clocks as the agency, and as careless about repeats: the same enrolment twice happens twice.
"""

import hashlib
import hmac
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from connectors.bpjs_kesehatan import crypto, lzstring
from connectors.bpjs_kesehatan.settings import BpjsKesehatanSettings
from connectors.toolkit import holdings
from connectors.toolkit.population import SandboxWorld, SyntheticPerson
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

PREFIX: Final = "/vclaim-rest"
DRIFT_ALLOWED: Final = 300
_CONS_ID, _SECRET, _USER_KEY = "99000", "sandbox-secret", "sandbox-user-key"
_WRITE_TYPE: Final = "application/x-www-form-urlencoded"

ACTIVE: Final = ("0", "AKTIF")
UNPAID: Final = ("9", "NON AKTIF KARNA PREMI")
DECEASED: Final = ("6", "NON AKTIF MENINGGAL")  # the code is a guess: [G]
_CLASSES: Final = (("1", "KELAS I"), ("2", "KELAS II"), ("3", "KELAS III"))
_KINDS: Final = (("14", "PEKERJA MANDIRI"), ("13", "PEGAWAI SWASTA"), ("21", "PBI (APBN)"))


def settings(base_url: str) -> BpjsKesehatanSettings:
    """Settings with which a connector talks to this sandbox; `base_url` is the sandbox server's."""
    return BpjsKesehatanSettings(
        base_url=f"{base_url}/bpjs_kesehatan{PREFIX}", cons_id=_CONS_ID, secret=_SECRET, user_key=_USER_KEY
    )


def build(world: SandboxWorld) -> SandboxAgency:
    """The agency, ready to be hosted."""
    agency = SandboxAgency("bpjs_kesehatan", world)
    service = _Service(agency)
    agency.on("GET", f"{PREFIX}/Peserta/nik/{{nik}}/tglSEP/{{day}}", "get_membership", service.by_nik)
    agency.on("GET", f"{PREFIX}/Peserta/nokartu/{{number}}/tglSEP/{{day}}", "by_number", service.by_number)
    agency.on("POST", f"{PREFIX}/Peserta/bayi/insert", "enrol_newborn", service.enrol, _newborn_fields)
    agency.on("GET", f"{PREFIX}/Peserta/bayi/referensi/{{reference:path}}", "find_newborn", service.by_reference)
    agency.skewed_clock(2 * DRIFT_ALLOWED)
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
        self._enrolled: dict[str, _Member] = {}
        self._by_reference: dict[str, _Member] = {}
        self._by_number: dict[str, _Member] = {}
        self._lock = threading.Lock()
        self._numbers = 0

    def forget(self) -> None:
        with self._lock:
            for book in (self._enrolled, self._by_reference, self._by_number):
                book.clear()
            self._numbers = 0

    def by_nik(self, incoming: Incoming) -> Answer:
        return self._answered(incoming, lambda: self._member(incoming.parameters["nik"], incoming.parameters["day"]))

    def by_number(self, incoming: Incoming) -> Answer:
        # Residents' numbers cannot be computed back, so only the enrolled are found.
        return self._answered(incoming, lambda: self._by_number.get(incoming.parameters["number"]))

    def by_reference(self, incoming: Incoming) -> Answer:
        return self._answered(incoming, lambda: self._by_reference.get(incoming.parameters["reference"]))

    def enrol(self, incoming: Incoming) -> Answer:
        return self._answered(incoming, lambda: self._enrol(incoming))

    def _answered(self, incoming: Incoming, find: Any) -> Answer:
        try:
            self._admit(incoming.headers)
            member = find()
            if member is None:
                raise _RefusedError("201", "Data Peserta Tidak Ditemukan")
        except _RefusedError as refused:
            return json_answer({"metaData": {"code": refused.code, "message": refused.message}, "response": None})
        key = crypto.response_key(_CONS_ID, _SECRET, incoming.headers["x-timestamp"])
        content = json.dumps({"peserta": self._shape(member)}, ensure_ascii=False, separators=(",", ":"))
        sealed = crypto.encrypt(lzstring.compress(content), key)
        return json_answer({"metaData": {"code": "200", "message": "OK"}, "response": sealed})

    def _admit(self, headers: Mapping[str, str]) -> None:
        timestamp = headers.get("x-timestamp", "")
        if headers.get("x-cons-id") != _CONS_ID or headers.get("user_key") != _USER_KEY:
            raise _RefusedError("401", "Consumer ID atau user_key tidak terdaftar")
        if not (timestamp.isascii() and timestamp.isdigit()):
            raise _RefusedError("401", "X-timestamp tidak valid")
        expected = crypto.signature(_CONS_ID, _SECRET, timestamp)
        if not hmac.compare_digest(headers.get("x-signature", "").encode(), expected.encode()):
            raise _RefusedError("401", "Signature tidak sesuai")
        if abs(self._world.now().timestamp() - int(timestamp)) > DRIFT_ALLOWED:
            raise _RefusedError("401", "Timestamp expired")

    def _member(self, nik: str, day: str) -> _Member | None:
        try:
            date.fromisoformat(day)
        except ValueError:
            raise _RefusedError("201", "Format tanggal tidak sesuai") from None
        if (enrolled := self._enrolled.get(nik)) is not None:
            return enrolled
        person = self._world.population.person(nik)
        return None if person is None else _resident(person)

    def _enrol(self, incoming: Incoming) -> _Member:
        if incoming.headers.get("content-type", "").split(";")[0].strip().lower() != _WRITE_TYPE:
            raise _RefusedError("400", "Content-Type tidak sesuai")
        newborn = _newborn(incoming)
        if not newborn or not newborn.get("noReferensi"):
            raise _RefusedError("400", "Request tidak lengkap")
        person = self._world.person(str(newborn.get("nik")))
        if person is None:
            raise _RefusedError("201", "NIK tidak terdaftar di data Dukcapil")
        if person.nkk != newborn.get("noKK"):
            raise _RefusedError("201", "NIK dan nomor KK tidak sesuai")
        reference = str(newborn["noReferensi"])
        with self._lock:
            self._numbers += 1
            member = replace(
                _resident(person), number=f"0099{self._numbers:09d}", status=ACTIVE, since=self._world.now().date()
            )
            self._enrolled[person.nik] = member
            self._by_reference[reference] = member
            self._by_number[member.number] = member
        self._agency.wrote("enrol_newborn", reference)
        return member

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
            "provUmum": {"kdProvider": None, "nmProvider": None},
            "mr": {"noMR": None, "noTelepon": None},
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


def _newborn(incoming: Incoming) -> dict[str, Any]:
    body = incoming.json()
    request = body.get("request") if isinstance(body, dict) else None
    newborn = request.get("t_peserta") if isinstance(request, dict) else None
    return newborn if isinstance(newborn, dict) else {}


def _newborn_fields(incoming: Incoming) -> Mapping[str, Any]:
    """What fault scripts can match, by the names of our request model."""
    newborn = _newborn(incoming)
    ours = {"reference": "noReferensi", "nik": "nik", "name": "nama", "birth_date": "tglLahir", "nkk": "noKK"}
    return {name: newborn.get(theirs) for name, theirs in ours.items()}
