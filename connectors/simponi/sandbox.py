"""The simulated SIMPONI: its SOAP and its REST service over the same books, and the payment push. The books are in `treasury.py`.

Two control calls come on top of the kit's: `pay` and `clock`.
"""

import asyncio
import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import requests
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.simponi import positional, push
from connectors.simponi.mapping import JAKARTA, MOMENT, written
from connectors.simponi.settings import SimponiSettings
from connectors.simponi.treasury import Entry, NotPayableError, Receipt, Treasury
from connectors.toolkit import envelope
from connectors.toolkit.callback import Received
from connectors.toolkit.examples import Example, ExampleCall, Scene
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

SERVICE_PATH: Final = "/SimponiBRI_Service"
SERVICE: Final = "http://SimponiBRI_Service"
REST_PATH: Final = "/index.php/api/simponi"
PUSH_TRIES: Final = 6
_WSDL: Final = Path(__file__).with_name("SimponiBRI_Service.wsdl")
_USER, _PASSWORD = "sandbox", "sandbox-password"
_OFFICE = {"KodeKL": "999", "KodeEselon1": "99", "KodeSatker": "999999"}
_HEADER = ("TrxId", "UserId", "Password", "ExpiredDate", "DateSent", *_OFFICE, "JenisPNBP", "KodeMataUang")
_HEADER += ("TotalNominalBilling", "NamaWajibBayar")
_MESSAGES = {
    "00": "Sukses",
    "30": "Jumlah parameter tidak sesuai",
    "99": "Format tidak sesuai",
    "ID": "Parameter tidak valid",
    "IS": "Satker tidak valid",
    "IU": "User tidak valid",
}
_log = logging.getLogger(__name__)


def settings(base_url: str) -> SimponiSettings:
    """Settings with which a connector talks to this sandbox; `base_url` is the sandbox server's."""
    return SimponiSettings(
        base_url=f"{base_url}/simponi{SERVICE_PATH}",
        user_id=_USER,
        password=_PASSWORD,
        ministry_code=_OFFICE["KodeKL"],
        unit_code=_OFFICE["KodeEselon1"],
        office_code=_OFFICE["KodeSatker"],
        regulation_code="9999999",
        account_code="425211",
    )


def rest_settings(base_url: str) -> SimponiSettings:
    """The same account, over the REST form."""
    return settings(base_url).model_copy(update={"transport": "rest", "base_url": f"{base_url}/simponi{REST_PATH}"})


def build(world: SandboxWorld) -> SandboxAgency:
    """The agency, ready to be hosted."""
    agency = SandboxAgency("simponi", world)
    service = _Service(agency)
    agency.on("POST", SERVICE_PATH, _operation, service.soap, _fields)
    agency.on("POST", f"{REST_PATH}/{positional.PATH}", _method, service.rest, _rest_fields)
    agency.on("GET", SERVICE_PATH, "wsdl", lambda _: Answer(_WSDL.read_bytes(), media_type=envelope.XML))
    agency.control("POST", "pay", service.pay)
    agency.control("POST", "clock", service.turn)
    agency.control("GET", "pushes", lambda _: json_answer(service.pushes))
    agency.on_reset(service.forget)
    return agency


class _Control(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Pay(_Control):
    billing_code: str
    push_to: str | None = None


class _Turn(_Control):
    offset_seconds: float = Field(ge=-(10**9), le=10**9)


class _RefusedError(Exception):
    """A request that is answered with one of the agency's codes."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message or _MESSAGES[code]


class _Service:
    """What the agency does, on its books.

    Attributes:
        pushes: What became of each payment push, for tests to look at.
    """

    def __init__(self, agency: SandboxAgency) -> None:
        self._agency = agency
        self._treasury = Treasury(agency.world.now)
        self._pushing: set[asyncio.Task[None]] = set()
        self.pushes: list[dict[str, Any]] = []

    def forget(self) -> None:
        for task in self._pushing:
            task.cancel()
        self._treasury.clear()
        self.pushes.clear()

    def soap(self, incoming: Incoming) -> Answer:
        try:
            operation, content = envelope.read(incoming.body)
        except envelope.EnvelopeError as error:
            return envelope.fault_answer("Client", str(error))
        if operation == "PaymentRequest":
            return envelope.answer(SERVICE, "PaymentResponse", self._bill(content))
        if operation == "BillingStatusRequest":
            return envelope.answer(SERVICE, "BillingStatusResponse", self._status(content))
        return envelope.fault_answer("Client", "no such operation")

    def _bill(self, content: envelope.Tree) -> envelope.Tree:
        routing = {name: content.get(name, "") for name in ("appsId", "invoiceNo", "routeId")}
        try:
            entry = self._issued(content)
        except _RefusedError as refused:
            return {**routing, "response": {"code": refused.code, "message": refused.message}}
        return {**routing, "response": {"code": "00", "message": _MESSAGES["00"], "simponiData": _bill(entry)}}

    def _issued(self, content: envelope.Tree) -> Entry:
        data = _branch(content, "data")
        header = _branch(data, "PaymentHeader")
        line = _branch(_branch(data, "PaymentDetails"), "PaymentDetail")
        if any(name not in header for name in _HEADER) or len(line) != 8:
            raise _RefusedError("30")
        try:
            datetime.strptime(_text(header, "DateSent"), MOMENT).replace(tzinfo=JAKARTA)
        except ValueError:
            raise _RefusedError("99") from None
        return self._entered(header, line)

    def _entered(self, header: Mapping[str, Any], line: Mapping[str, Any]) -> Entry:
        _admit(header)
        try:
            amount = Decimal(_text(header, "TotalNominalBilling"))
            expires = datetime.strptime(_text(header, "ExpiredDate"), MOMENT).replace(tzinfo=JAKARTA)
        except (InvalidOperation, ValueError):
            raise _RefusedError("99") from None
        if (
            amount <= 0
            or _text(line, "TotalTarifPerRecord") != _text(header, "TotalNominalBilling")
            or expires <= self._treasury.now()
        ):
            raise _RefusedError("ID")
        reference = _text(header, "TrxId")
        self._agency.wrote("create_bill", reference)
        return self._treasury.issue(
            reference=reference, payer=_text(header, "NamaWajibBayar"), amount=amount, expires_at=expires
        )

    def _status(self, content: envelope.Tree) -> envelope.Tree:
        try:
            if "TrxId" not in content or "KodeBillingSimponi" not in content:
                raise _RefusedError("30")
            _admit(content)
            data = _receipt(*self._paid(_text(content, "KodeBillingSimponi")))
        except _RefusedError as refused:
            return {"ResponseCode": refused.code, "ResponseMessage": refused.message}
        return {"ResponseCode": "00", "ResponseMessage": _MESSAGES["00"], "ResponseData": data}

    def rest(self, incoming: Incoming) -> Answer:
        try:
            method, data = _asked(incoming)
            if method == "billingcode_v4":
                bill = _bill(self._rest_bill(data))
                answered = [bill[name] for name in positional.BILL_DATA]
            elif method == "inquirybilling_v2":
                content = _positions(data, positional.STATUS)
                _admit(content)
                receipt = _receipt(*self._paid(_text(content, "KodeBillingSimponi")))
                answered = [receipt[name] for name in positional.STATUS_DATA]
            else:
                raise _RefusedError("99")
        except _RefusedError as refused:
            return json_answer({"response": {"code": refused.code, "message": refused.message}})
        return json_answer({"response": {"code": "00", "data": answered}})

    def _rest_bill(self, data: Any) -> Entry:
        if not isinstance(data, dict) or not isinstance(data.get("detail"), list) or len(data["detail"]) != 1:
            raise _RefusedError("30")
        header = _positions(data.get("header"), positional.BILL_HEADER)
        return self._entered(header, _positions(data["detail"][0], positional.BILL_LINE))

    def _paid(self, billing_code: str) -> tuple[Entry, Receipt]:
        entry = self._treasury.find(billing_code)
        if entry is None:
            raise _RefusedError("NF", "Kode Billing Tidak Terdaftar")
        if entry.receipt is None:
            lapsed = self._treasury.lapsed(entry)
            raise _RefusedError("NF", "Kode Billing Kadaluarsa" if lapsed else "Kode Billing Belum Dibayar")
        return entry, entry.receipt

    async def pay(self, incoming: Incoming) -> Answer:
        try:
            wanted = _Pay.model_validate_json(incoming.body)
            entry = self._treasury.pay(wanted.billing_code)
        except ValidationError as error:
            return json_answer({"message": "Bad Request", "errors": error.error_count()}, 422)
        except NotPayableError:
            return json_answer({"message": "unknown or expired billing code"}, 409)
        row = _pushed_row(entry)
        if wanted.push_to:
            # Kept, because the event loop itself only holds tasks weakly.
            task = asyncio.create_task(self._push(wanted.push_to, entry.billing_code, row))
            self._pushing.add(task)
            task.add_done_callback(self._pushing.discard)
        return json_answer(row)

    async def _push(self, url: str, billing_code: str, row: dict[str, str]) -> None:
        for attempt in range(1, PUSH_TRIES + 1):
            status, body = await asyncio.to_thread(_post, url, [row])
            if 200 <= status < 300:
                break
            if attempt < PUSH_TRIES:
                await asyncio.sleep(0.1 * 2**attempt)
        self.pushes.append({"billing_code": billing_code, "tries": attempt, "status": status, "answer": body})

    def turn(self, incoming: Incoming) -> Answer:
        try:
            self._treasury.offset = timedelta(seconds=_Turn.model_validate_json(incoming.body).offset_seconds)
        except ValidationError:
            return json_answer({"message": "Bad Request"}, 422)
        return json_answer({"now": self._treasury.now().isoformat()})


def _admit(account: Mapping[str, Any]) -> None:
    user = account.get("UserId") == _USER
    if not (hmac.compare_digest(str(account.get("Password", "")).encode(), _PASSWORD.encode()) and user):
        raise _RefusedError("IU")
    if any(account.get(name) != code for name, code in _OFFICE.items()):
        raise _RefusedError("IS")


def _bill(entry: Entry) -> dict[str, str]:
    return {
        "SimponiTrxId": entry.transaction_id,
        "KodeBillingSimponi": entry.billing_code,
        "Date": written(entry.issued_at),
        "ExpiredDate": written(entry.expires_at),
    }


def _receipt(entry: Entry, receipt: Receipt) -> dict[str, str]:
    return {
        "SimponiTrxId": entry.transaction_id,
        "NTB": receipt.ntb,
        "NTPN": receipt.ntpn,
        "TrxDate": written(receipt.paid_at),
        "BankPersepsi": receipt.bank,
        "ChannelPembayaran": receipt.channel,
        "TglBuku": written(receipt.paid_at)[:10],
    }


def _asked(incoming: Incoming) -> tuple[str, Any]:
    """Method and data of a REST request."""
    if not incoming.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise _RefusedError("99")
    try:
        asked = json.loads(dict(parse_qsl(incoming.body.decode()))["simponi_req"])
        return str(asked["method"]), asked["data"]
    except (ValueError, KeyError, TypeError):
        raise _RefusedError("99") from None


def _positions(given: Any, names: Sequence[str]) -> dict[str, str]:
    if not isinstance(given, list) or len(given) != len(names):
        raise _RefusedError("30")
    return {name: str(value) for name, value in zip(names, given, strict=True)}


def _pushed_row(entry: Entry) -> dict[str, str]:
    receipt = entry.receipt
    if receipt is None:
        raise ValueError("only a paid bill is pushed")
    return {
        "usr_id_SIMPONI": _USER,
        "trx_id_SIMPONI": entry.transaction_id,
        "kode_billing_SIMPONI": entry.billing_code,
        "NTPN": receipt.ntpn,
        "NTB": receipt.ntb,
        "tgl_jam_pembayaran": written(receipt.paid_at),
        "bank_persepsi": receipt.bank,
        "channel_pembayaran": receipt.channel,
        "tgl_buku": written(receipt.paid_at)[:10],
    }


def _post(url: str, rows: list[dict[str, str]]) -> tuple[int, Any]:
    """Status (0: nobody there) and body of one push."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            reply = session.post(
                url,
                data=json.dumps(rows),
                headers={"Content-Type": "application/json"},
                timeout=5,
                allow_redirects=False,
            )
    except requests.RequestException as error:
        _log.info("payment push failed: %s", type(error).__name__)
        return 0, None
    try:
        return reply.status_code, reply.json()
    except ValueError:
        return reply.status_code, None


def _operation(incoming: Incoming) -> str:
    for element, operation in ((b"PaymentRequest", "create_bill"), (b"BillingStatusRequest", "get_bill")):
        if element in incoming.body:
            return operation
    return "unknown"


def _fields(incoming: Incoming) -> Mapping[str, Any]:
    """What fault scripts can match, by the names of our request models."""
    try:
        _, content = envelope.read(incoming.body)
    except envelope.EnvelopeError:
        return {}
    header = _branch(_branch(content, "data"), "PaymentHeader")
    return {
        "reference": header.get("TrxId"),
        "payer_name": header.get("NamaWajibBayar"),
        "amount": header.get("TotalNominalBilling"),
        "billing_code": content.get("KodeBillingSimponi"),
    }


def _method(incoming: Incoming) -> str:
    try:
        method, _ = _asked(incoming)
    except _RefusedError:
        return "unknown"
    return {"billingcode_v4": "create_bill", "inquirybilling_v2": "get_bill"}.get(method, "unknown")


def _rest_fields(incoming: Incoming) -> Mapping[str, Any]:
    try:
        method, data = _asked(incoming)
        if method == "inquirybilling_v2":
            return {"billing_code": _positions(data, positional.STATUS)["KodeBillingSimponi"]}
        header = _positions(data["header"] if isinstance(data, dict) else None, positional.BILL_HEADER)
    except (_RefusedError, KeyError):
        return {}
    return {
        "reference": header["TrxId"],
        "payer_name": header["NamaWajibBayar"],
        "amount": header["TotalNominalBilling"],
    }


def _branch(tree: envelope.Tree, name: str) -> envelope.Tree:
    value = tree.get(name)
    return value if isinstance(value, dict) else {}


def _text(tree: Mapping[str, Any], name: str) -> str:
    value = tree.get(name, "")
    return value if isinstance(value, str) else ""


def _wanted(scene: Scene) -> dict[str, Any]:
    payer = scene.family.mother
    return {
        "payer_name": payer.name,
        "nik": payer.nik,
        "tariff_code": "EPASPOR5",
        "amount": "650000",
        "description": "Paspor",
    }


def _of_one(scene: Scene) -> dict[str, Any]:
    return {"billing_code": scene.call("create_bill", _wanted(scene)).model_dump()["billing_code"]}


def _push(settings: SimponiSettings, at: datetime, number: int) -> Received:
    row = {
        "usr_id_SIMPONI": settings.user_id,
        "trx_id_SIMPONI": f"EXAMPLE{number}",
        "kode_billing_SIMPONI": f"829900{number:09d}",
        "NTPN": f"EXAMPLE{number:09d}",
        "NTB": f"{number:012d}",
        "tgl_jam_pembayaran": written(at),
        "bank_persepsi": "999",
        "channel_pembayaran": "7012",
        "tgl_buku": written(at)[:10],
    }
    secret = settings.callback_secret
    headers = {"content-type": "application/json"}
    if secret is not None:
        headers[push.SECRET_HEADER] = secret.get_secret_value()
    return Received("POST", "/v1/callbacks/simponi/payment", headers, json.dumps([row]).encode(), "127.0.0.1", at)


EXAMPLES: Final[dict[str, Example]] = {"create_bill": _wanted, "get_bill": _of_one}

CALLS: Final[dict[str, ExampleCall]] = {"payment": _push}
