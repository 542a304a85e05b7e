"""The simulated permit office: an invention [G], over the residents and firms that all sandbox agencies share.

Inspections are over as soon as a permit is registered. A description with the word `roboh` does not pass. Nothing is idempotent: what
is sent twice happens twice, and is counted.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import SecretStr

from connectors.dpmptsp.settings import DpmptspSettings
from connectors.dpmptsp.wire import KINDS
from connectors.toolkit import holdings
from connectors.toolkit.examples import Example, Scene
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

TOKEN = "sandbox-token"
FAILS = "roboh"

Row = dict[str, Any]


class _Refused(Exception):  # noqa: N818
    """The call is refused; the arguments are the HTTP status, `kode` and `pesan`."""


class Dpmptsp:
    """The office's data and rules, without HTTP."""

    def __init__(self, agency: SandboxAgency, world: SandboxWorld) -> None:
        self.agency = agency
        self.world = world
        self.reset()

    def reset(self) -> None:
        """Nothing is registered."""
        self.permits: dict[str, Row] = {}
        self.written: dict[tuple[str, str], Row] = {}
        self.serial = itertools.count(1)

    def register(self, request: Incoming) -> Row:
        """A permit is asked for, and inspected at once."""
        fields = _fields(request)
        reference = _reference(fields)
        if fields.get("jenis_izin") not in KINDS.values():
            raise _Refused(422, "FORM", "jenis_izin tidak dikenal")
        self._known(fields)
        number = next(self.serial)
        today = self.world.now().strftime("%d-%m-%Y")
        passed = FAILS not in str(fields.get("uraian") or "").lower()
        row: Row = {
            "no_pendaftaran": f"REG-9901-{number:07d}",
            "jenis_izin": fields["jenis_izin"],
            "kd_status": "45" if passed else "40",
            "nib": fields.get("nib", ""),
            "nik_pemohon": fields.get("nik_pemohon", "-"),
            "nama_pemohon": fields.get("nama_pemohon"),
            "nomor_izin": " ",
            "tgl_daftar": today,
            "tgl_terbit": "0000-00-00",
            "pemeriksaan": {
                "hasil": "LULUS" if passed else "TIDAK LULUS",
                "tanggal": today,
                "petugas": "Petugas Contoh",
                "catatan": "-" if passed else "Bangunan tidak layak",
            },
        }
        self.permits[row["no_pendaftaran"]] = row
        return self._wrote("daftar", "register_permit", reference, row)

    def get(self, request: Incoming) -> Row:
        """How a permit stands, without the inspection."""
        return {name: value for name, value in self._permit(request).items() if name != "pemeriksaan"}

    def inspection(self, request: Incoming) -> Row:
        """How a permit stands, with the inspection."""
        return self._permit(request)

    def issue(self, request: Incoming) -> Row:
        """A permit gets its number; each time another one."""
        fields, row = _fields(request), self._standing(request)
        reference = _reference(fields)
        if row["pemeriksaan"]["hasil"] != "LULUS":
            raise _Refused(409, "INSPECTION", "Pemeriksaan belum lulus")
        row |= {
            "kd_status": "58",
            "nomor_izin": f"503/{next(self.serial)}/{row['jenis_izin']}/9901",
            "tgl_terbit": self.world.now().strftime("%d-%m-%Y"),
            "tgl_berlaku": fields.get("tgl_berlaku", ""),
        }
        return self._wrote("terbit", "issue_permit", reference, row)

    def withdraw(self, request: Incoming) -> Row:
        """A permit is taken back."""
        fields, row = _fields(request), self._standing(request)
        reference = _reference(fields)
        row |= {"kd_status": "90", "tgl_cabut": self.world.now().strftime("%d-%m-%Y")}
        return self._wrote("cabut", "withdraw_permit", reference, row)

    def look_up(self, request: Incoming) -> Row:
        """What was done under a reference."""
        row = self.written.get((request.parameters["act"], request.parameters["reference"]))
        if row is None:
            raise _Refused(404, "NOT_FOUND", "Referensi tidak ditemukan")
        return row

    def _known(self, fields: Row) -> None:
        nib, nik = str(fields.get("nib") or ""), str(fields.get("nik_pemohon") or "")
        person = self.world.person(nik) if nik else None
        firm = holdings.business_by_nib(self.world.population, nib) if nib else None
        if not (nib or nik) or (nib and firm is None) or (nik and (person is None or person.status != "active")):
            raise _Refused(422, "HOLDER", "Pemohon tidak dikenal")

    def _permit(self, request: Incoming) -> Row:
        row = self.permits.get(request.parameters["registration"])
        if row is None:
            raise _Refused(404, "NOT_FOUND", "Nomor pendaftaran tidak ditemukan")
        return row

    def _standing(self, request: Incoming) -> Row:
        row = self._permit(request)
        if row.get("tgl_cabut"):
            raise _Refused(409, "WITHDRAWN", "Izin sudah dicabut")
        return row

    def _wrote(self, act: str, operation: str, reference: str, row: Row) -> Row:
        self.agency.wrote(operation, reference)
        self.written[act, reference] = dict(row)
        return dict(row)


def build(world: SandboxWorld) -> SandboxAgency:
    """The simulated agency."""
    agency = SandboxAgency("dpmptsp", world)
    office = Dpmptsp(agency, world)
    one = "/api/perizinan/{registration}"
    routes: tuple[tuple[str, str, str, Callable[[Incoming], Row]], ...] = (
        ("POST", "/api/perizinan", "register_permit", office.register),
        ("GET", one, "get_permit", office.get),
        ("GET", f"{one}/pemeriksaan", "inspection_result", office.inspection),
        ("POST", f"{one}/terbit", "issue_permit", office.issue),
        ("POST", f"{one}/cabut", "withdraw_permit", office.withdraw),
        ("GET", "/api/referensi/{act}/{reference}", "look_up", office.look_up),
    )
    for method, path, operation, handler in routes:
        agency.on(method, path, operation, _handler(handler), _matched)
    agency.on_reset(office.reset)
    return agency


def settings(base_url: str) -> DpmptspSettings:
    """Settings for this sandbox, behind a sandbox server at `base_url`."""
    return DpmptspSettings(base_url=f"{base_url}/dpmptsp/api", token=SecretStr(TOKEN))


def _registration(scene: Scene) -> Row:
    holder = scene.family.father
    return {"kind": "pbg", "holder_nik": holder.nik, "holder_name": holder.name, "description": "Rumah tinggal"}


def _registered(scene: Scene) -> str:
    made = scene.call("register_permit", _registration(scene))
    return str(made.model_dump()["registration"])


EXAMPLES: dict[str, Example] = {
    "register_permit": _registration,
    "get_permit": lambda scene: {"registration": _registered(scene)},
    "inspection_result": lambda scene: {"registration": _registered(scene)},
    "issue_permit": lambda scene: {"registration": _registered(scene), "signatory": "Kepala Dinas Contoh"},
    "withdraw_permit": lambda scene: {"registration": _registered(scene), "reason": "Permohonan dibatalkan"},
}
"""A request of each operation that this sandbox answers with a record."""


def _handler(handler: Callable[[Incoming], Row]) -> Callable[[Incoming], Answer]:
    def answer(request: Incoming) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return json_answer({"kode": "TOKEN", "pesan": "Token tidak dikenal"}, 401)
        try:
            return json_answer(handler(request))
        except _Refused as refused:
            status, code, words = refused.args
            return json_answer({"kode": code, "pesan": words}, status)

    return answer


def _fields(request: Incoming) -> Row:
    body = request.json()
    return body if isinstance(body, dict) else {}


def _reference(fields: Row) -> str:
    reference = str(fields.get("referensi") or "").strip()
    if not reference:
        raise _Refused(422, "FORM", "referensi wajib diisi")
    return reference


def _matched(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match, by our names."""
    fields = _fields(request)
    return {
        **request.parameters,
        **fields,
        "reference": fields.get("referensi"),
        "holder_nik": fields.get("nik_pemohon"),
    }
