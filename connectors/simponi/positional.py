"""The REST form of the same service: positional arrays in JSON in one form field (contract section 6, [C]). Pure functions.

What the positions hold becomes the shapes of the SOAP wrapper, so that codes and records are read in one place.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from connectors.simponi import mapping, wire
from connectors.simponi.requests import BillQuery, BillRequest
from connectors.simponi.settings import SimponiSettings
from connectors.simponi.verdicts import OK
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData

PATH: Final = "index/format/json"

BILL_HEADER: Final = (
    *("TrxId", "UserId", "Password", "ExpiredDate", "KodeKL", "KodeEselon1", "KodeSatker", "JenisPNBP"),
    *("KodeMataUang", "TotalNominalBilling", "NamaWajibBayar", "KodeAkun", "NPWP", "NIK"),
)
BILL_LINE: Final = (
    *("NamaWajibBayar", "KodeTarifSimponi", "KodePPSimponi", "KodeAkun", "TarifPNBP", "Volume", "Satuan"),
    *("TotalTarifPerRecord", "KodeLokasi", "KodeKabkota"),
)
STATUS: Final = ("TrxId", "UserId", "Password", "KodeBillingSimponi", "KodeKL", "KodeEselon1", "KodeSatker")
BILL_DATA: Final = ("SimponiTrxId", "KodeBillingSimponi", "Date", "ExpiredDate")
STATUS_DATA: Final = ("SimponiTrxId", "NTB", "NTPN", "TrxDate", "BankPersepsi", "ChannelPembayaran", "TglBuku")


def bill_request(request: BillRequest, settings: SimponiSettings, *, reference: str, now: datetime) -> dict[str, Any]:
    """`billingcode_v4`: a header of 14 positions, one line of 10."""
    total = f"{request.amount:.0f}"
    header = [
        reference,
        settings.user_id,
        settings.password.get_secret_value(),
        mapping.written(now + timedelta(minutes=request.expires_in_minutes)),
        settings.ministry_code,
        settings.unit_code,
        settings.office_code,
        settings.revenue_kind,
        settings.currency_code,
        total,
        request.payer_name,
        settings.account_code,
        "",
        request.nik or "",
    ]
    line = [
        request.payer_name,
        request.tariff_code,
        settings.regulation_code,
        settings.account_code,
        total,
        "1",
        request.description,
        total,
        settings.location_code,
        settings.city_code,
    ]
    return {"method": "billingcode_v4", "data": {"header": header, "detail": [line]}}


def status_request(query: BillQuery, settings: SimponiSettings) -> dict[str, Any]:
    """`inquirybilling_v2`, seven positions. The first names this inquiry, not the bill, so it may repeat."""
    return {
        "method": "inquirybilling_v2",
        "data": [
            query.billing_code,
            settings.user_id,
            settings.password.get_secret_value(),
            query.billing_code,
            settings.ministry_code,
            settings.unit_code,
            settings.office_code,
        ],
    }


def written(asked: dict[str, Any]) -> str:
    """What goes into the field `simponi_req`."""
    return json.dumps(asked, ensure_ascii=False, separators=(",", ":"))


def bill_verdict(answer: wire.Positional) -> wire.BillVerdict:
    """The answer to `billingcode_v4`.

    Raises:
        BadData: A good code with another number of positions.
    """
    data = _named(answer, BILL_DATA)
    return wire.BillVerdict.model_validate({"code": answer.code, "message": answer.message, "simponiData": data})


def status_answer(answer: wire.Positional) -> wire.StatusAnswer:
    """The answer to `inquirybilling_v2`.

    Raises:
        BadData: A good code with another number of positions.
    """
    data = _named(answer, STATUS_DATA)
    # With a code that is not good, some versions put the message where the data would be.
    message = answer.message or (answer.data if isinstance(answer.data, str) else None)
    return wire.StatusAnswer.model_validate(
        {"ResponseCode": answer.code, "ResponseMessage": message, "ResponseData": data}
    )


def _named(answer: wire.Positional, names: Sequence[str]) -> dict[str, Any] | None:
    if answer.code.strip().upper() != OK:
        return None
    if not isinstance(answer.data, list) or len(answer.data) != len(names):
        raise BadData("UNREADABLE", diagnosis=diagnoses.UNREADABLE, field="data", detail="another number of positions")
    return dict(zip(names, answer.data, strict=True))
