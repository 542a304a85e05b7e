"""The simulated local tax office: PBB and BPHTB as the contract's section 3 says, quirks included; bills and names are [G].

Beside the kit's there is one control call, `pay`, which pays a bill, by its payment code or by the property's NOP. Every parcel has a transfer tax that its first owner
paid long ago, so that there is something to ask for.
"""

import hmac
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pydantic import SecretStr

from connectors.bapenda import mapping, verdicts
from connectors.bapenda.settings import BapendaSettings
from connectors.toolkit import holdings
from connectors.toolkit.callback import Received
from connectors.toolkit.examples import Example, ExampleCall, Scene
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

USERNAME, PASSWORD = "sandbox-user", "sandbox-password"
BPN_USERNAME, BPN_PASSWORD = "sandbox-bpn", "sandbox-bpn-password"
BILL_LIVES: Final = timedelta(days=1)
RATE, THRESHOLD, FAMILY_THRESHOLD = Decimal("0.05"), Decimal(80_000_000), Decimal(300_000_000)
_LONG_AGO: Final = date(2019, 6, 17)
_THRESHOLDS: Final = {
    words: mapping.threshold_of(kind, THRESHOLD, FAMILY_THRESHOLD) for kind, words in mapping.ACQUISITIONS.items()
}

Fields = Mapping[str, Any]
Row = dict[str, Any]


class _Refused(Exception):  # noqa: N818
    """The call is refused; the argument is the `respon_code`."""


@dataclass
class Bill:
    """A bill, and the NTPD once it is paid."""

    code: str
    reference: str
    nop: str
    nik: str
    name: str
    value: Decimal
    threshold: Decimal
    amount: Decimal
    issued: datetime
    expires: datetime
    ntpd: str | None = None
    paid: datetime | None = None


class Bapenda:
    """The tax office's books and rules, without HTTP."""

    def __init__(self, agency: SandboxAgency, world: SandboxWorld) -> None:
        self.agency = agency
        self.world = world
        self.reset()

    def reset(self) -> None:
        """No bills, and nobody renamed."""
        self.serial = itertools.count(1)
        self.bills: dict[str, Bill] = {}
        self.renamed: dict[str, Row] = {}

    def pbb(self, fields: Fields) -> Row:
        """How a property stands; dots in the NOP, a NIK of 0 and other letters in the status occur."""
        parcel = self._parcel(fields)
        if str(fields.get("TAHUN") or "2000") > str(self.world.now().year):
            raise _Refused(verdicts.NO_DATA)
        return self._listed(parcel)

    def bphtb(self, fields: Fields) -> Row:
        """A payment of the transfer tax."""
        parcel, ntpd = self._parcel(fields), _given(fields, "NTPD")
        name, nik, amount, paid = self._payment(parcel, ntpd)
        place = parcel.address
        return {
            "NOP": parcel.nop,
            "NIK": nik,
            "NAMA": name.upper(),
            "ALAMAT": place.street.upper(),
            "KELURAHAN_OP": place.village.upper(),
            "KECAMATAN_OP": place.district.upper(),
            "KOTA_OP": place.regency.upper(),
            "LUASTANAH": str(parcel.land_area),
            "LUASBANGUNAN": str(parcel.building_area),
            "PEMBAYARAN": f"{amount:f}",
            "STATUS": "Y",
            "TANGGAL_PEMBAYARAN": f"{paid:%d/%m/%Y}",
            "NTPD": ntpd,
            "JENISBAYAR": "L" if parcel.index % 2 else "H",
        }

    def bill(self, fields: Fields) -> Row:
        """A bill, for the tax that this office computes as well. One without a tax counts as paid at once (nihil)."""
        reference, parcel = _given(fields, "REFERENSI"), self._parcel(fields)
        nik, name = _given(fields, "NIK"), _given(fields, "NAMA")
        threshold = _THRESHOLDS.get(_given(fields, "JENIS_PEROLEHAN"))
        try:
            value, amount = (Decimal(_given(fields, field)) for field in ("NPOP", "BPHTB"))
        except InvalidOperation:
            raise _Refused(verdicts.INCOMPLETE) from None
        if threshold is None:
            raise _Refused(verdicts.INCOMPLETE)
        if self.world.person(nik) is None:
            raise _Refused(verdicts.WRONG_BUYER)
        if parcel.arrears:
            raise _Refused(verdicts.PBB_UNPAID)
        if value < _valued(parcel) or amount != mapping.tax(value, threshold, RATE):
            raise _Refused(verdicts.WRONG_AMOUNT)
        now, number = self.world.now(), next(self.serial)
        code = f"99{now:%y}{number:012d}"
        made = Bill(code, reference, parcel.nop, nik, name, value, threshold, amount, now, now + BILL_LIVES)
        self.bills[code] = made
        self.agency.wrote("bill_transfer_tax", reference)
        if not amount:
            self.pay(made)
        return self._billed(made)

    def status(self, fields: Fields) -> Row:
        """How a bill stands."""
        found = self.bills.get(_given(fields, "KODE_BAYAR"))
        if found is None or found.nop != self._parcel(fields).nop:
            raise _Refused(verdicts.NO_BILL)
        return self._billed(found)

    def rename(self, fields: Fields) -> Row:
        """A property is listed under who paid its transfer tax."""
        reference, parcel, nik = _given(fields, "REFERENSI"), self._parcel(fields), _given(fields, "NIK")
        _given(fields, "NAMA")
        _, payer, _, _ = self._payment(parcel, _given(fields, "NTPD"))
        if payer != nik:
            raise _Refused(verdicts.WRONG_BUYER)
        self.world.sold(parcel.nop, nik)
        row = self._listed(self._parcel(fields)) | {
            "NIK": nik,
            "REFERENSI": reference,
            "TANGGAL_BALIK_NAMA": f"{self.world.now():%d/%m/%Y}",
        }
        self.renamed.setdefault(reference, row)
        self.agency.wrote("rename_owner", reference)
        return row

    def look_up(self, fields: Fields) -> Row:
        """What was renamed under a reference."""
        row = self.renamed.get(_given(fields, "REFERENSI"))
        if row is None:
            raise _Refused(verdicts.NO_REFERENCE)
        return row

    def billed(self, asked: Fields) -> Bill | None:
        """The bill with this payment code, or the last one of this property."""
        if "nop" in asked:
            return next((bill for bill in reversed(self.bills.values()) if bill.nop == asked["nop"]), None)
        return self.bills.get(str(asked.get("payment_code")))

    def pay(self, bill: Bill) -> None:
        """The bank reports a payment; a second one changes nothing."""
        if bill.ntpd is None:
            bill.paid = self.world.now()
            bill.ntpd = f"99{bill.paid:%y%m%d}{int(bill.code[4:]):08d}"

    def answer(self, method: Callable[[Fields], Row], request: Incoming) -> Answer:
        """One call: account, then the method. Refusals come with HTTP 200; one good answer in three says no `OK`."""
        body = request.json()
        fields = body if isinstance(body, dict) else {}
        try:
            self._admit(fields)
            row = method(fields)
        except _Refused as refused:
            return json_answer({"respon_code": refused.args[0]})
        silent = str(row["NOP"])[-2:-1] in {"3", "6", "9"}
        return json_answer({"result": row} if silent else {"result": row, "respon_code": "OK"})

    def _admit(self, fields: Fields) -> None:
        right = [_same(fields.get("USERNAME"), USERNAME), _same(fields.get("PASSWORD"), PASSWORD)]
        if not all(right):
            raise _Refused(verdicts.WRONG_LOGIN)

    def _parcel(self, fields: Fields) -> holdings.Parcel:
        parcel = holdings.parcel_by_nop(self.world, str(fields.get("NOP") or ""))
        if parcel is None:
            raise _Refused(verdicts.NO_NOP)
        return parcel

    def _payment(self, parcel: holdings.Parcel, ntpd: str) -> tuple[str, str, Decimal, date]:
        """Name and NIK of who paid, how much, and when."""
        paid = next((bill for bill in self.bills.values() if bill.ntpd == ntpd and bill.nop == parcel.nop), None)
        if paid is not None and paid.paid is not None:
            return paid.name, paid.nik, paid.amount, paid.paid.date()
        if ntpd != first_ntpd(parcel):
            raise _Refused(verdicts.NO_NTPD)
        first = self.world.population.family(parcel.index).father
        return first.name, first.nik, mapping.tax(_valued(parcel), THRESHOLD, RATE), _LONG_AGO

    def _listed(self, parcel: holdings.Parcel) -> Row:
        index, nop, place = parcel.index, parcel.nop, parcel.address
        dotted = f"{nop[:2]}.{nop[2:4]}.{nop[4:7]}.{nop[7:10]}.{nop[10:13]}-{nop[13:17]}.{nop[17]}"
        settled = "100% lUNAS" if index % 2 else "100% Lunas"
        return {
            "NOP": dotted if index % 4 == 3 else nop,
            "NIK": "0" if index % 7 == 6 else parcel.owner.nik,
            "NAMA_WP": parcel.owner.name.upper(),
            "ALAMAT_OP": place.street.upper(),
            "KECAMATAN_OP": place.district.upper(),
            "KELURAHAN_OP": place.village.upper(),
            "KOTA_OP": place.regency.upper(),
            "LUASTANAH_OP": parcel.land_area,
            "LUASBANGUNAN_OP": parcel.building_area,
            "NJOP_TANAH_OP": int(parcel.land_value),
            "NJOP_BANGUNAN_OP": int(parcel.building_value),
            "STATUS_TUNGGAKAN": "Belum Lunas" if parcel.arrears else settled,
        }

    def _billed(self, bill: Bill) -> Row:
        status = "Y" if bill.ntpd else "K" if self.world.now() >= bill.expires else "T"
        return {
            "KODE_BAYAR": bill.code,
            "REFERENSI": bill.reference,
            "NOP": bill.nop,
            "NIK": bill.nik,
            "NAMA": bill.name,
            "NPOP": f"{bill.value:f}",
            "NPOPTKP": f"{bill.threshold:f}",
            "BPHTB": f"{bill.amount:f}",
            "TANGGAL_TERBIT": f"{bill.issued:%d/%m/%Y %H:%M:%S}",
            "TANGGAL_KADALUARSA": f"{bill.expires:%d/%m/%Y %H:%M:%S}",
            "STATUS": status,
            "NTPD": bill.ntpd or "",
            "TANGGAL_PEMBAYARAN": f"{bill.paid:%d/%m/%Y}" if bill.paid else "",
        }


def first_ntpd(parcel: holdings.Parcel) -> str:
    """The proof of payment of a parcel's first owner."""
    return f"99{_LONG_AGO:%y%m%d}9{parcel.index:07d}"


def build(world: SandboxWorld) -> SandboxAgency:
    """The simulated agency."""
    agency = SandboxAgency("bapenda", world)
    office = Bapenda(agency, world)

    def pay(request: Incoming) -> Answer:
        body = request.json()
        bill = office.billed(body) if isinstance(body, dict) else None
        if bill is None or (bill.ntpd is None and world.now() >= bill.expires):
            return json_answer({"message": "unknown or expired payment code"}, 409)
        office.pay(bill)
        return json_answer({"payment_code": bill.code, "ntpd": bill.ntpd})

    services: Mapping[str, tuple[str, Callable[[Fields], Row]]] = {
        "getPBBService": ("get_property_tax", office.pbb),
        "getBPHTBService": ("get_transfer_tax", office.bphtb),
        "buatTagihanBPHTB": ("bill_transfer_tax", office.bill),
        "cekTagihanBPHTB": ("get_transfer_tax_bill", office.status),
        "balikNamaPBB": ("rename_owner", office.rename),
        "cekBalikNamaPBB": ("look_up", office.look_up),
    }
    for service, (operation, method) in services.items():
        agency.on("POST", f"/{service}", operation, _handler(office, method), _fields)
    agency.control("POST", "pay", pay)
    agency.on_reset(office.reset)
    agency.on_reset(world.reset)
    return agency


def settings(base_url: str) -> BapendaSettings:
    """Settings for this sandbox, behind a sandbox server at `base_url`."""
    return BapendaSettings(
        base_url=f"{base_url}/bapenda",
        username=USERNAME,
        password=SecretStr(PASSWORD),
        callback_username=BPN_USERNAME,
        callback_password=SecretStr(BPN_PASSWORD),
    )


def _property(scene: Scene) -> Mapping[str, Any]:
    return {"nop": holdings.ordinary_parcel(scene.world, scene.number).nop}


def _sale(scene: Scene) -> Mapping[str, Any]:
    return {**_property(scene), "price": "950000000", "acquisition": "sale"}


def _bill(scene: Scene) -> Mapping[str, Any]:
    parcel = holdings.ordinary_parcel(scene.world, scene.number)
    buyer = scene.world.population.family(parcel.index).mother
    assessed = scene.call("assess_transfer_tax", _sale(scene)).model_dump(mode="json")
    return {
        "nop": parcel.nop,
        "buyer_nik": buyer.nik,
        "buyer_name": buyer.name,
        "value": assessed["value"],
        "amount": assessed["amount"],
    }


def _billed(scene: Scene) -> Mapping[str, Any]:
    bill = scene.call("bill_transfer_tax", _bill(scene)).model_dump(mode="json")
    return {"nop": bill["nop"], "payment_code": bill["payment_code"]}


def _paid(scene: Scene) -> Mapping[str, Any]:
    parcel = holdings.ordinary_parcel(scene.world, scene.number)
    return {"nop": parcel.nop, "ntpd": first_ntpd(parcel)}


def _renamed(scene: Scene) -> Mapping[str, Any]:
    parcel = holdings.ordinary_parcel(scene.world, scene.number)
    owner = scene.world.population.family(parcel.index).father
    return {**_paid(scene), "nik": owner.nik, "name": owner.name}


EXAMPLES: Final[dict[str, Example]] = {
    "get_property_tax": lambda scene: {**_property(scene), "year": scene.now.year},
    "assess_transfer_tax": _sale,
    "bill_transfer_tax": _bill,
    "get_transfer_tax_bill": _billed,
    "get_transfer_tax": _paid,
    "rename_owner": _renamed,
}


def _asked(path: str, ask: Callable[[holdings.Parcel], dict[str, str]]) -> ExampleCall:
    def call(ours: Any, at: datetime, number: int) -> Received:
        parcel = holdings.ordinary_parcel(SandboxWorld(), number)
        password = ours.callback_password.get_secret_value() if ours.callback_password else ""
        body = {"USERNAME": ours.callback_username, "PASSWORD": password, "NOP": parcel.nop, **ask(parcel)}
        return Received(
            method="POST",
            path=f"/v1/callbacks/bapenda/{path}",
            headers={"content-type": "application/json"},
            body=json.dumps(body).encode(),
            peer="127.0.0.1",
            at=at,
        )

    return call


CALLS: Final[dict[str, ExampleCall]] = {
    "bphtb": _asked("bphtb", lambda parcel: {"NTPD": first_ntpd(parcel)}),
    "pbb": _asked("pbb", lambda _: {"TAHUN": "2024"}),
}


def _handler(office: Bapenda, method: Callable[[Fields], Row]) -> Callable[[Incoming], Answer]:
    return lambda request: office.answer(method, request)


def _valued(parcel: holdings.Parcel) -> Decimal:
    return parcel.land_area * parcel.land_value + parcel.building_area * parcel.building_value


def _given(fields: Fields, name: str) -> str:
    value = str(fields.get(name) or "").strip()
    if not value:
        raise _Refused(verdicts.INCOMPLETE)
    return value


def _same(given: Any, known: str) -> bool:
    return hmac.compare_digest(str(given or "").encode(), known.encode())


def _fields(request: Incoming) -> Mapping[str, Any]:
    """What fault scripts match, by our names."""
    body = request.json()
    fields = {str(name).lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
    return {**fields, "reference": fields.get("referensi"), "payment_code": fields.get("kode_bayar")}
