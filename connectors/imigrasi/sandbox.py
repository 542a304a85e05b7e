"""The simulated immigration service: passports over SOAP, behind WS-Security.

Who books at the mall is served at once: biometrics count as taken unless the control call `biometrics` says otherwise.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from connectors.imigrasi.mapping import BOOKS, written
from connectors.imigrasi.settings import ImigrasiSettings
from connectors.toolkit import envelope, made_keys
from connectors.toolkit.examples import Example, Scene
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.reading import moment
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer
from connectors.toolkit.wss import Doorkeeper, SecurityError

PATH: Final = "/LayananPaspor"
NAMESPACE: Final = "urn:simpul:imigrasi:paspor:1"
TO_PAY: Final = timedelta(hours=2)
_WSDL: Final = Path(__file__).with_name("LayananPaspor.wsdl")
_USER, _PASSWORD, _OFFICE, _KEY = "sandbox", "sandbox-password", "SANDBOX", "imigrasi partner"
_OPERATIONS: Final = {
    "BukaPermohonan": "open_application",
    "JadwalBiometrik": "book_biometrics",
    "StatusPermohonan": "get_status",
    "TerbitkanPaspor": "issue_passport",
    "BatalPermohonan": "cancel_application",
    "CariReferensi": "find",
}
_YEARS: Final = {"E5": 5, "E10": 10}


def settings(base_url: str) -> ImigrasiSettings:
    """Settings with which a connector talks to this sandbox; `base_url` is the sandbox server's."""
    return ImigrasiSettings(
        base_url=f"{base_url}/imigrasi{PATH}",
        username=_USER,
        password=SecretStr(_PASSWORD),
        signing_key=SecretStr(made_keys.private_pem(_KEY)),
        certificate=made_keys.certificate_pem(_KEY),
        office=_OFFICE,
    )


def build(world: SandboxWorld) -> SandboxAgency:
    """The agency, ready to be hosted."""
    agency = SandboxAgency("imigrasi", world)
    service = _Service(agency)
    agency.on("POST", PATH, _operation, service.soap, _fields)
    agency.on("GET", PATH, "wsdl", lambda _: Answer(_WSDL.read_bytes(), media_type=envelope.XML))
    agency.control("POST", "biometrics", service.biometrics)
    agency.control("POST", "clock", service.turn)
    agency.on_reset(service.forget)
    return agency


@dataclass(frozen=True)
class _Case:
    number: str
    nik: str
    name: str
    book: str
    opened: datetime
    status: str = "DIBUKA"
    queue: str = ""
    at: datetime | None = None
    passport: str = ""
    issued: datetime | None = None


class _Control(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Biometrics(_Control):
    at_once: bool = True
    number: str | None = None


class _Turn(_Control):
    offset_seconds: float = Field(ge=-(10**9), le=10**9)


class _RefusedError(Exception):
    """A request that is answered with one of the agency's codes."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Service:
    """What the agency does, on its books."""

    def __init__(self, agency: SandboxAgency) -> None:
        self._agency = agency
        self._door = Doorkeeper(_USER, _PASSWORD, lambda: made_keys.certificate_pem(_KEY), agency.world.now)
        self._cases: dict[str, _Case] = {}
        self._references: dict[tuple[str, str], str] = {}
        self._numbers = itertools.count(1)
        self._at_once = True
        self._offset = timedelta()

    def forget(self) -> None:
        self._cases.clear()
        self._references.clear()
        self._door.forget()
        self._at_once, self._offset = True, timedelta()

    def soap(self, incoming: Incoming) -> Answer:
        try:
            name, content = envelope.read(incoming.body)
            self._door.check(incoming.body)
        except envelope.EnvelopeError as error:
            return envelope.fault_answer("Client", str(error))
        except SecurityError as error:
            return envelope.fault_answer(f"wsse:{error.code}", "The security of this message is not sufficient")
        act = {
            "BukaPermohonan": self._open,
            "JadwalBiometrik": self._book,
            "StatusPermohonan": lambda asked: self._case(asked["noPermohonan"]),
            "TerbitkanPaspor": self._issue,
            "BatalPermohonan": self._cancel,
            "CariReferensi": self._found,
        }.get(name)
        if act is None:
            return envelope.fault_answer("Client", "no such operation")
        try:
            asked = {field: value for field, value in content.items() if isinstance(value, str)}
            answered: envelope.Tree = {"kode": "00", "pesan": "Sukses", "data": self._told(act(asked))}
        except KeyError:
            answered = {"kode": "99", "pesan": "Format tidak sesuai"}
        except _RefusedError as refused:
            answered = {"kode": refused.code, "pesan": "Ditolak"}
        return envelope.answer(NAMESPACE, f"{name}Response", answered)

    def _open(self, asked: Mapping[str, str]) -> _Case:
        reference, nik, name, book = (asked[field] for field in ("noReferensi", "nik", "nama", "jenisPaspor"))
        if book not in _YEARS or asked["kantor"] != _OFFICE or not name or not reference:
            raise _RefusedError("99")
        person = self._agency.world.person(nik)
        if person is None:
            raise _RefusedError("11")
        if person.status != "active":
            raise _RefusedError("12")
        under_way = {"DIBUKA", "TERJADWAL", "BIOMETRIK SELESAI"}
        if any(case.nik == nik and self._status(case) in under_way for case in self._cases.values()):
            raise _RefusedError("13")
        number = f"99{next(self._numbers):012d}"
        case = _Case(number, nik, person.name, book, self._now())
        return self._keep(case, "BUKA", "open_application", reference)

    def _book(self, asked: Mapping[str, str]) -> _Case:
        case = self._cases.get(asked["noPermohonan"])
        if not asked["ntpn"] or not asked["noReferensi"]:
            raise _RefusedError("99")
        paid = moment(asked.get("tglBayar"))
        in_time = case is not None and paid is not None and paid <= case.opened + TO_PAY
        case = self._live(asked["noPermohonan"], lapsing=not in_time)
        status = "BIOMETRIK SELESAI" if self._at_once else "TERJADWAL"
        booked = replace(case, status=status, queue=f"A{int(case.number) % 1000:03d}", at=self._now())
        return self._keep(booked, "JADWAL", "book_biometrics", asked["noReferensi"])

    def _issue(self, asked: Mapping[str, str]) -> _Case:
        case = self._live(asked["noPermohonan"])
        if case.status != "BIOMETRIK SELESAI":
            raise _RefusedError("23")
        issued = replace(case, status="TERBIT", passport=f"X9{int(case.number) % 10**6:06d}", issued=self._now())
        return self._keep(issued, "TERBIT", "issue_passport", asked["noReferensi"])

    def _cancel(self, asked: Mapping[str, str]) -> _Case:
        case = replace(self._live(asked["noPermohonan"]), status="DIBATALKAN")
        return self._keep(case, "BATAL", "cancel_application", asked["noReferensi"])

    def _found(self, asked: Mapping[str, str]) -> _Case:
        return self._case(self._references.get((asked["jenis"], asked["noReferensi"]), ""))

    def _keep(self, case: _Case, kind: str, operation: str, reference: str) -> _Case:
        self._cases[case.number] = case
        self._references[kind, reference] = case.number
        self._agency.wrote(operation, reference)
        return case

    def _case(self, number: str) -> _Case:
        case = self._cases.get(number)
        if case is None:
            raise _RefusedError("14")
        return case

    def _live(self, number: str, *, lapsing: bool = True) -> _Case:
        case = self._case(number)
        status = self._status(case) if lapsing else case.status
        refused = {"KADALUARSA": "21", "DIBATALKAN": "22", "TERBIT": "24"}.get(status)
        if refused is not None:
            raise _RefusedError(refused)
        return case

    def _status(self, case: _Case) -> str:
        lapsed = case.status == "DIBUKA" and self._now() > case.opened + TO_PAY
        return "KADALUARSA" if lapsed else case.status

    def _told(self, case: _Case) -> envelope.Tree:
        day = "%d-%m-%Y"
        issued = case.issued
        return {
            "noPermohonan": case.number,
            "status": self._status(case),
            "nik": case.nik,
            "nama": case.name,
            "jenisPaspor": case.book,
            "kantor": _OFFICE,
            "batasBayar": written(case.opened + TO_PAY),
            "noAntrean": case.queue or None,
            "jadwal": written(case.at) if case.at else None,
            "berlakuSampai": written(case.at + timedelta(days=30)) if case.at else None,
            "noPaspor": case.passport or None,
            "tglTerbit": issued.strftime(day) if issued else None,
            # A day less than whole years never falls on 29 February.
            "tglHabis": (issued + timedelta(days=365 * _YEARS[case.book])).strftime(day) if issued else None,
        }

    def biometrics(self, incoming: Incoming) -> Answer:
        try:
            wanted = _Biometrics.model_validate_json(incoming.body)
        except ValidationError as error:
            return json_answer({"message": "Bad Request", "errors": error.error_count()}, 422)
        self._at_once = wanted.at_once
        case = self._cases.get(wanted.number or "")
        if case is not None and case.status == "TERJADWAL":
            self._cases[case.number] = replace(case, status="BIOMETRIK SELESAI")
        return json_answer({"message": "OK"})

    def turn(self, incoming: Incoming) -> Answer:
        try:
            self._offset = timedelta(seconds=_Turn.model_validate_json(incoming.body).offset_seconds)
        except ValidationError:
            return json_answer({"message": "Bad Request"}, 422)
        return json_answer({"now": self._now().isoformat()})

    def _now(self) -> datetime:
        return (self._agency.world.now() + self._offset).replace(microsecond=0)


def _operation(incoming: Incoming) -> str:
    try:
        return _OPERATIONS.get(envelope.read(incoming.body)[0], "unknown")
    except envelope.EnvelopeError:
        return "unknown"


def _fields(incoming: Incoming) -> Mapping[str, Any]:
    """What fault scripts can match, by the names of our request models."""
    try:
        _, content = envelope.read(incoming.body)
    except envelope.EnvelopeError:
        return {}
    named = {"noReferensi": "reference", "nik": "nik", "nama": "name", "noPermohonan": "number", "ntpn": "ntpn"}
    return {ours: content[theirs] for theirs, ours in named.items() if theirs in content}


def _wanted(scene: Scene) -> dict[str, Any]:
    person = scene.family.mother
    return {"nik": person.nik, "name": person.name, "book": next(iter(BOOKS))}


def _opened(scene: Scene) -> dict[str, Any]:
    return {"number": scene.call("open_application", _wanted(scene)).model_dump()["number"]}


def _paid(scene: Scene) -> dict[str, Any]:
    return {**_opened(scene), "ntpn": f"EXAMPLE{scene.number:09d}"}


def _booked(scene: Scene) -> dict[str, Any]:
    request = _paid(scene)
    scene.call("book_biometrics", request)
    return {"number": request["number"]}


EXAMPLES: Final[dict[str, Example]] = {
    "open_application": _wanted,
    "book_biometrics": _paid,
    "get_status": _opened,
    "issue_passport": _booked,
    "cancel_application": _opened,
}
