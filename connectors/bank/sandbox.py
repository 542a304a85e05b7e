"""The simulated bank: access tokens, virtual accounts over SNAP BI, and its signed call to us when one is paid.

Two control calls come on top of the kit's: `pay` and `clock`. Its keys, and ours, are made anew in each process.
"""

import asyncio
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from connectors.bank import signing
from connectors.bank.mapping import written
from connectors.bank.settings import BankSettings
from connectors.toolkit import made_keys
from connectors.toolkit.callback import Received
from connectors.toolkit.examples import Example, ExampleCall, Scene
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

TOKEN_SECONDS: Final = 900
PUSH_TRIES: Final = 6
WINDOW: Final = timedelta(minutes=5)
_CLIENT, _SECRET = "sandbox-client", "sandbox-client-secret"
_PARTNER, _CHANNEL, _SERVICE = "SANDBOX", "95221", "99123"
_OURS, _THEIRS = "bank partner", "bank"
_PREFIX = "/bank"
_SERVICES: Final = {"inquiry": "24", "status": "26", "create-va": "27"}
_OPERATIONS: Final = {
    "inquiry": "inquire_virtual_account",
    "status": "get_payment_status",
    "create-va": "create_virtual_account",
}
_MESSAGES: Final = {
    "20000": "Successful",
    "40000": "Bad Request",
    "40001": "Invalid Field Format",
    "40002": "Invalid Mandatory Field",
    "40100": "Unauthorized. Signature",
    "40101": "Invalid Token (B2B)",
    "40412": "Invalid Bill/Virtual Account [Not Found]",
    "40414": "Paid Bill",
    "40418": "Inconsistent Request",
    "40419": "Invalid Bill/Virtual Account [Expired]",
    "40900": "Conflict",
}


def settings(base_url: str) -> BankSettings:
    """Settings with which a connector talks to this sandbox; `base_url` is the sandbox server's."""
    return BankSettings(
        base_url=f"{base_url}{_PREFIX}",
        client_id=_CLIENT,
        client_secret=SecretStr(_SECRET),
        private_key=SecretStr(made_keys.private_pem(_OURS)),
        partner_id=_PARTNER,
        channel_id=_CHANNEL,
        partner_service_id=_SERVICE,
        bank_public_key=made_keys.public_pem(_THEIRS),
    )


def build(world: SandboxWorld) -> SandboxAgency:
    """The agency, ready to be hosted."""
    agency = SandboxAgency("bank", world)
    bank = _Bank(agency)
    agency.on("POST", "/v1.0/access-token/b2b", "token", bank.token)
    for service, operation in _OPERATIONS.items():
        agency.on("POST", f"/v1.0/transfer-va/{service}", operation, bank.transaction, _fields)
    agency.control("POST", "pay", bank.pay)
    agency.control("POST", "clock", bank.turn)
    agency.control("POST", "expire-tokens", bank.expire_tokens)
    agency.control("GET", "pushes", lambda _: json_answer(bank.pushes))
    agency.scripted("expired_token", lambda request, handler: (bank.expire_tokens(request), handler(request))[1])
    agency.skewed_clock(2 * WINDOW.total_seconds())
    agency.on_reset(bank.forget)
    return agency


def paid_call(
    number: str,
    *,
    path: str,
    at: datetime,
    amount: str = "250000.00",
    payment_request_id: str | None = None,
    external_id: str | None = None,
    advice: str = "N",
) -> Received:
    """The call with which this bank tells of a payment, signed.

    Args:
        number: The virtual account, without spaces.
        path: Of our callback.
        at: When.
        amount: A text with two decimals.
        payment_request_id: The bank's id of the payment; a new one when not given.
        external_id: X-EXTERNAL-ID; a new one when not given.
        advice: flagAdvise: `Y` when the bank tells it again.
    """
    stamp = signing.timestamp(at)
    padded = number[: len(_SERVICE)].rjust(8)
    customer = number[len(_SERVICE) :]
    body = json.dumps(
        {
            "partnerServiceId": padded,
            "customerNo": customer,
            "virtualAccountNo": padded + customer,
            "paymentRequestId": payment_request_id or secrets.token_hex(16),
            "channelCode": 6011,
            "paidAmount": {"value": amount, "currency": "IDR"},
            "trxDateTime": stamp,
            "referenceNo": f"{secrets.randbelow(10**15):015d}",
            "flagAdvise": advice,
            "additionalInfo": {},
        }
    ).encode()
    signature = signing.asymmetric(made_keys.private_pem(_THEIRS), signing.call_string("POST", path, body, stamp))
    headers = {
        "content-type": "application/json",
        "x-timestamp": stamp,
        "x-signature": signature,
        "x-partner-id": _PARTNER,
        "x-external-id": external_id or f"{secrets.randbelow(10**20):020d}",
        "channel-id": _CHANNEL,
    }
    return Received("POST", path, headers, body, "127.0.0.1", at)


@dataclass(frozen=True)
class _Account:
    number: str
    name: str
    reference: str
    amount: Decimal
    expires_at: datetime
    receipt: Mapping[str, str] | None = None


class _Control(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Pay(_Control):
    number: str
    push_to: str | None = None


class _Turn(_Control):
    offset_seconds: float = Field(ge=-(10**9), le=10**9)


class _RefusedError(Exception):
    """A request that is answered with one of the standard's cases."""

    def __init__(self, case: str) -> None:
        super().__init__(case)
        self.case = case


class _Bank:
    """What the bank does.

    Attributes:
        pushes: What became of each payment call, for tests to look at.
    """

    def __init__(self, agency: SandboxAgency) -> None:
        self._agency = agency
        self._accounts: dict[str, _Account] = {}
        self._tokens: dict[str, datetime] = {}
        self._seen: set[tuple[str, str]] = set()
        self._offset = timedelta()
        self._pushing: set[asyncio.Task[None]] = set()
        self.pushes: list[dict[str, Any]] = []

    def forget(self) -> None:
        for task in self._pushing:
            task.cancel()
        for book in (self._accounts, self._tokens, self._seen, self.pushes):
            book.clear()
        self._offset = timedelta()

    def token(self, incoming: Incoming) -> Answer:
        stamp = incoming.headers.get("x-timestamp", "")
        try:
            self._in_time(stamp)
            signed = signing.token_string(_CLIENT, stamp)
            right = signing.verified(made_keys.public_pem(_OURS), signed, incoming.headers.get("x-signature", ""))
            if not right or incoming.headers.get("x-client-key") != _CLIENT:
                raise _RefusedError("40100")
            body = incoming.json()
            if not isinstance(body, dict) or body.get("grantType") != "client_credentials":
                raise _RefusedError("40002")
        except _RefusedError as refused:
            return _answer("73", refused.case)
        token = secrets.token_urlsafe(48)
        self._tokens[token] = self._now() + timedelta(seconds=TOKEN_SECONDS)
        return _answer("73", "20000", accessToken=token, tokenType="BearerToken", expiresIn=str(TOKEN_SECONDS))

    def transaction(self, incoming: Incoming) -> Answer:
        name = incoming.path.rsplit("/", 1)[1]
        try:
            body = self._admitted(incoming)
            data = {"inquiry": self._inquired, "status": self._status, "create-va": self._created}[name](body)
        except _RefusedError as refused:
            return _answer(_SERVICES[name], refused.case)
        return _answer(_SERVICES[name], "20000", virtualAccountData=data)

    def _admitted(self, incoming: Incoming) -> dict[str, Any]:
        stamp = incoming.headers.get("x-timestamp", "")
        token = incoming.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, self._now()) <= self._now():
            raise _RefusedError("40101")
        self._in_time(stamp)
        signed = signing.transaction_string(incoming.method, f"{_PREFIX}{incoming.path}", token, incoming.body, stamp)
        if not hmac.compare_digest(signing.symmetric(_SECRET, signed), incoming.headers.get("x-signature", "")):
            raise _RefusedError("40100")
        external = incoming.headers.get("x-external-id", "")
        if not (external.isdigit() and len(external) <= 36):
            raise _RefusedError("40001" if external else "40002")
        if (incoming.headers.get("x-partner-id"), incoming.headers.get("channel-id")) != (_PARTNER, _CHANNEL):
            raise _RefusedError("40100")
        if not incoming.headers.get("content-type", "").startswith("application/json"):
            raise _RefusedError("40000")
        day = f"{self._now():%Y%m%d}"
        if (day, external) in self._seen:
            raise _RefusedError("40900")
        self._seen.add((day, external))
        return _named(incoming.json())

    def _created(self, body: Mapping[str, Any]) -> dict[str, Any]:
        total = body.get("totalAmount")
        if not isinstance(total, dict) or not body.get("trxId") or not body.get("virtualAccountName"):
            raise _RefusedError("40002")
        try:
            amount = Decimal(str(total.get("value")))
            expires = datetime.fromisoformat(str(body.get("expiredDate")))
        except (InvalidOperation, ValueError):
            raise _RefusedError("40001") from None
        if written(amount) != total or amount <= 0 or expires.tzinfo is None or expires <= self._now():
            raise _RefusedError("40001")
        number = body["virtualAccountNo"].strip()
        if number in self._accounts:
            raise _RefusedError("40418")
        account = _Account(number, str(body["virtualAccountName"]), str(body["trxId"]), amount, expires)
        self._accounts[number] = account
        self._agency.wrote("create_virtual_account", account.reference)
        return {
            **_name(account),
            "virtualAccountName": account.name,
            "trxId": account.reference,
            "totalAmount": written(amount),
            "expiredDate": signing.timestamp(expires),
        }

    def _inquired(self, body: Mapping[str, Any]) -> dict[str, Any]:
        account = self._known(body)
        if account.receipt is not None:
            raise _RefusedError("40414")
        return {
            **_name(account),
            "inquiryStatus": "00",
            "inquiryReason": {"english": "Success", "indonesia": "Sukses"},
            "virtualAccountName": account.name,
            "inquiryRequestId": body.get("inquiryRequestId"),
            "totalAmount": written(account.amount),
            "billDetails": [],
            "freeTexts": [],
        }

    def _status(self, body: Mapping[str, Any]) -> dict[str, Any]:
        account = self._known(body)
        flag = {"paymentFlagStatus": "03" if account.receipt is None else "00"}
        return {**_name(account), "inquiryRequestId": body.get("inquiryRequestId"), **flag, **(_paid(account))}

    def _known(self, body: Mapping[str, Any]) -> _Account:
        account = self._accounts.get(body["virtualAccountNo"].strip())
        if account is None:
            raise _RefusedError("40412")
        if account.receipt is None and account.expires_at <= self._now():
            raise _RefusedError("40419")
        return account

    async def pay(self, incoming: Incoming) -> Answer:
        try:
            wanted = _Pay.model_validate_json(incoming.body)
        except ValidationError as error:
            return json_answer({"message": "Bad Request", "errors": error.error_count()}, 422)
        account = self._accounts.get(wanted.number)
        if account is None or (account.receipt is None and account.expires_at <= self._now()):
            return json_answer({"message": "unknown or expired virtual account"}, 409)
        if account.receipt is None:
            receipt = {"id": secrets.token_hex(16), "at": signing.timestamp(self._now())}
            account = replace(account, receipt=receipt | {"no": f"{secrets.randbelow(10**15):015d}"})
            self._accounts[account.number] = account
        if wanted.push_to:
            # Kept, because the event loop itself only holds tasks weakly.
            task = asyncio.create_task(self._push(wanted.push_to, account))
            self._pushing.add(task)
            task.add_done_callback(self._pushing.discard)
        return json_answer({"number": account.number, **_paid(account)})

    async def _push(self, url: str, account: _Account) -> None:
        receipt = account.receipt or {}
        for attempt in range(1, PUSH_TRIES + 1):
            call = paid_call(
                account.number,
                path=urlsplit(url).path,
                at=self._agency.world.now(),
                amount=written(account.amount)["value"],
                payment_request_id=receipt["id"],
                advice="N" if attempt == 1 else "Y",
            )
            status, body = await asyncio.to_thread(_post, url, call)
            if 200 <= status < 300:
                break
            if attempt < PUSH_TRIES:
                await asyncio.sleep(0.1 * 2**attempt)
        self.pushes.append({"number": account.number, "tries": attempt, "status": status, "answer": body})

    def turn(self, incoming: Incoming) -> Answer:
        try:
            self._offset = timedelta(seconds=_Turn.model_validate_json(incoming.body).offset_seconds)
        except ValidationError:
            return json_answer({"message": "Bad Request"}, 422)
        return json_answer({"now": self._now().isoformat()})

    def expire_tokens(self, _: Incoming) -> Answer:
        self._tokens.clear()
        return json_answer({"message": "OK"})

    def _now(self) -> datetime:
        return self._agency.world.now() + self._offset

    def _in_time(self, stamp: str) -> None:
        try:
            at = datetime.fromisoformat(stamp)
        except ValueError:
            raise _RefusedError("40001" if stamp else "40002") from None
        # Callers are judged by the world's clock: the one that is turned here only makes accounts and tokens older.
        if at.tzinfo is None or abs(at - self._agency.world.now()) > WINDOW:
            raise _RefusedError("40100")


def _answer(service: str, case: str, **more: Any) -> Answer:
    code = f"{case[:3]}{service}{case[3:]}"
    return json_answer({"responseCode": code, "responseMessage": _MESSAGES[case], **more}, int(case[:3]))


def _named(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise _RefusedError("40000")
    service, customer, number = (body.get(name) for name in ("partnerServiceId", "customerNo", "virtualAccountNo"))
    if not (service and customer and number):
        raise _RefusedError("40002")
    if service != _SERVICE.rjust(8) or not str(customer).isdigit() or number != f"{service}{customer}":
        raise _RefusedError("40001")
    return body


def _name(account: _Account) -> dict[str, Any]:
    padded, customer = _SERVICE.rjust(8), account.number.removeprefix(_SERVICE)
    return {"partnerServiceId": padded, "customerNo": customer, "virtualAccountNo": padded + customer}


def _paid(account: _Account) -> dict[str, Any]:
    receipt = account.receipt
    if receipt is None:
        return {}
    return {
        "paymentRequestId": receipt["id"],
        "paidAmount": written(account.amount),
        "trxDateTime": receipt["at"],
        "referenceNo": receipt["no"],
    }


def _post(url: str, call: Received) -> tuple[int, Any]:
    """Status (0: nobody there) and body of one call."""
    try:
        with requests.Session() as session:
            session.trust_env = False
            reply = session.post(url, data=call.body, headers=dict(call.headers), timeout=5, allow_redirects=False)
            return reply.status_code, reply.json()
    except requests.JSONDecodeError:
        return reply.status_code, None
    except requests.RequestException:
        return 0, None


def _fields(incoming: Incoming) -> Mapping[str, Any]:
    """What fault scripts can match, by the names of our request models."""
    body = incoming.json()
    if not isinstance(body, dict):
        return {}
    return {
        "reference": body.get("trxId"),
        "name": body.get("virtualAccountName"),
        "number": str(body.get("virtualAccountNo", "")).strip(),
    }


def _wanted(scene: Scene) -> dict[str, Any]:
    return {"name": scene.family.mother.name, "amount": "250000", "description": "Contoh"}


def _of_one(scene: Scene) -> dict[str, Any]:
    made = scene.call("create_virtual_account", _wanted(scene))
    return {"number": made.model_dump()["number"]}


EXAMPLES: Final[dict[str, Example]] = {
    "create_virtual_account": _wanted,
    "inquire_virtual_account": _of_one,
    "get_payment_status": _of_one,
}

CALLS: Final[dict[str, ExampleCall]] = {
    "payment": lambda ours, at, number: paid_call(
        f"{_SERVICE}{number:013d}", path=ours.callback_path or "/v1/callbacks/bank/payment", at=at
    )
}
