"""The simulated SIASN: it answers as the contract's section 9 says; search and report of death are [G].

Its control call beside the kit's, `expire`, ends all tokens.
"""

import base64
import functools
import hashlib
import hmac
import itertools
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from pydantic import SecretStr

from connectors.bkn import wire
from connectors.bkn.settings import BknSettings
from connectors.toolkit import holdings
from connectors.toolkit.examples import Example, Scene
from connectors.toolkit.holdings import CivilServant
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.sandbox import Answer, Handler, Incoming, SandboxAgency, json_answer

CLIENT_ID, CLIENT_SECRET = "sandbox-client", "sandbox-client-secret"
SSO_CLIENT_ID, USERNAME, PASSWORD = "sandbox-sso-client", "sandbox-user", "sandbox-password"
GATEWAY_LIVES, SSO_LIVES = timedelta(hours=1), timedelta(hours=12)

EXPIRED: Final = "invalid or expired jwt"
WRONG_CREDENTIALS: Final = "Invalid Credentials"
MISMATCH: Final = "Token SSO mismatch"
NOT_FOUND: Final = "Data tidak ditemukan"

_KEY: Final = b"sandbox-signing-key"

Row = dict[str, Any]


class _Refused(Exception):  # noqa: N818
    """The call is refused; the argument is the answer that says so."""


class Siasn:
    """The agency's books and rules, without HTTP."""

    def __init__(self, agency: SandboxAgency, world: SandboxWorld) -> None:
        self.agency = agency
        self.world = world
        self.serial = itertools.count(1)
        self.ended = 0
        self.reset()

    def reset(self) -> None:
        """Nothing was reported. Tokens that are out stay good."""
        self.receipts: dict[str, Row] = {}
        self.deceased: set[str] = set()

    def expire(self, _: Incoming) -> Answer:
        """All tokens that are out end now."""
        self.ended = next(self.serial)
        return json_answer({"message": "OK"})

    def expired(self, request: Incoming, handler: Handler) -> Answer | Awaitable[Answer]:
        """All tokens end just before this request, which is answered accordingly."""
        self.expire(request)
        return handler(request)

    def gateway_token(self, request: Incoming) -> Answer:
        """Token 1: an application's."""
        login = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        right = _same(request.headers.get("authorization", ""), f"Basic {login}")
        return self._issue(
            "gateway", GATEWAY_LIVES, right=right and _form(request).get("grant_type") == "client_credentials"
        )

    def sso_token(self, request: Incoming) -> Answer:
        """Token 2: a user's."""
        given = _form(request)
        right = (given.get("grant_type"), given.get("client_id"), given.get("username")) == (
            "password",
            SSO_CLIENT_ID,
            USERNAME,
        )
        return self._issue("sso", SSO_LIVES, right=right and _same(given.get("password", ""), PASSWORD))

    def main_data(self, request: Incoming) -> Any:
        """`data-utama`."""
        return self._main_data(self._servant(request.parameters["nip"]))

    def search(self, request: Incoming) -> Any:
        """`cari`: by NIK, a list of one or none."""
        found = holdings.civil_servant_by_nik(self.world.population, str(_body(request).get("nik")))
        return [self._main_data(found)] if found else []

    def history(self, kind: str, request: Incoming) -> Any:
        """`rw-…`: one kind of history."""
        return _HISTORIES[kind](self._servant(request.parameters["nip"]))

    def report(self, request: Incoming) -> Any:
        """`kematian`: a death is reported; what is sent twice is reported twice."""
        given = _body(request)
        if not all(given.get(name) for name in ("referensi", "tglMeninggal", "aktaMeninggal")):
            raise _Refused(_refusal(400, "Bad Request", description="Parameter tidak lengkap"))
        servant, reference = self._servant(str(given.get("nip"))), str(given["referensi"])
        receipt = {
            "id": f"LM-99{next(self.serial):08d}",
            "referensi": reference,
            "status": "Diterima",
            "diterima": f"{self.world.now():%d-%m-%Y %H:%M:%S}",
        }
        self.receipts.setdefault(reference, receipt)
        self.deceased.add(servant.nip)
        self.agency.wrote("report_death", reference)
        return receipt

    def receipt(self, request: Incoming) -> Any:
        """`kematian/…`: what was reported under a reference."""
        receipt = self.receipts.get(request.parameters["reference"])
        if receipt is None:
            raise _Refused(_not_found())
        return receipt

    def answer(self, method: Callable[[Incoming], Any], request: Incoming) -> Answer:
        """One call: both tokens, the method, and the envelope around it."""
        try:
            self._admit(request)
            return json_answer({"code": 1, "message": "success", "data": method(request)})
        except _Refused as refused:
            answer: Answer = refused.args[0]
            return answer

    def _admit(self, request: Incoming) -> None:
        for header, scheme, kind in (("authorization", "Bearer ", "gateway"), ("auth", "bearer ", "sso")):
            given = request.headers.get(header, "")
            if not given.startswith(scheme) or not self._known(given.removeprefix(scheme), kind):
                raise _Refused(
                    _refusal(401, WRONG_CREDENTIALS, description="Invalid Credentials. Make sure you have provided it.")
                    if kind == "gateway"
                    else _refusal(401, "Unauthorized", data=MISMATCH)
                )
            _, serial, until, _ = given.removeprefix(scheme).split(".")
            if int(serial) <= self.ended or int(until) <= self.world.now().timestamp():
                raise _Refused(_refusal(401, EXPIRED))

    def _known(self, token: str, kind: str) -> bool:
        body, _, signature = token.rpartition(".")
        return body.startswith(f"{kind}.") and _same(signature, _signature(body))

    def _issue(self, kind: str, lives: timedelta, *, right: bool) -> Answer:
        if not right:
            return json_answer({"error": "invalid_grant", "error_description": WRONG_CREDENTIALS}, 401)
        body = f"{kind}.{next(self.serial)}.{int((self.world.now() + lives).timestamp())}"
        token = f"{body}.{_signature(body)}"
        return json_answer({"access_token": token, "token_type": "Bearer", "expires_in": int(lives.total_seconds())})

    def _servant(self, nip: str) -> CivilServant:
        found = holdings.civil_servant_by_nip(self.world.population, nip)
        if found is None:
            raise _Refused(_not_found())
        return found

    def _main_data(self, servant: CivilServant) -> Row:
        person = self.world.person(servant.person.nik) or servant.person
        dead = person.status == "deceased" or servant.nip in self.deceased
        return {
            "id": hashlib.blake2b(servant.nip.encode(), digest_size=16).hexdigest(),
            "nipBaru": servant.nip,
            "nama": person.name.upper(),
            "gelarDepan": "",
            "gelarBelakang": "S.E.",
            "tempatLahir": person.birth_place.upper(),
            "tglLahir": f"{person.birth_date:%d-%m-%Y}",
            "agama": "",
            "email": "-",
            "nik": person.nik,
            "alamat": "-",
            "noHp": "0",
            "kedudukanPnsNama": "Meninggal" if dead else "Aktif",
            "statusPegawai": "PNS",
            "tmtPns": f"{servant.appointed.replace(year=servant.appointed.year + 1):%d-%m-%Y}",
            "tmtCpns": f"{servant.appointed:%d-%m-%Y}",
            "instansiIndukNama": servant.agency,
            "unorNama": servant.unit,
            "jabatanNama": servant.position,
            "golRuangAkhir": servant.rank,
            "statusPerkawinan": "Menikah",
            "noNpwp": "00.000.000.0-000.000",
            "jenisKelamin": "M" if person.sex == "male" else "F",
        }


def _ranks(servant: CivilServant) -> list[Row]:
    return [
        {
            "golongan": servant.rank,
            "skNomor": f"SK-99/{servant.appointed.year}",
            "skTanggal": f"{servant.appointed:%d-%m-%Y}",
            "tmtGolongan": f"{servant.appointed:%d-%m-%Y}",
        }
    ]


def _positions(servant: CivilServant) -> list[Row]:
    return [
        {
            "namaJabatan": servant.position,
            "unorNama": servant.unit,
            "nomorSk": f"SK-99/{servant.appointed.year}",
            "tanggalSk": f"{servant.appointed:%d-%m-%Y}",
            "tmtJabatan": f"{servant.appointed:%d-%m-%Y}",
        }
    ]


def _education(servant: CivilServant) -> list[Row]:
    year = servant.appointed.year - 1
    return [
        {
            "pendidikanNama": "S-1 Ekonomi",
            "namaSekolah": "Universitas Contoh",
            "nomorIjasah": f"IJ-99/{year}",
            "tglLulus": f"31-08-{year}",
        }
    ]


def _training(servant: CivilServant) -> list[Row]:
    year = servant.appointed.year + 1
    return [
        {
            "latihanStrukturalNama": "Latsar",
            "nomor": f"LD-99/{year}",
            "tanggal": f"01-03-{year}",
            "tanggalSelesai": f"30-03-{year}",
            "institusiPenyelenggara": "Badan Contoh",
        }
    ]


_HISTORIES: Final[Mapping[str, Callable[[CivilServant], list[Row]]]] = {
    "rw-golongan": _ranks,
    "rw-jabatan": _positions,
    "rw-pendidikan": _education,
    "rw-diklat": _training,
    "rw-hukdis": lambda _: [],
}


def build(world: SandboxWorld) -> SandboxAgency:
    """The simulated agency."""
    agency = SandboxAgency("bkn", world)
    office = Siasn(agency, world)
    routes: tuple[tuple[str, str, str, Callable[[Incoming], Any]], ...] = (
        ("GET", "data-utama/{nip}", "get_civil_servant", office.main_data),
        ("POST", "cari", "find_civil_servant", office.search),
        ("POST", "kematian", "report_death", office.report),
        ("GET", "kematian/{reference:path}", "look_up", office.receipt),
    )
    for method, path, operation, handler in routes:
        agency.on(method, f"/{wire.API}/{path}", operation, _handler(office, handler), _fields)
    for kind in _HISTORIES:
        agency.on(
            "GET",
            f"/{wire.API}/{kind}/{{nip}}",
            "get_history",
            _handler(office, functools.partial(office.history, kind)),
            _fields,
        )
    agency.on("POST", f"/{wire.TOKEN}", "token", office.gateway_token)
    agency.on("POST", f"/{wire.SSO_TOKEN}", "token", office.sso_token)
    agency.control("POST", "expire", office.expire)
    agency.scripted("expired_token", office.expired)
    agency.on_reset(office.reset)
    return agency


def settings(base_url: str) -> BknSettings:
    """Settings for this sandbox, behind a sandbox server at `base_url`."""
    return BknSettings(
        base_url=f"{base_url}/bkn",
        client_id=CLIENT_ID,
        client_secret=SecretStr(CLIENT_SECRET),
        sso_client_id=SSO_CLIENT_ID,
        username=USERNAME,
        password=SecretStr(PASSWORD),
    )


def _servant(scene: Scene) -> CivilServant:
    found = holdings.civil_servant(scene.world.population.family(scene.number * 12 % holdings.CIVIL_SERVANTS_AMONG))
    if found is None:
        raise LookupError("every twelfth family has a civil servant")
    return found


EXAMPLES: dict[str, Example] = {
    "get_civil_servant": lambda scene: {"nip": _servant(scene).nip},
    "find_civil_servant": lambda scene: {"nik": _servant(scene).person.nik},
    "get_history": lambda scene: {"nip": _servant(scene).nip, "kind": "rank"},
    "report_death": lambda scene: {
        "nip": _servant(scene).nip,
        "died_on": scene.now.date().isoformat(),
        "deed_number": f"9901-KM-{scene.number:04d}",
    },
}


def _refusal(status: int, message: str, *, description: str = "", data: Any = None) -> Answer:
    body = {"code": status, "message": message, "type": "Status report", "description": description, "data": data}
    return json_answer(body, status)


def _not_found() -> Answer:
    return json_answer({"code": 0, "message": "error", "data": NOT_FOUND})


def _handler(office: Siasn, method: Callable[[Incoming], Any]) -> Callable[[Incoming], Answer]:
    return lambda request: office.answer(method, request)


def _fields(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match, by our names."""
    given = {**request.parameters, **_body(request)}
    return {**given, "reference": given.get("referensi", given.get("reference"))}


def _body(request: Incoming) -> Mapping[str, Any]:
    body = request.json()
    return body if isinstance(body, dict) else {}


def _form(request: Incoming) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}


def _signature(body: str) -> str:
    return hmac.new(_KEY, body.encode(), hashlib.sha256).hexdigest()


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())
