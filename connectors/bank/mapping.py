"""Between SNAP BI's shapes and the shared records. Pure functions; what the codes mean is in `verdicts.py`."""

import hashlib
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from connectors.bank import wire
from connectors.bank.requests import VirtualAccountRequest
from connectors.bank.settings import BankSettings
from connectors.bank.signing import timestamp
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.reading import amount, moment, ours, text
from schemas.payments import VirtualAccount, VirtualAccountPayment

_STATUS: Final[dict[str, Literal["paid", "unpaid"]]] = {"00": "paid", "01": "unpaid", "02": "unpaid", "03": "unpaid"}


def number(settings: BankSettings, reference: str) -> str:
    """The virtual account that our reference has, always the same: what makes it possible to look it up."""
    serial = int.from_bytes(hashlib.sha256(reference.encode()).digest()) % 10**settings.customer_digits
    return f"{settings.partner_service_id}{serial:0{settings.customer_digits}d}"


def account(settings: BankSettings, its_number: str) -> dict[str, str]:
    """How a virtual account is named on the wire: the service id left-padded to eight, its spaces part of the number.

    Raises:
        BadData: It is none of ours.
    """
    service = settings.partner_service_id
    if not its_number.startswith(service) or its_number == service:
        raise BadData("NOT_OURS", diagnosis=diagnoses.BAD_REQUEST, owner="us", field="number", doubtful=False)
    padded, customer = service.rjust(8), its_number.removeprefix(service)
    return {"partnerServiceId": padded, "customerNo": customer, "virtualAccountNo": padded + customer}


def written(value: Decimal) -> dict[str, str]:
    """Rupiah as a text with two decimals."""
    return {"value": f"{value:.2f}", "currency": "IDR"}


def creation(
    request: VirtualAccountRequest, settings: BankSettings, *, reference: str, now: datetime
) -> dict[str, Any]:
    """The body of service 27."""
    return {
        **account(settings, number(settings, reference)),
        "virtualAccountName": request.name,
        "trxId": reference,
        "totalAmount": written(request.amount),
        "billDetails": [
            {
                "billNo": "1",
                "billDescription": {"english": request.description, "indonesia": request.description},
                "billAmount": written(request.amount),
            }
        ],
        "virtualAccountTrxType": "C",
        "expiredDate": timestamp(now + timedelta(minutes=request.expires_in_minutes)),
        "additionalInfo": {},
    }


def virtual_account(data: wire.AccountData | None, its_number: str, *, reference: str | None = None) -> VirtualAccount:
    """An account as the bank has it.

    Raises:
        BadData: Nothing is there, or it is about another account, or without an amount.
    """
    data = _about(data, its_number)
    total = amount(data.total.value, "totalAmount.value") if data.total else None
    if total is None:
        raise BadData("MISSING", diagnosis=diagnoses.UNREADABLE, field="totalAmount")
    return VirtualAccount(
        number=its_number,
        name=text(data.name),
        amount=total,
        expires_at=moment(data.expires, "expiredDate"),
        reference=reference or text(data.transaction_id),
    )


def made(request: VirtualAccountRequest, settings: BankSettings, *, reference: str, latest: datetime) -> VirtualAccount:
    """The account that our reference has, in our own words where the bank's answer leaves something out.

    Args:
        request: What was asked for.
        settings: Ours.
        reference: Our reference.
        latest: When it expires, at the latest.
    """
    return VirtualAccount(
        number=number(settings, reference),
        name=request.name,
        amount=request.amount,
        expires_at=latest,
        reference=reference,
    )


def payment(data: wire.AccountData | None, its_number: str) -> VirtualAccountPayment:
    """How an account stands. Paid means flag 00 and an amount; anything less is unpaid.

    Raises:
        BadData: About another account, a flag that the standard does not have, or paid without an amount.
    """
    data = _about(data, its_number)
    status = _STATUS.get((data.payment_status or "").strip())
    if status is None:
        raise BadData("FLAG", diagnosis=diagnoses.UNREADABLE, field="paymentFlagStatus")
    if status == "unpaid":
        return VirtualAccountPayment(number=its_number, status="unpaid")
    paid = amount(data.paid.value, "paidAmount.value") if data.paid else None
    if paid is None:
        raise BadData("MISSING", diagnosis=diagnoses.UNREADABLE, field="paidAmount")
    return VirtualAccountPayment(
        number=its_number,
        status="paid",
        amount=paid,
        paid_at=moment(data.paid_at, "trxDateTime"),
        bank_reference=text(data.reference_no),
        payment_request_id=text(data.payment_request_id),
    )


def _about(data: wire.AccountData | None, its_number: str) -> wire.AccountData:
    if data is None:
        raise BadData("MISSING", diagnosis=diagnoses.UNREADABLE, field="virtualAccountData")
    ours((data.number or "").strip(), its_number, "virtualAccountNo")
    return data
