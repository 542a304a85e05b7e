"""Between SIMPONI's shapes and the shared records. Pure functions; what the codes mean is in `verdicts.py`."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from connectors.simponi import wire
from connectors.simponi.requests import BillQuery, BillRequest
from connectors.simponi.settings import SimponiSettings
from connectors.simponi.verdicts import NOT_PAID, lapsed
from connectors.toolkit import errors
from schemas.payments import Bill, Payment
from schemas.text import Text

JAKARTA: Final = timezone(timedelta(hours=7), "WIB")
"""SIMPONI's times carry no offset and are always Jakarta's, wherever in Indonesia the bill was made."""

MOMENT: Final = "%d-%m-%Y %H:%M:%S"
# One public client of the SOAP wrapper reads and writes this instead.
_MOMENT_ISO: Final = "%Y-%m-%d %H:%M:%S"
_DAYS: Final = ("%d-%m-%Y", "%Y-%m-%d")


def payment_request(
    request: BillRequest, settings: SimponiSettings, *, reference: str, now: datetime
) -> dict[str, Any]:
    """The arguments of PaymentRequest: one header, one line.

    Args:
        request: The bill that is wanted.
        settings: The office's account.
        reference: Ours; goes along as TrxId and invoiceNo.
        now: Aware; the bill lapses `expires_in_minutes` later.
    """
    total = f"{request.amount:.0f}"
    header = {
        "TrxId": reference,
        "UserId": settings.user_id,
        "Password": settings.password.get_secret_value(),
        "ExpiredDate": written(now + timedelta(minutes=request.expires_in_minutes)),
        "DateSent": written(now),
        "KodeKL": settings.ministry_code,
        "KodeEselon1": settings.unit_code,
        "KodeSatker": settings.office_code,
        "JenisPNBP": settings.revenue_kind,
        "KodeMataUang": settings.currency_code,
        "TotalNominalBilling": total,
        "NamaWajibBayar": request.payer_name,
    }
    line = {
        "NamaWajibBayar": request.payer_name,
        "KodeTarifSimponi": request.tariff_code,
        "KodePPSimponi": settings.regulation_code,
        "KodeAkun": settings.account_code,
        "TarifPNBP": total,
        "Volume": "1",
        "Satuan": request.description,
        "TotalTarifPerRecord": total,
    }
    return {
        "appsId": settings.apps_id,
        "invoiceNo": reference,
        "routeId": settings.route_id,
        "data": {"PaymentHeader": header, "PaymentDetails": {"PaymentDetail": [line]}},
    }


def status_request(query: BillQuery, settings: SimponiSettings) -> dict[str, Any]:
    """The arguments of BillingStatus. TrxId names this inquiry, not the bill, so it may repeat."""
    return {
        "appsId": settings.apps_id,
        "invoiceNo": query.billing_code,
        "routeId": settings.route_id,
        "TrxId": query.billing_code,
        "UserId": settings.user_id,
        "Password": settings.password.get_secret_value(),
        "KodeBillingSimponi": query.billing_code,
        "KodeKL": settings.ministry_code,
        "KodeEselon1": settings.unit_code,
        "KodeSatker": settings.office_code,
    }


def bill(data: wire.BillData | None, request: BillRequest, *, reference: str) -> Bill:
    """The shared record of a new bill. The amount is ours: the answer does not repeat it.

    Raises:
        BadData: No billing code, or no time until which it can be paid.
    """
    if data is None or not data.billing_code:
        raise _unreadable("KodeBillingSimponi")
    expires = moment(data.expires, "ExpiredDate")
    if expires is None:
        raise _unreadable("ExpiredDate")
    return Bill(
        billing_code=data.billing_code,
        amount=Decimal(request.amount),
        description=request.description,
        issued_at=moment(data.issued, "Date"),
        expires_at=expires,
        reference=reference,
        agency_transaction_id=data.transaction_id or None,
    )


def payment(answer: wire.StatusAnswer, query: BillQuery) -> Payment:
    """How a bill stands. The verdict on codes other than 00 and NF has been spoken before.

    Paid means: code 00 *and* an NTPN, the number under which the state has booked the money. Anything less is unpaid.

    Raises:
        BadData: Code 00 without an NTPN.
        Rejected: SIMPONI says that it never issued the code.
    """
    if answer.code.strip().upper() == NOT_PAID:
        return Payment(billing_code=query.billing_code, status="expired" if lapsed(answer.message) else "unpaid")
    data = answer.data
    if data is None or not (data.ntpn or "").strip():
        raise _unreadable("NTPN")
    return Payment(
        billing_code=query.billing_code,
        status="paid",
        ntb=data.ntb or None,
        ntpn=data.ntpn,
        paid_at=moment(data.paid, "TrxDate"),
        booked_on=_day(data.booked, "TglBuku"),
        bank=data.bank or None,
        channel=data.channel or None,
    )


def written(at: datetime) -> str:
    """An aware time as SIMPONI writes it: `dd-MM-yyyy HH:mm:ss`, Jakarta time."""
    return at.astimezone(JAKARTA).strftime(MOMENT)


def moment(value: str | None, field: str) -> datetime | None:
    """An aware UTC time from SIMPONI's writing; None for an empty one.

    Raises:
        BadData: Not a time.
    """
    text = (value or "").strip()
    if not text:
        return None
    for pattern in (MOMENT, _MOMENT_ISO):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=JAKARTA).astimezone(UTC)
        except ValueError:
            continue
    raise _unreadable(field)


def _day(value: str | None, field: str) -> date | None:
    text = (value or "").strip().split(" ")[0]
    if not text:
        return None
    for pattern in _DAYS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=JAKARTA).date()
        except ValueError:
            continue
    raise _unreadable(field)


def _unreadable(field: str) -> errors.BadData:
    return errors.BadData(
        "UNREADABLE",
        diagnosis=Text(
            id=f"Jawaban SIMPONI tidak lengkap atau tidak terbaca pada {field}.",
            en=f"SIMPONI's answer is incomplete or unreadable in {field}.",
        ),
        field=field,
    )
