"""The simulated OSS: it answers as the contract's section 5 says, quirks included, about the firms that `holdings` knows.

It honours no key of ours: what is sent twice happens twice, and is counted by the reference in its note.
"""

import itertools
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from connectors.oss import receive
from connectors.oss.settings import OssSettings
from connectors.toolkit import holdings, paper
from connectors.toolkit.callback import Received
from connectors.toolkit.examples import Example, ExampleCall, Scene
from connectors.toolkit.holdings import Business
from connectors.toolkit.population import WIB, Population, SandboxWorld
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

USER_KEY, AGENCY_CODE = "sandbox-user-key", "99001"
CALLBACK_USER, CALLBACK_PASSWORD = "oss", "sandbox-oss-password"
LICENCE_CODE, AREA_CODE = "990100000001", "9901010000"
BASE = "/v1/kl/rba"

_LENGTHS: Mapping[str, int] = {"nib": 13, "oss_id": 25, "id_izin": 25, "id_proyek": 25, "kd_izin": 12, "kd_daerah": 10}
_CODES = frozenset(
    "05 10 11 12 20 30 31 32 33 34 40 41 42 43 44 45 49 50 52 57 58 90 93".split()  # noqa: SIM905  (a table to read)
)
_WRAPPERS = ("responcheckLicenseStatus", "responcheckStatusLicense", "responsecheckStatusLicense")
_REFERENCE = re.compile(r"\[ref ([^\]]+)\]$")

Row = dict[str, Any]


class _Refused(Exception):  # noqa: N818
    """The call is refused; the arguments are `kode` and `keterangan`."""


class Oss:
    """OSS's data and rules, without HTTP."""

    def __init__(self, agency: SandboxAgency, world: SandboxWorld) -> None:
        self.agency = agency
        self.world = world
        self.reset()

    def reset(self) -> None:
        """No office has reported anything."""
        self.licences: dict[str, Row] = {}
        self.drift = itertools.cycle(_WRAPPERS)

    def inquire(self, fields: Row) -> Row:
        """Everything about a business, by NIB or by an NPWP of 16 digits."""
        npwp = str(fields.get("npwp") or "")
        if npwp and len(npwp) != 16:
            raise _Refused(400, "Format NPWP tidak sesuai")
        population = self.world.population
        found = (
            holdings.business_by_npwp(population, npwp)
            if npwp
            else holdings.business_by_nib(population, str(fields.get("nib") or ""))
        )
        if found is None:
            raise _Refused(400, "Data tidak ditemukan")
        return {"dataNIB": data_nib(found)}

    def check(self, fields: Row) -> Row:
        """Whether a NIB stands."""
        found = self._business(fields)
        return {"dataNIB": {"nib": found.nib, "nama_perusahaan": found.name, "status": "01"}}

    def status(self, fields: Row) -> Row:
        """An office reports how far it is."""
        self._strict(fields)
        self._business(fields)
        if fields.get("kd_status") not in _CODES:
            raise _Refused(400, "kd_status tidak dikenal")
        return self._wrote("send_licence_status", fields, {"dataNIB": {}})

    def licence(self, fields: Row) -> Row:
        """An office hands in its licence."""
        self._strict(fields)
        self._business(fields)
        if not str(fields.get("nomor_izin") or "").strip():
            raise _Refused(400, "nomor_izin wajib diisi")
        kept = {**fields, "kd_status": fields.get("status_izin"), "tgl_status": fields.get("tgl_terbit_izin")}
        return self._wrote("send_licence", kept, {"nomor_izin": fields["nomor_izin"]})

    def look_up(self, fields: Row) -> Row:
        """How a licence stands."""
        found = self.licences.get(str(fields.get("id_izin") or ""))
        if found is None:
            raise _Refused(400, "Data tidak ditemukan")
        shown = ("nib", "oss_id", "id_izin", "kd_izin", "kd_status", "tgl_status", "nomor_izin", "keterangan")
        return {"dataIzin": {name: found.get(name, " ") for name in shown}}

    def _business(self, fields: Row) -> Business:
        found = holdings.business_by_nib(self.world.population, str(fields.get("nib") or ""))
        if found is None:
            raise _Refused(400, "NIB tidak ditemukan")
        return found

    def _strict(self, fields: Row) -> None:
        for name, length in _LENGTHS.items():
            if fields.get(name) and len(str(fields[name])) != length:
                raise _Refused(400, f"Panjang {name} tidak sesuai")
        if not fields.get("id_izin") or not fields.get("kd_izin"):
            raise _Refused(400, "Parameter tidak lengkap")

    def _wrote(self, operation: str, fields: Row, more: Row) -> Row:
        reference = _REFERENCE.search(str(fields.get("keterangan") or ""))
        self.licences[str(fields["id_izin"])] = dict(fields)
        self.agency.wrote(operation, reference[1] if reference else "")
        return more


def data_nib(firm: Business) -> Row:
    """A firm as `dataNIB`, with blanks in all three ways and the space in `tipe_dokumen `."""
    oss_id, id_izin, id_proyek = ids(firm.index)
    return {
        "nib": firm.nib,
        "oss_id": oss_id,
        "id_izin": id_izin,
        "kd_izin": LICENCE_CODE,
        "kd_daerah": f"{firm.address.district_code}0000",
        "kewenangan": "02",
        "no_npp": "",
        "no_va": " ",
        "no_wlkp": None,
        "npwp_perseroan": firm.npwp,
        "nama_perseroan": firm.name,
        "pemegang_saham": [],
        "penanggung_jwb": [
            {
                "nama_penanggung_jwb": firm.owner.name,
                "no_identitas_penanggung_jwb": firm.owner.nik,
                "npwp_penanggung_jwb": " ",
            }
        ],
        "legalitas": [],
        "data_proyek": [
            {
                "id_proyek": id_proyek,
                "kbli": firm.kbli,
                "uraian_usaha": firm.activity,
                "skala_usaha": "01",
                "skala_resiko": "T",
            }
        ],
        "data_checklist": [
            {
                "id_izin": id_izin,
                "kd_izin": LICENCE_CODE,
                "nama_izin": "Persetujuan Bangunan Gedung",
                "instansi": "DPMPTSP",
                "flag_checklist": "Y",
                "data_persyaratan": [],
            }
        ],
        "flag_pajak": "00" if firm.tax_clear else "02",
        "status_nib": "01",
        "tipe_dokumen ": "9",
    }


def ids(index: int) -> tuple[str, str, str]:
    """`oss_id`, `id_izin` and `id_proyek` of a firm, 25 characters each."""
    return f"U-99{index:021d}", f"I-99{index:021d}", f"R-99{index:021d}"


def build(world: SandboxWorld) -> SandboxAgency:
    """The simulated agency."""
    agency = SandboxAgency("oss", world)
    oss = Oss(agency, world)
    methods: Mapping[str, tuple[str, str, Callable[[Row], Row], Callable[[], str]]] = {
        "inqueryNIB": ("inquire_nib", "INQUERYNIB", oss.inquire, lambda: "responinqueryNIB"),
        "checkNIB": ("check_nib", "CHECKNIB", oss.check, lambda: "responcheckNIB"),
        "receiveLicenseStatus": (
            "send_licence_status",
            "IZINSTATUS",
            oss.status,
            lambda: "responreceiveLicenseStatus",
        ),
        "receiveLicense": ("send_licence", "IZINFINAL", oss.licence, lambda: "responreceiveLicense"),
        "checkLicenseStatus": ("look_up", "CHECKLICENSESTATUS", oss.look_up, lambda: next(oss.drift)),
    }
    for method, (operation, wrapper, handler, named) in methods.items():
        agency.on("POST", f"{BASE}/{method}", operation, _handler(wrapper, handler, named), _fields)
    agency.on("GET", "/files/{name}", "get_document", _file)
    agency.on_reset(oss.reset)
    return agency


def settings(base_url: str) -> OssSettings:
    """Settings for this sandbox, behind a sandbox server at `base_url`."""
    return OssSettings(
        base_url=f"{base_url}/oss{BASE}",
        user_key=SecretStr(USER_KEY),
        agency_code=AGENCY_CODE,
        callback_user=CALLBACK_USER,
        callback_password=SecretStr(CALLBACK_PASSWORD),
    )


def _firm(population: Population, number: int) -> Business:
    found = holdings.business(population, population.family(number * 5))
    assert found is not None  # noqa: S101  (every fifth family has one)
    return found


def _about(scene: Scene) -> Row:
    firm = _firm(scene.world.population, scene.number)
    oss_id, id_izin, id_proyek = ids(firm.index)
    return {
        "nib": firm.nib,
        "oss_id": oss_id,
        "id_izin": id_izin,
        "id_proyek": id_proyek,
        "kd_izin": LICENCE_CODE,
        "officer_nip": "199001012015011001",
        "officer_name": "Pejabat Contoh",
    }


EXAMPLES: dict[str, Example] = {
    "inquire_nib": lambda scene: {"nib": _about(scene)["nib"]},
    "check_nib": lambda scene: {"nib": _about(scene)["nib"]},
    "send_licence_status": lambda scene: {**_about(scene), "status": "20", "note": "Berkas diperiksa"},
    "send_licence": lambda scene: {
        **_about(scene),
        "kd_daerah": AREA_CODE,
        "number": f"503/{scene.number}/PBG/9901",
        "issued_on": scene.now.date().isoformat(),
    },
    "get_document": lambda scene: {
        "url": f"{scene.connector.settings.base_url.removesuffix(BASE)}/files/izin-{scene.number}.pdf"
    },
}
"""A request of each operation that this sandbox answers with a record."""


def _receive_nib(made: OssSettings, at: datetime, number: int) -> Received:
    firm = _firm(Population(), number)
    password = made.callback_password.get_secret_value()
    token = receive.token(made.callback_user, password, firm.nib, f"{at.astimezone(WIB):%Y%m%d}")
    return Received(
        method="POST",
        path="/v1/callbacks/oss/receive_nib",
        headers={"content-type": "application/json", "token": token},
        body=json.dumps({"dataNIB": data_nib(firm)}).encode(),
        peer="127.0.0.1",
        at=at,
    )


CALLS: dict[str, ExampleCall] = {"receive_nib": _receive_nib}
"""A call of each kind that OSS makes, signed as it would."""


def _handler(wrapper: str, handler: Callable[[Row], Row], named: Callable[[], str]) -> Callable[[Incoming], Answer]:
    def answer(request: Incoming) -> Answer:
        body = request.json()
        fields = body.get(wrapper) if isinstance(body, dict) else None
        try:
            if request.headers.get("user_key") != USER_KEY:
                raise _Refused(401, "user_key tidak dikenal")
            if not isinstance(fields, dict):
                raise _Refused(400, "Parameter tidak lengkap")
            said = {"kode": 200, "keterangan": "Sukses", **handler(fields)}
        except _Refused as refused:
            code, words = refused.args
            said = {"kode": code, "keterangan": words}
        return json_answer({named(): said})

    return answer


def _file(request: Incoming) -> Answer:
    return Answer(paper.pdf(f"Izin contoh {request.parameters['name']}"), media_type="application/pdf")


def _fields(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match: the fields inside the wrapper."""
    body = request.json()
    inner = next(iter(body.values()), None) if isinstance(body, dict) else None
    fields = inner if isinstance(inner, dict) else {}
    reference = _REFERENCE.search(str(fields.get("keterangan") or ""))
    return {**fields, "reference": reference[1] if reference else None}
