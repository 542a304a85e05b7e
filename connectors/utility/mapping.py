"""Between the utilities' shapes and the shared record. Pure functions; what the codes mean is in `verdicts.py`."""

from types import MappingProxyType
from typing import Final

from connectors.toolkit import diagnoses, reading
from connectors.toolkit.errors import BadData
from connectors.utility import wire
from connectors.utility.requests import ConnectionCancellation, ConnectionRequest, TransferRequest
from schemas.utility import UtilityAccount, UtilityKind

KINDS: Final = MappingProxyType({"electricity": "LISTRIK", "water": "AIR"})
_OURS: Final[MappingProxyType[str, UtilityKind]] = MappingProxyType({"LISTRIK": "electricity", "AIR": "water"})
_GROUNDS: Final = MappingProxyType({"sale": "JUAL_BELI", "inheritance": "WARIS", "grant": "HIBAH"})


def connection(request: ConnectionRequest, *, reference: str, partner: str) -> wire.Connection:
    """The body of an application for a connection, with our reference in it."""
    address = request.address
    return wire.Connection(
        partner=partner,
        reference=reference,
        kind=KINDS[request.kind],
        nik=request.nik,
        name=request.name,
        place=wire.Place(
            street=address.street,
            rt=address.rt,
            rw=address.rw,
            village=address.village_code,
            postal_code=address.postal_code,
        ),
        tariff=request.tariff,
        phone=request.phone,
    )


def cancellation(request: ConnectionCancellation, *, reference: str, partner: str) -> wire.Cancellation:
    """The body that cancels an application for a connection, with our reference in it."""
    return wire.Cancellation(partner=partner, reference=reference, application=request.application_number)


def transfer(request: TransferRequest, *, reference: str, partner: str) -> wire.Transfer:
    """The body of an application for another holder, with our reference in it."""
    return wire.Transfer(
        partner=partner,
        reference=reference,
        customer_number=request.customer_number,
        nik=request.nik,
        name=request.name,
        ground=_GROUNDS[request.ground],
        deed_number=request.deed_number,
    )


def account(
    answer: wire.Account, *, customer_number: str | None = None, reference: str | None = None
) -> UtilityAccount:
    """A connection, or the application for one.

    Args:
        answer: As the utility has it.
        customer_number: Whose we asked for.
        reference: Ours, that the application was sent with.

    Raises:
        BadData: It is neither electricity nor water, or about something else.
    """
    kind = _OURS.get((reading.text(answer.kind) or "").upper())
    if kind is None:
        raise BadData("KIND", diagnosis=diagnoses.UNREADABLE, field="jenis")
    number = reading.padded(answer.customer_number, 12)
    reading.ours(number, customer_number, "idpel")
    reading.ours(answer.reference, reference, "no_referensi")
    return UtilityAccount(
        kind=kind,
        customer_number=number,
        holder_name=reading.text(answer.name),
        street=reading.text(answer.address),
        tariff=reading.text(answer.tariff),
        arrears=reading.amount(answer.arrears, "total_tunggakan"),
        unpaid_bills=answer.unpaid_bills,
        fee=reading.amount(answer.fee, "biaya"),
        application_number=reading.text(answer.application),
        status=reading.text(answer.status),
        reference=reference,
    )
