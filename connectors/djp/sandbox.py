"""The simulated DJP: it answers as the contract's section 2 says, quirks included; `alamat` and `referensi` are [G].

Its control calls beside the kit's: `expire` ends all tokens, `move` has us call from an address that is not registered.
"""

import hmac
import itertools
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import SecretStr

from connectors.djp.settings import DjpSettings
from connectors.toolkit import holdings
from connectors.toolkit.examples import Example, Scene
from connectors.toolkit.population import SandboxWorld, SyntheticAddress
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

USER, PASSWORD = "sandbox-user", "sandbox-password"
TOKEN_LIVES: Final = timedelta(minutes=30)

Fields = Mapping[str, Any]
Row = dict[str, Any]

_ADDRESS_FIELDS: Final = ("ALAMAT", "KELURAHAN", "KECAMATAN", "KABKOT", "PROVINSI")
_HTTP: Final = {401: 401, 405: 405}
"""Statuses that this DJP also says in HTTP; the others come with HTTP 200."""


class _Refused(Exception):  # noqa: N818
    """The call is refused: body status and message."""


class Djp:
    """The tax office's books and rules, without HTTP."""

    def __init__(self, agency: SandboxAgency, world: SandboxWorld) -> None:
        self.agency = agency
        self.world = world
        self.reset()

    def reset(self) -> None:
        """No tokens, nothing written, and we call from our registered address."""
        self.tokens: dict[str, datetime] = {}
        self.serial = itertools.count(1)
        self.registered = True
        self.receipts: dict[str, Row] = {}
        self.moved: dict[str, Row] = {}

    def token(self, request: Incoming) -> str:
        """A token for user and password, from JSON or the URL."""
        body = request.json()
        given = {**request.query, **(body if isinstance(body, dict) else {})}
        if given.get("user") != USER or not _same(given.get("pwd"), PASSWORD):
            raise _Refused(403, "Username dan IP Address tidak cocok")
        self._from_our_address()
        token = f"sandbox-{next(self.serial):08d}"
        self.tokens[token] = self.world.now() + TOKEN_LIVES
        return token

    def kswp(self, fields: Fields) -> Row:
        """Whether the last two annual returns were filed."""
        number = str(fields.get("npwp") or "")
        if not _well_formed(number) or not fields.get("kdizin"):
            raise _Refused(411, "NPWP harus 15 digit angka. Kode izin tidak boleh kosong")
        holder = self._holder(number)
        if holder is None:
            return {"status": "TIDAK VALID", "NPWP": number, "nama": "-"}
        _, row, clear = holder
        return {"status": "VALID" if clear else "TIDAK VALID", "NPWP": number, "nama": row["NAMA"]}

    def npwp(self, fields: Fields) -> Row:
        """What the tax office knows of a taxpayer."""
        key, row, _ = self._taxpayer(fields)
        return {"datawp": row | self.moved.get(key, {})}

    def alamat(self, fields: Fields) -> Row:
        """A taxpayer has another address from now on."""
        reference = str(fields.get("referensi") or "")
        if not reference or not fields.get("alamat") or not fields.get("kabkot"):
            raise _Refused(203, "Parameter Salah")
        key, _, _ = self._taxpayer(fields)
        self.moved[key] = {name: fields.get(name.lower()) or "-" for name in _ADDRESS_FIELDS}
        receipt = {
            "referensi": reference,
            "nomor_bps": f"S-{next(self.serial):08d}/PKP/WPJ.99/{self.world.now():%Y}",
            "tanggal": f"{self.world.now():%d-%m-%Y %H:%M:%S}",
        }
        self.receipts.setdefault(reference, receipt)
        self.agency.wrote("update_address", reference)
        return receipt

    def referensi(self, fields: Fields) -> Row:
        """The receipt for a change of address."""
        receipt = self.receipts.get(str(fields.get("referensi") or ""))
        if receipt is None:
            raise _Refused(404, "Data tidak ditemukan")
        return receipt

    def answer(self, method: Callable[[Fields], Row], request: Incoming) -> Answer:
        """One call: token, address, the method. The status is a number when all is well and text when it is not."""
        try:
            self._admit(request.headers.get("authorization"))
            body = request.json()
            if not isinstance(body, dict):
                raise _Refused(203, "Parameter Salah")
            return json_answer({"status": 200, "message": method(body)})
        except _Refused as refused:
            return _refusal(refused)

    def _admit(self, token: str | None) -> None:
        if not token:
            raise _Refused(401, "Authorization tidak ditemukan")
        self._from_our_address()
        until = self.tokens.get(token)
        if until is None:
            raise _Refused(400, "Token Tidak Valid")
        if self.world.now() >= until:
            raise _Refused(406, "Token Kadaluwarsa")

    def _from_our_address(self) -> None:
        if not self.registered:
            raise _Refused(403, "Username dan IP Address tidak cocok")

    def _taxpayer(self, fields: Fields) -> tuple[str, Row, bool]:
        number = str(fields.get("npwp") or "")
        if not _well_formed(number):
            raise _Refused(411, "NPWP harus 15 digit angka. Kode izin tidak boleh kosong")
        holder = self._holder(number)
        if holder is None:
            raise _Refused(404, "NPWP tidak ditemukan")
        return holder

    def _holder(self, number: str) -> tuple[str, Row, bool] | None:
        """Who a number belongs to: a key that all their numbers share, their data, and whether returns were filed."""
        firm = holdings.business_by_npwp(self.world.population, number)
        if firm is not None:
            row = _row(firm.name, firm.address, "BADAN", legal_form="PERSEROAN TERBATAS")
            return firm.npwp, row | {"KODE_KLU": firm.kbli, "KLU": firm.activity.upper()}, firm.tax_clear
        person = holdings.person_by_npwp(self.world, number)
        if person is None or person.role == "child":
            return None
        family = self.world.family(person.nkk)
        if family is None:
            return None
        return person.nik, _row(person.name, family.address, "ORANG PRIBADI"), holdings.returns_filed(family)


def build(world: SandboxWorld) -> SandboxAgency:
    """The simulated agency."""
    agency = SandboxAgency("djp", world)
    office = Djp(agency, world)

    def token(request: Incoming) -> Answer:
        try:
            return json_answer({"status": 200, "message": office.token(request)})
        except _Refused as refused:
            return _refusal(refused)

    def expire(_: Incoming) -> Answer:
        office.tokens = dict.fromkeys(office.tokens, world.now())
        return json_answer({"message": "OK"})

    def move(_: Incoming) -> Answer:
        office.registered = False
        return json_answer({"message": "OK"})

    methods: Mapping[str, tuple[str, Callable[[Fields], Row]]] = {
        "kswp": ("confirm_tax_status", office.kswp),
        "npwp": ("get_taxpayer", office.npwp),
        "alamat": ("update_address", office.alamat),
        "referensi": ("look_up", office.referensi),
    }
    agency.on("POST", "/token", "token", token)
    for path, (operation, method) in methods.items():
        agency.on("POST", f"/{path}", operation, _handler(office, method), _fields)
    for path in ("token", *methods):
        agency.on("GET", f"/{path}", path, lambda _: _refusal(_Refused(405, "Method harus POST")))
    agency.control("POST", "expire", expire)
    agency.control("POST", "move", move)
    agency.scripted("expired_token", lambda request, handler: (expire(request), handler(request))[1])
    agency.on_reset(office.reset)
    return agency


def settings(base_url: str) -> DjpSettings:
    """Settings for this sandbox, behind a sandbox server at `base_url`."""
    return DjpSettings(base_url=f"{base_url}/djp", user=USER, password=SecretStr(PASSWORD))


def _taxpayer(scene: Scene) -> Mapping[str, Any]:
    return {"npwp": scene.family.father.nik}


def _moved(scene: Scene) -> Mapping[str, Any]:
    address = scene.world.population.family(scene.number + 1).address
    return {
        "npwp": scene.family.father.nik,
        "street": address.street,
        "village": address.village,
        "district": address.district,
        "regency": address.regency,
        "province": address.province,
        "postal_code": address.postal_code,
    }


EXAMPLES: Final[dict[str, Example]] = {
    "get_taxpayer": _taxpayer,
    "confirm_tax_status": lambda scene: {**_taxpayer(scene), "licence_code": "PP01"},
    "update_address": _moved,
}


def _handler(office: Djp, method: Callable[[Fields], Row]) -> Callable[[Incoming], Answer]:
    return lambda request: office.answer(method, request)


def _refusal(refused: _Refused) -> Answer:
    status, message = refused.args
    return json_answer({"status": str(status), "message": message}, _HTTP.get(status, 200))


def _row(name: str, address: SyntheticAddress, kind: str, *, legal_form: str = "-") -> Row:
    return {
        "NAMA": name.upper(),
        "MERK_DAGANG": "-",
        "ALAMAT": address.street.upper(),
        "KELURAHAN": address.village.upper(),
        "KECAMATAN": address.district.upper(),
        "KABKOT": address.regency.upper(),
        "PROVINSI": address.province.upper(),
        "KODE_KLU": "00000",
        "KLU": "-",
        "TELP": "0",
        "EMAIL": None,
        "JENIS_WP": kind,
        "BADAN_HUKUM": legal_form,
    }


def _well_formed(number: str) -> bool:
    """15 digits, or a NIK; a zero before the old 15 is refused."""
    return number.isdigit() and (len(number) == 15 or (len(number) == 16 and not number.startswith("0")))


def _same(given: Any, known: str) -> bool:
    return hmac.compare_digest(str(given or "").encode(), known.encode())


def _fields(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match, by our names."""
    body = request.json()
    fields = body if isinstance(body, dict) else {}
    return {**fields, "reference": fields.get("referensi"), "licence_code": fields.get("kdizin")}
