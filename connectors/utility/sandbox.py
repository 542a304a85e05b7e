"""The simulated utility: PLN and PDAM behind one interface, over the meters of the sandbox world.

Not idempotent: an application that is sent twice is two applications, and is counted twice.
"""

import hmac
import itertools
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from connectors.toolkit import holdings
from connectors.toolkit.examples import Example, Scene
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.sandbox import Answer, Handler, Incoming, SandboxAgency, json_answer
from connectors.utility.mapping import KINDS
from connectors.utility.settings import UtilitySettings

API_KEY, PARTNER = "sandbox-key", "MPP9901"
_MESSAGES: Final = MappingProxyType(
    {
        "00": "SUKSES",
        "03": "MITRA TIDAK TERDAFTAR",
        "08": "KUOTA HARIAN HABIS",
        "14": "DATA TIDAK DITEMUKAN",
        "15": "NIK TIDAK DIKENAL",
        "30": "FORMAT SALAH",
        "61": "MASIH ADA TUNGGAKAN",
        "62": "TARIF TIDAK TERSEDIA",
        "63": "PERMOHONAN SUDAH SELESAI",
        "96": "SYSTEM MALFUNCTION",
    }
)
_TARIFFS: Final = MappingProxyType(
    {
        "LISTRIK": {"R1/900 VA": 843_000, "R1/1300 VA": 1_218_000, "R1/2200 VA": 2_062_000},
        "AIR": {"Rumah tangga A": 750_000, "Rumah tangga B": 1_100_000},
    }
)
_CONNECTION: Final = ("kode_mitra", "no_referensi", "jenis", "nik", "nama", "lokasi", "tarif")
_CANCELLATION: Final = ("kode_mitra", "no_referensi", "no_agenda")
_TRANSFER: Final = ("kode_mitra", "no_referensi", "idpel", "nik_baru", "nama_baru", "dasar")
_TRANSFER_FEE: Final = 25_000
_OPEN: Final = "MENUNGGU PEMBAYARAN"
_OURS: Final = MappingProxyType(
    {
        "reference": ("no_referensi",),
        "nik": ("nik", "nik_baru"),
        "name": ("nama", "nama_baru"),
        "tariff": ("tarif",),
        "customer_number": ("idpel",),
        "application_number": ("no_agenda",),
    }
)


def settings(base_url: str) -> UtilitySettings:
    """Settings with which a connector talks to this sandbox; `base_url` is the sandbox server's."""
    return UtilitySettings(base_url=f"{base_url}/utility", api_key=API_KEY, partner=PARTNER)


def build(world: SandboxWorld) -> SandboxAgency:
    """The agency, ready to be hosted."""
    agency = SandboxAgency("utility", world)
    office = _Office(agency)
    agency.on("GET", "/pelanggan/{customer_number}/tunggakan", "check_arrears", office.answering(office.arrears))
    for operation, path, needed, write, look_up in (
        ("request_connection", "sambungan-baru", _CONNECTION, office.connect, "find_connection"),
        ("cancel_connection", "pembatalan", _CANCELLATION, office.cancel, "find_cancellation"),
        ("transfer_name", "balik-nama", _TRANSFER, office.transfer, "find_transfer"),
    ):
        writing = office.answering(office.writing(operation, needed, write))
        agency.on("POST", f"/permohonan/{path}", operation, writing, _fields)
        finding = office.answering(office.finding(operation))
        agency.on("GET", f"/permohonan/{path}/referensi/{{reference:path}}", look_up, finding)
    agency.refusal("quota", lambda _: _answer("08"))
    agency.refusal("error_in_200", lambda _: _answer("96"))
    agency.on_reset(office.forget)
    return agency


class _RefusedError(Exception):
    """A request that is answered with one of the codes."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Office:
    """What the utilities do."""

    def __init__(self, agency: SandboxAgency) -> None:
        self._agency = agency
        self._world = agency.world
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._serial = itertools.count(1)
        self._written: dict[tuple[str, str], dict[str, Any]] = {}
        self._holders: dict[str, str] = {}

    def answering(self, handler: Callable[[Incoming], dict[str, Any]]) -> Handler:
        """The data that a handler finds, in the envelope; its refusal, in the same."""

        def answered(incoming: Incoming) -> Answer:
            try:
                _admit(incoming.headers)
                return _answer("00", handler(incoming))
            except _RefusedError as refused:
                return _answer(refused.code)

        return answered

    def arrears(self, incoming: Incoming) -> dict[str, Any]:
        meter = self._meter(incoming.parameters["customer_number"])
        return {
            **self._shape(meter),
            "total_tunggakan": int(meter.arrears),
            "lembar_tunggakan": 1 if meter.arrears else 0,
            "status": "AKTIF",
        }

    def writing(
        self, operation: str, needed: tuple[str, ...], write: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> Callable[[Incoming], dict[str, Any]]:
        """A write: label and fields are looked at first; then it happens and is counted."""

        def written(incoming: Incoming) -> dict[str, Any]:
            body = incoming.json()
            label = incoming.headers.get("content-type", "").split(";")[0].strip().lower()
            if label != "application/json" or not isinstance(body, dict) or not all(body.get(name) for name in needed):
                raise _RefusedError("30")
            if body["kode_mitra"] != PARTNER:
                raise _RefusedError("03")
            reference = str(body["no_referensi"])
            with self._lock:
                data = write(body)
                data = {"no_agenda": f"99{next(self._serial):010d}", **data, "no_referensi": reference}
                self._written[operation, reference] = data
            self._agency.wrote(operation, reference)
            return data

        return written

    def finding(self, operation: str) -> Callable[[Incoming], dict[str, Any]]:
        """The look-up of what was written under our reference."""

        def found(incoming: Incoming) -> dict[str, Any]:
            data = self._written.get((operation, incoming.parameters["reference"]))
            if data is None:
                raise _RefusedError("14")
            return data

        return found

    def connect(self, body: dict[str, Any]) -> dict[str, Any]:
        self._living(str(body["nik"]))
        fee = _TARIFFS.get(str(body["jenis"]), {}).get(str(body["tarif"]))
        if fee is None:
            raise _RefusedError("62")
        place = body["lokasi"] if isinstance(body["lokasi"], dict) else {}
        return {
            "jenis": body["jenis"],
            "idpel": None,
            "nama": body["nama"],
            "alamat": place.get("alamat") or "-",
            "tarif": body["tarif"],
            "biaya": fee,
            "status": _OPEN,
        }

    def cancel(self, body: dict[str, Any]) -> dict[str, Any]:
        found = next(
            (
                data
                for (operation, _), data in self._written.items()
                if operation == "request_connection" and data["no_agenda"] == str(body["no_agenda"])
            ),
            None,
        )
        if found is None:
            raise _RefusedError("14")
        if found["status"] != _OPEN and ("cancel_connection", str(body["no_referensi"])) not in self._written:
            raise _RefusedError("63")
        found["status"] = "DIBATALKAN"
        return dict(found)

    def transfer(self, body: dict[str, Any]) -> dict[str, Any]:
        meter = self._meter(str(body["idpel"]))
        if meter.arrears:
            raise _RefusedError("61")
        self._living(str(body["nik_baru"]))
        self._holders[meter.customer_number] = str(body["nama_baru"])
        return {**self._shape(meter), "biaya": str(_TRANSFER_FEE), "status": "SELESAI"}

    def _living(self, nik: str) -> None:
        person = self._world.person(nik)
        if person is None or person.status != "active":
            raise _RefusedError("15")

    def _meter(self, number: str) -> holdings.Meter:
        meter = holdings.meter_by_number(self._world.population, number)
        if meter is None:
            raise _RefusedError("14")
        return meter

    def _shape(self, meter: holdings.Meter) -> dict[str, Any]:
        return {
            "jenis": KINDS[meter.kind],
            "idpel": meter.customer_number,
            "nama": self._holders.get(meter.customer_number, meter.holder.name).upper(),
            "alamat": meter.address.street,
            "tarif": meter.tariff,
        }


def _admit(headers: Mapping[str, str]) -> None:
    key = headers.get("x-api-key", "").encode()
    if not (hmac.compare_digest(key, API_KEY.encode()) and headers.get("x-kode-mitra") == PARTNER):
        raise _RefusedError("03")


def _answer(code: str, data: dict[str, Any] | None = None) -> Answer:
    return json_answer({"rc": code, "pesan": _MESSAGES[code], "data": data})


def _fields(incoming: Incoming) -> Mapping[str, Any]:
    """What fault scripts can match, by the names of our request models."""
    body = incoming.json()
    body = body if isinstance(body, dict) else {}
    return {name: next((body[one] for one in theirs if one in body), None) for name, theirs in _OURS.items()}


def _unburdened(number: int) -> int:
    """The number of a family without arrears; another for another number."""
    return number // 14 * 15 + number % 14


def _connection(scene: Scene) -> Mapping[str, Any]:
    return {
        "kind": "electricity",
        "nik": scene.family.mother.nik,
        "name": scene.family.mother.name,
        "address": {"street": scene.family.address.street, "village_code": scene.family.address.village_code},
        "tariff": "R1/1300 VA",
    }


EXAMPLES: Final[Mapping[str, Example]] = MappingProxyType(
    {
        "check_arrears": lambda scene: {"customer_number": holdings.meter(scene.family).customer_number},
        "request_connection": _connection,
        "cancel_connection": lambda scene: {
            "application_number": scene.call("request_connection", _connection(scene)).model_dump()[
                "application_number"
            ]
        },
        "transfer_name": lambda scene: {
            "customer_number": holdings.meter(scene.world.population.family(_unburdened(scene.number))).customer_number,
            "nik": scene.family.mother.nik,
            "name": scene.family.mother.name,
            "ground": "inheritance",
        },
    }
)
