"""The simulated land office: the day's deeds as the contract's section 3 says, certificates and registrations [G].

A registration is complete at once: the parcel has another owner for every agency, and its deed is among the day's.
"""

import hmac
import itertools
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import SecretStr

from connectors.bpn import verdicts
from connectors.bpn.settings import BpnSettings
from connectors.toolkit import envelope, holdings
from connectors.toolkit.examples import Example, Scene
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

USERNAME, PASSWORD = "sandbox-user", "sandbox-password"
SERVICE: Final = "http://service.bpn.invalid/PeralihanHak"
SOAP_PATH: Final = "/BPNApiService/Service/PeralihanHak"
_WSDL: Final = Path(__file__).with_name("PeralihanHak.wsdl")
_OPERATIONS: Final = {"DaftarPeralihanHak": "register_transfer", "CariPeralihanHak": "look_up"}
_REGISTRATION: Final = (
    "NomorSertipikat",
    "NOP",
    "NTPD",
    "NomorAkta",
    "TanggalAkta",
    "NamaPPAT",
    "NIKPenjual",
    "NIKPembeli",
    "NamaPembeli",
)

Fields = Mapping[str, Any]
Row = dict[str, Any]


class _Refused(Exception):  # noqa: N818
    """The call is refused; the argument is the words (REST) or the code (SOAP) that say so."""


class LandOffice:
    """The land book and the office's rules, without HTTP."""

    def __init__(self, agency: SandboxAgency, world: SandboxWorld) -> None:
        self.agency = agency
        self.world = world
        self.reset()

    def reset(self) -> None:
        """Nothing registered."""
        self.serial = itertools.count(1)
        self.files: dict[str, Row] = {}
        self.by_reference: dict[str, Row] = {}
        self.deeds: dict[str, list[Row]] = {}

    def certificate(self, fields: Fields) -> Row:
        """A certificate as the book has it."""
        parcel = holdings.parcel_by_certificate(self.world, _given(fields, "NOMOR_SERTIPIKAT"))
        if parcel is None:
            raise _Refused(verdicts.NO_CERTIFICATE)
        return {
            "NOMOR_SERTIPIKAT": parcel.certificate,
            "JENIS_HAK": "Hak Milik",
            "NAMA_PEMILIK": parcel.owner.name.upper(),
            "NIK": parcel.owner.nik,
            "NOP": parcel.nop,
            "NOMOR_INDUK_BIDANG": parcel.parcel_number,
            "LUASTANAH": float(parcel.land_area),
            "STATUS": "BLOKIR" if parcel.blocked else "AKTIF",
            "CATATAN": "Blokir perkara" if parcel.blocked else "-",
            "TANGGAL_TERBIT": "17/06/2019",
        }

    def status(self, fields: Fields) -> Row:
        """How far a registration has come."""
        found = self.files.get(_given(fields, "NOMOR_BERKAS"))
        if found is None:
            raise _Refused(verdicts.NO_REGISTRATION)
        return {
            "NOMOR_BERKAS": found["NomorBerkas"],
            "REFERENSI": found["Referensi"],
            "NOMOR_SERTIPIKAT": found["NomorSertipikat"],
            "NOP": found["NOP"],
            "NOMOR_AKTA": found["NomorAkta"],
            "NIK": found["NIKPembeli"],
            "NAMA": found["NamaPembeli"],
            "STATUS": found["Status"],
            "TANGGAL_BERKAS": found["TanggalBerkas"],
            "TANGGAL_SELESAI": found["TanggalSelesai"],
        }

    def day(self, fields: Fields) -> list[Row]:
        """The deeds that were registered on a day; an empty array where there were none."""
        wanted = _given(fields, "TANGGAL")
        try:
            datetime.strptime(wanted, "%d/%m/%Y")  # noqa: DTZ007  (a date has no zone)
        except ValueError:
            raise _Refused(verdicts.INCOMPLETE) from None
        return self.deeds.get(wanted, [])

    def register(self, content: envelope.Tree) -> Row:
        """A change of owner; what is sent twice is registered twice, if the seller still owns it."""
        reference = self._admit(content)
        given = content.get("Peralihan")
        if not isinstance(given, dict) or any(not str(given.get(name) or "").strip() for name in _REGISTRATION):
            raise _Refused("20")
        parcel = holdings.parcel_by_certificate(self.world, given["NomorSertipikat"])
        if parcel is None:
            raise _Refused("10")
        checks = (
            ("11", parcel.blocked),
            ("15", given["NOP"] != parcel.nop),
            ("12", given["NIKPenjual"] != parcel.owner.nik),
            ("13", self.world.person(given["NIKPembeli"]) is None),
            # The proof of payment of a made-up office begins with 99.
            ("14", not given["NTPD"].startswith("99")),
        )
        for code, wrong in checks:
            if wrong:
                raise _Refused(code)
        today = f"{self.world.now():%d/%m/%Y}"
        found = {
            "Referensi": reference,
            "NomorBerkas": f"99-{next(self.serial):06d}/{self.world.now():%Y}",
            "NomorSertipikat": parcel.certificate,
            "NOP": parcel.nop,
            "NomorAkta": given["NomorAkta"],
            "NIKPembeli": given["NIKPembeli"],
            "NamaPembeli": given["NamaPembeli"],
            "Status": "SELESAI",
            "TanggalBerkas": today,
            "TanggalSelesai": today,
        }
        self.files[found["NomorBerkas"]] = found
        self.by_reference.setdefault(reference, found)
        self.deeds.setdefault(today, []).append(_deed(given, parcel))
        self.agency.wrote("register_transfer", reference)
        self.world.sold(parcel.nop, given["NIKPembeli"])
        return found

    def look_up(self, content: envelope.Tree) -> Row:
        """What was registered under a reference."""
        self._admit(content)
        found = self.by_reference.get(str(content.get("NomorReferensi") or ""))
        if found is None:
            raise _Refused(verdicts.NO_REFERENCE)
        return found

    def rest(self, method: Callable[[Fields], Any], request: Incoming) -> Answer:
        """One REST call, JSON or a form; refusals come with HTTP 200 and `respon_code` alone."""
        fields = _body(request)
        try:
            if not _login(fields.get("USERNAME"), fields.get("PASSWORD")):
                raise _Refused(verdicts.WRONG_LOGIN)
            return json_answer({"result": method(fields)})
        except _Refused as refused:
            return json_answer({"respon_code": refused.args[0]})

    def soap(self, request: Incoming) -> Answer:
        """One SOAP call; refusals come with a code."""
        try:
            operation, content = envelope.read(request.body)
        except envelope.EnvelopeError as error:
            return envelope.fault_answer("Client", str(error))
        methods = {"DaftarPeralihanHak": self.register, "CariPeralihanHak": self.look_up}
        if operation not in methods:
            return envelope.fault_answer("Client", "no such operation")
        answer: envelope.Tree
        try:
            answer = {"KodeRespon": verdicts.OK, "PesanRespon": "Sukses", "Data": methods[operation](content)}
        except _Refused as refused:
            answer = {"KodeRespon": refused.args[0], "PesanRespon": "Permohonan ditolak"}
        return envelope.answer(SERVICE, f"{operation}Response", answer)

    def _admit(self, content: envelope.Tree) -> str:
        header = content.get("Header")
        if not isinstance(header, dict) or not _login(header.get("UserName"), header.get("Password")):
            raise _Refused("01")
        reference = str(header.get("Referensi") or "")
        if not reference:
            raise _Refused("20")
        return reference


def build(world: SandboxWorld) -> SandboxAgency:
    """The simulated agency."""
    agency = SandboxAgency("bpn", world)
    office = LandOffice(agency, world)
    calls: Mapping[str, tuple[str, Callable[[Fields], Any]]] = {
        "/BPNApiService/Api/Sertipikat/cekSertipikat": ("check_certificate", office.certificate),
        "/BPNApiService/Api/PeralihanHak/statusBerkas": ("get_transfer", office.status),
        "/BPNApiService/Api/BPHTB/getDataATRBPN": ("land_deeds", office.day),
    }
    for path, (operation, method) in calls.items():
        agency.on("POST", path, operation, _handler(office, method), _rest_fields)
    agency.on("POST", SOAP_PATH, _operation, office.soap, _soap_fields)
    agency.on("GET", SOAP_PATH, "wsdl", lambda _: Answer(_WSDL.read_bytes(), media_type=envelope.XML))
    agency.on_reset(office.reset)
    agency.on_reset(world.reset)
    return agency


def settings(base_url: str) -> BpnSettings:
    """Settings for this sandbox, behind a sandbox server at `base_url`."""
    return BpnSettings(base_url=f"{base_url}/bpn/BPNApiService", username=USERNAME, password=SecretStr(PASSWORD))


def _certificate(scene: Scene) -> Mapping[str, Any]:
    return {"certificate_number": holdings.ordinary_parcel(scene.world, scene.number).certificate}


def _sale(scene: Scene) -> Mapping[str, Any]:
    """Whoever of the couple does not own the house buys it."""
    parcel = holdings.ordinary_parcel(scene.world, scene.number)
    family = scene.world.population.family(parcel.index)
    buyer = family.father if parcel.owner.nik == family.mother.nik else family.mother
    return {
        "certificate_number": parcel.certificate,
        "nop": parcel.nop,
        "ntpd": f"99{scene.number:014d}",
        "deed_number": f"{scene.reference()}/{scene.now:%Y}",
        "deed_date": scene.now.date().isoformat(),
        "notary_name": "PPAT Contoh",
        "seller_nik": parcel.owner.nik,
        "buyer_nik": buyer.nik,
        "buyer_name": buyer.name,
    }


def _registered(scene: Scene) -> Mapping[str, Any]:
    made = scene.call("register_transfer", _sale(scene)).model_dump(mode="json")
    return {"registration_number": made["registration_number"]}


EXAMPLES: Final[dict[str, Example]] = {
    "check_certificate": _certificate,
    "register_transfer": _sale,
    "get_transfer": _registered,
}


def _deed(given: envelope.Tree, parcel: holdings.Parcel) -> Row:
    return {
        "NOMOR_AKTA": given["NomorAkta"],
        "TANGGAL_AKTA": given["TanggalAkta"],
        "NAMA_PPAT": given["NamaPPAT"],
        "NOP": parcel.nop,
        "NTPD": given["NTPD"],
        "NOMOR_INDUK_BIDANG": parcel.parcel_number,
        "KOORDINAT_X": f"{99 + parcel.index % 1000 / 1000:.3f}",
        "KOORDINAT_Y": f"-{parcel.index % 9}.125",
        "NIK": given["NIKPembeli"],
        "NPWP": None,
        "NAMA_WP": str(given["NamaPembeli"]).upper(),
        "KELURAHAN_OP": parcel.address.village.upper(),
        "KECAMATAN_OP": parcel.address.district.upper(),
        "KOTA_OP": parcel.address.regency.upper(),
        "LUASTANAH_OP": float(parcel.land_area),
        "JENIS_HAK": "Hak Milik",
    }


def _handler(office: LandOffice, method: Callable[[Fields], Any]) -> Callable[[Incoming], Answer]:
    return lambda request: office.rest(method, request)


def _body(request: Incoming) -> Fields:
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode(errors="replace")))
    body = request.json()
    return body if isinstance(body, dict) else {}


def _given(fields: Fields, name: str) -> str:
    value = str(fields.get(name) or "").strip()
    if not value:
        raise _Refused(verdicts.INCOMPLETE)
    return value


def _login(username: Any, password: Any) -> bool:
    right = [
        hmac.compare_digest(str(given or "").encode(), known.encode())
        for given, known in ((username, USERNAME), (password, PASSWORD))
    ]
    return all(right)


def _operation(request: Incoming) -> str:
    return next((ours for theirs, ours in _OPERATIONS.items() if theirs.encode() in request.body), "unknown")


def _rest_fields(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match, by our names."""
    fields = _body(request)
    return {
        "certificate_number": fields.get("NOMOR_SERTIPIKAT"),
        "registration_number": fields.get("NOMOR_BERKAS"),
        "day": fields.get("TANGGAL"),
    }


def _soap_fields(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match, by our names."""
    try:
        _, content = envelope.read(request.body)
    except envelope.EnvelopeError:
        return {}
    header, given = content.get("Header"), content.get("Peralihan")
    return {
        "reference": header.get("Referensi") if isinstance(header, dict) else None,
        "certificate_number": given.get("NomorSertipikat") if isinstance(given, dict) else None,
        "nop": given.get("NOP") if isinstance(given, dict) else None,
    }
