"""The simulated BPJS Ketenagakerjaan: its SOAP service over businesses and workers of the sandbox world.

Every father is a member. Not idempotent: what is sent twice happens twice, and is counted.
"""

import hmac
import itertools
import threading
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from connectors.bpjs_ketenagakerjaan.settings import BpjsKetenagakerjaanSettings
from connectors.toolkit import envelope, holdings
from connectors.toolkit.examples import Example, Scene
from connectors.toolkit.population import SandboxWorld, SyntheticPerson
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency

SERVICE_PATH: Final = "/BPJSTK_Service"
SERVICE: Final = "http://BPJSTK_Service"
USER_ID, PASSWORD, BRANCH = "sandbox", "sandbox-password", "Z99"
_WSDL: Final = Path(__file__).with_name("BPJSTK_Service.wsdl")
_MESSAGES: Final = MappingProxyType(
    {
        "00": "Sukses",
        "01": "User tidak valid",
        "08": "Kuota habis",
        "10": "Data tidak ditemukan",
        "11": "NIB dan NPWP tidak sesuai",
        "12": "Perusahaan tidak terdaftar",
        "13": "NIK tidak valid",
        "14": "Data kematian tidak ditemukan",
        "30": "Format tidak sesuai",
        "99": "General error",
    }
)
_OPERATIONS: Final = MappingProxyType(
    {
        "DaftarPerusahaan": "register_employer",
        "DaftarPekerja": "register_worker",
        "InfoPeserta": "get_membership",
        "KlaimKematian": "file_death_claim",
        "CariReferensi": "find",
    }
)
_KINDS: Final = MappingProxyType(
    {"DaftarPerusahaan": "PERUSAHAAN", "DaftarPekerja": "PEKERJA", "KlaimKematian": "KLAIM"}
)
_OURS: Final = MappingProxyType(
    {"reference": "NoReferensi", "nik": "NIK", "nib": "NIB", "npwp": "NPWP", "employer_number": "NPP", "name": "Nama"}
)
_BENEFIT: Final = "42000000"

Tree = envelope.Tree


def settings(base_url: str) -> BpjsKetenagakerjaanSettings:
    """Settings with which a connector talks to this sandbox; `base_url` is the sandbox server's."""
    return BpjsKetenagakerjaanSettings(
        base_url=f"{base_url}/bpjs_ketenagakerjaan{SERVICE_PATH}",
        user_id=USER_ID,
        password=PASSWORD,
        branch_code=BRANCH,
    )


def build(world: SandboxWorld) -> SandboxAgency:
    """The agency, ready to be hosted."""
    agency = SandboxAgency("bpjs_ketenagakerjaan", world)
    service = _Service(agency)
    agency.on("POST", SERVICE_PATH, _operation, service.soap, _fields)
    agency.on("GET", SERVICE_PATH, "wsdl", lambda _: Answer(_WSDL.read_bytes(), media_type=envelope.XML))
    agency.refusal("quota", lambda request: _answer(_element(request), "08"))
    agency.refusal("error_in_200", lambda request: _answer(_element(request), "99"))
    agency.on_reset(service.forget)
    return agency


class _RefusedError(Exception):
    """A request that is answered with one of the codes."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Service:
    """What the agency does."""

    def __init__(self, agency: SandboxAgency) -> None:
        self._agency = agency
        self._world = agency.world
        self._lock = threading.Lock()
        self._writes = {
            "DaftarPerusahaan": self._employer,
            "DaftarPekerja": self._worker,
            "KlaimKematian": self._claim,
        }
        self.forget()

    def forget(self) -> None:
        self._serial = itertools.count(1)
        self._written: dict[tuple[str, str], Tree] = {}
        self._employers: dict[str, str] = {}
        self._workers: dict[str, Tree] = {}

    def soap(self, incoming: Incoming) -> Answer:
        try:
            element, content = envelope.read(incoming.body)
        except envelope.EnvelopeError as error:
            return envelope.fault_answer("Client", str(error))
        operation = element.removesuffix("Request")
        if operation not in _OPERATIONS:
            return envelope.fault_answer("Client", "no such operation")
        try:
            _admit(content.get("Login"))
            with self._lock:
                return _answer(operation, "00", self._done(operation, content))
        except _RefusedError as refused:
            return _answer(operation, refused.code)

    def _done(self, operation: str, content: Tree) -> Tree:
        if operation == "InfoPeserta":
            return {"Peserta": self._member(_text(content, "NIK"))}
        reference = _text(content, "NoReferensi")
        if operation == "CariReferensi":
            found = self._written.get((_text(content, "Jenis"), reference))
            if found is None:
                raise _RefusedError("10")
            return found
        data = {"NoReferensi": reference, **self._writes[operation](content)}
        self._written[_KINDS[operation], reference] = data
        self._agency.wrote(_OPERATIONS[operation], reference)
        return data

    def _employer(self, content: Tree) -> Tree:
        business = holdings.business_by_nib(self._world.population, _text(content, "NIB"))
        npwp = _text(content, "NPWP")
        if business is None or npwp not in {business.npwp, f"0{business.npwp}"}:
            raise _RefusedError("11")
        number = f"99{next(self._serial):07d}"
        self._employers[number] = business.name
        now = self._world.now()
        return {
            "Perusahaan": {
                "NPP": number,
                "NIB": business.nib,
                "NamaPerusahaan": business.name,
                "TanggalDaftar": f"{now:%d-%m-%Y %H:%M:%S}",
                "StatusPerusahaan": "AKTIF",
            }
        }

    def _worker(self, content: Tree) -> Tree:
        employer = self._employers.get(_text(content, "NPP"))
        if employer is None:
            raise _RefusedError("12")
        person = self._living(_text(content, "NIK"))
        if not _text(content, "Upah").isdigit():
            raise _RefusedError("30")
        member: Tree = {
            "KPJ": f"98{next(self._serial):09d}",
            "NIK": person.nik,
            "Nama": person.name.upper(),
            "NPP": _text(content, "NPP"),
            "NamaPerusahaan": employer,
            "Program": "JKK,JKM,JHT,JP",
            "Upah": _text(content, "Upah"),
            "TanggalMulai": _text(content, "TanggalMulai"),
            "StatusPeserta": "AKTIF",
        }
        self._workers[person.nik] = member
        return {"Peserta": member}

    def _claim(self, content: Tree) -> Tree:
        nik = _text(content, "NIK")
        member = self._member(nik)
        person = self._world.person(nik)
        if person is None or person.status != "deceased":
            raise _RefusedError("14")
        heir = self._living(_text(content, "NIKAhliWaris"))
        now = self._world.now()
        return {
            "Klaim": {
                "NomorKlaim": f"JKM99{next(self._serial):08d}",
                "NIK": nik,
                "KPJ": member["KPJ"],
                "NIKAhliWaris": heir.nik,
                "TanggalKlaim": f"{now:%d-%m-%Y}",
                "StatusKlaim": "DITERIMA",
                "Santunan": _BENEFIT,
            }
        }

    def _member(self, nik: str) -> Tree:
        person = self._world.person(nik)
        member = self._workers.get(nik) or (_father(self._world, person) if person else None)
        if person is None or member is None:
            raise _RefusedError("10")
        return {**member, "StatusPeserta": "AKTIF" if person.status == "active" else "TIDAK AKTIF"}

    def _living(self, nik: str) -> SyntheticPerson:
        person = self._world.person(nik)
        if person is None or person.status != "active":
            raise _RefusedError("13")
        return person


def _father(world: SandboxWorld, person: SyntheticPerson) -> Tree | None:
    family = world.population.family_of_card(person.nkk)
    if family is None or person.role != "father":
        return None
    return {
        "KPJ": f"99{family.index:07d}01",
        "NIK": person.nik,
        "Nama": person.name.upper(),
        "NamaPerusahaan": "-",
        "Program": "JKK,JKM",
        "Upah": "2500000",
        "TanggalMulai": "01-02-2020",
    }


def _admit(login: Any) -> None:
    given = login if isinstance(login, dict) else {}
    known = hmac.compare_digest(str(given.get("Password", "")).encode(), PASSWORD.encode())
    if not known or (given.get("UserId"), given.get("KodeKantor")) != (USER_ID, BRANCH):
        raise _RefusedError("01")


def _text(content: Tree, name: str) -> str:
    """An element that the request cannot do without."""
    value = content.get(name)
    if not isinstance(value, str) or not value:
        raise _RefusedError("30")
    return value


def _answer(operation: str, code: str, data: Mapping[str, Any] | None = None) -> Answer:
    content = {"KodeRespon": code, "Pesan": _MESSAGES[code], **(data or {})}
    return envelope.answer(SERVICE, f"{operation}Response", content)


def _element(incoming: Incoming) -> str:
    return next((one for one in _OPERATIONS if f"{one}Request".encode() in incoming.body), "InfoPeserta")


def _operation(incoming: Incoming) -> str:
    return _OPERATIONS[_element(incoming)]


def _fields(incoming: Incoming) -> Mapping[str, Any]:
    """What fault scripts can match, by the names of our request models."""
    try:
        _, content = envelope.read(incoming.body)
    except envelope.EnvelopeError:
        return {}
    return {name: content.get(theirs) for name, theirs in _OURS.items()}


def _business(scene: Scene) -> Mapping[str, Any]:
    """The business of a family of this scene's own: every fifth family has one."""
    family = scene.world.population.family(5 * scene.number)
    business = holdings.business(scene.world.population, family)
    return {"nib": business.nib, "npwp": business.npwp, "name": business.name} if business else {}


def _worker(scene: Scene) -> Mapping[str, Any]:
    employer = scene.call("register_employer", _business(scene)).model_dump()
    person = scene.family.mother
    return {
        "employer_number": employer["number"],
        "nik": person.nik,
        "name": person.name,
        "birth_date": person.birth_date.isoformat(),
        "wage": "3000000",
        "starts_on": scene.now.date().isoformat(),
    }


def _death(scene: Scene) -> Mapping[str, Any]:
    family = scene.world.population.family_with("deceased_father", scene.number % 1000)
    return {
        "nik": family.father.nik,
        "died_on": scene.now.date().isoformat(),
        "deed_number": f"9901-KM-{scene.number:04d}",
        "heir_nik": family.mother.nik,
        "heir_name": family.mother.name,
        "relation": "spouse",
    }


EXAMPLES: Final[Mapping[str, Example]] = MappingProxyType(
    {
        "register_employer": _business,
        "register_worker": _worker,
        "get_membership": lambda scene: {"nik": scene.family.father.nik},
        "file_death_claim": _death,
    }
)
