"""The bank's call to us when somebody has paid (SNAP BI service 25, contract section 8, [D]).

Signed by the bank with its private key. What it tells is stored and only prompts `get_payment_status`, whose answer counts.
"""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from connectors.bank import signing, wire
from connectors.bank.settings import BankSettings
from connectors.toolkit.callback import Callback, CallbackSignal, Handled, Received, Reply, Taken
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured
from connectors.toolkit.reading import WIB
from schemas.text import Text

SERVICE: Final = "25"
WINDOW: Final = timedelta(minutes=5)
"""How far X-TIMESTAMP may be from our clock."""

_STRANGER: Final = Text(
    id="Tanda tangan atau waktu pada pemberitahuan pembayaran tidak benar. Periksa kunci publik bank dan jam server.",
    en="Signature or time of a payment call are not right. Check the bank's public key and the clock.",
)
_UNREADABLE: Final = Text(
    id="Pemberitahuan pembayaran tidak sesuai dengan standar SNAP BI.",
    en="The payment call does not follow SNAP BI.",
)

_REFUSALS: Final[dict[str, tuple[str, str]]] = {
    "SIGNATURE": ("40100", "Unauthorized. Signature"),
    "TIME": ("40100", "Unauthorized. Timestamp"),
    "FORMAT": ("40001", "Invalid Field Format"),
    "MANDATORY": ("40002", "Invalid Mandatory Field"),
    "NOT_OURS": ("40412", "Invalid Bill/Virtual Account [Not Found]"),
    "INCONSISTENT": ("40418", "Inconsistent Request"),
}
_BY_KIND: Final[dict[str, tuple[str, str]]] = {
    "misconfigured": ("40100", "Unauthorized. Signature"),
    "retriable": ("50001", "Internal Server Error"),
}
_BAD_REQUEST: Final = ("40000", "Bad Request")
_SUCCESS: Final = {"english": "Success", "indonesia": "Sukses"}


def take(received: Received, settings: BankSettings) -> Taken:
    """One signal about the virtual account, with an id that the same payment repeats, under whatever X-EXTERNAL-ID.

    Raises:
        Misconfigured: The bank has not signed it, or not within the last minutes.
        BadData: It cannot be read, or is about an account that is none of ours.
    """
    stamp = _header(received, "x-timestamp")
    at = _moment(stamp)
    path = settings.callback_path or received.path
    signed = signing.call_string(received.method, path, received.body, stamp)
    if not signing.verified(settings.bank_public_key, signed, _header(received, "x-signature")):
        raise Misconfigured("SIGNATURE", diagnosis=_STRANGER, owner="agency")
    if abs(received.at - at) > WINDOW:
        raise Misconfigured("TIME", diagnosis=_STRANGER, owner="agency")
    external = _header(received, "x-external-id")
    if not (external.isascii() and external.isdigit() and len(external) <= 36):
        raise _bad("FORMAT", "X-EXTERNAL-ID")
    call = _read(received.body)
    _ours(call, settings)
    return Taken(
        signals=(_signal(call),),
        once=f"bank-{external}-{at.astimezone(WIB):%Y%m%d}",
        more={"call": call.model_dump(by_alias=True, exclude_none=True)},
    )


def answer(taken: Taken, handled: Handled) -> Reply:
    """Successful for what is stored, also when the bank tells it again; 409 for an X-EXTERNAL-ID used before on the day."""
    if handled.repeated:
        return _reply("40900", "Conflict")
    echoed = {name: value for name, value in taken.more["call"].items() if name in _ECHOED}
    return _reply(
        "20000",
        "Successful",
        virtualAccountData={**echoed, "paymentFlagReason": _SUCCESS, "paymentFlagStatus": "00", "billDetails": []},
    )


def refuse(received: Received, error: AgencyError) -> Reply:
    """The standard's code for why a call was not taken."""
    del received
    return _reply(*_REFUSALS.get(error.code, _BY_KIND.get(error.kind, _BAD_REQUEST)))


PAYMENT: Final = Callback(
    name="payment",
    contract="D",
    doc="Somebody has paid into a virtual account.",
    take=take,
    answer=answer,
    refuse=refuse,
    max_bytes=64 * 1024,
)

_ECHOED: Final = frozenset(
    {
        "partnerServiceId",
        "customerNo",
        "virtualAccountNo",
        "virtualAccountName",
        "paymentRequestId",
        "paidAmount",
        "totalAmount",
        "trxDateTime",
        "referenceNo",
        "flagAdvise",
    }
)


def _reply(case: str, message: str, **more: Any) -> Reply:
    body = {"responseCode": f"{case[:3]}{SERVICE}{case[3:]}", "responseMessage": message, **more}
    return Reply(json.dumps(body, ensure_ascii=False).encode(), status=int(case[:3]))


def _header(received: Received, name: str) -> str:
    value = received.headers.get(name, "").strip()
    if not value:
        raise _bad("MANDATORY", name.upper())
    return value


def _moment(stamp: str) -> datetime:
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        raise _bad("FORMAT", "X-TIMESTAMP") from None
    if at.tzinfo is None:
        raise _bad("FORMAT", "X-TIMESTAMP")
    return at


def _read(body: bytes) -> wire.PaymentCall:
    try:
        return wire.PaymentCall.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        code = {"missing": "MANDATORY", "json_invalid": "UNREADABLE"}.get(first["type"], "FORMAT")
        raise _bad(code, field) from None


def _ours(call: wire.PaymentCall, settings: BankSettings) -> None:
    if call.number != call.partner_service_id + call.customer_no:
        raise _bad("INCONSISTENT", "virtualAccountNo")
    if call.partner_service_id.strip() != settings.partner_service_id:
        raise _bad("NOT_OURS", "partnerServiceId")


def _bad(code: str, field: str) -> BadData:
    return BadData(code, diagnosis=_UNREADABLE, field=field, doubtful=False)


def _signal(call: wire.PaymentCall) -> CallbackSignal:
    number = call.number.strip()
    # Hashed: an id travels to where an account number may not be read.
    told = f"{number}:{call.payment_request_id}:{call.paid.value}{call.paid.currency}"
    content = call.model_dump(by_alias=True, exclude_none=True)
    return CallbackSignal(
        kind="payment",
        reference=number,
        id=f"bank-payment-{hashlib.sha256(told.encode()).hexdigest()[:32]}",
        raw=json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(),
    )
