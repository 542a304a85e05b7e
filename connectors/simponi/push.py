"""SIMPONI's call to us when citizens have paid: a list of payments (contract section 6, [C]).

The call is unsigned, so nothing in it counts as payment. A row is a prompt to ask `get_bill`; only its answer counts.
Where a site can do better, the settings hold a shared secret and an allow-list of networks.
"""

import hashlib
import hmac
import json
from ipaddress import ip_address, ip_network
from typing import Final

from pydantic import ValidationError

from connectors.simponi import wire
from connectors.simponi.settings import SimponiSettings
from connectors.toolkit.callback import Callback, CallbackSignal, Handled, Received, Reply, Taken
from connectors.toolkit.errors import BadData, Misconfigured
from schemas.text import Text

MAX_BYTES: Final = 256 * 1024
SECRET_HEADER: Final = "x-callback-secret"  # noqa: S105  (a header's name)

RECEIVED: Final = {"status": 3, "message": "Pembayaran Diterima"}
RECEIVED_BEFORE: Final = {"status": 2, "message": "Pembayaran Sudah Pernah Dikirimkan"}

_UNREADABLE: Final = Text(
    id="Pemberitahuan pembayaran tidak sesuai dengan kontrak SIMPONI.",
    en="The payment push does not follow SIMPONI's contract.",
)
_STRANGER: Final = Text(
    id="Pengirim pemberitahuan pembayaran tidak dikenal. Periksa rahasia bersama dan daftar jaringan di pengaturan.",
    en="The sender of a payment push is not known. Check the shared secret and the list of networks in the settings.",
)


def take(received: Received, settings: SimponiSettings) -> Taken:
    """One signal per row, with an id that a repeated push repeats.

    Raises:
        Misconfigured: The caller is not who the settings ask for.
        BadData: Too large, or not the list that the contract describes.
    """
    _admit(received, settings)
    if len(received.body) > MAX_BYTES:
        raise BadData("TOO_LARGE", diagnosis=_UNREADABLE, doubtful=False)
    try:
        rows = wire.PAYMENT_ROWS.validate_json(received.body)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors(include_input=False, include_context=False)[0]["loc"])
        raise BadData("UNREADABLE", diagnosis=_UNREADABLE, field=field, doubtful=False) from None
    return Taken(signals=tuple(map(_signal, rows)))


def answer(taken: Taken, handled: Handled) -> Reply:
    """Every row again, with the status that stops SIMPONI from sending it: 3 received, 2 received before."""
    new, rows = set(handled.new), []
    for signal in taken.signals:
        rows.append(json.loads(signal.raw) | (RECEIVED if signal.id in new else RECEIVED_BEFORE))
        # The same row again in the same push has been received before, too.
        new.discard(signal.id)
    return Reply(json.dumps(rows, ensure_ascii=False).encode())


PAYMENT: Final = Callback(
    name="payment",
    contract="C",
    doc="Citizens have paid.",
    take=take,
    answer=answer,
    max_bytes=MAX_BYTES,
    unsigned="The contract has no signature: a row only makes us ask `get_bill`, whose answer counts.",
)


def _admit(received: Received, settings: SimponiSettings) -> None:
    secret = settings.callback_secret
    if secret is not None:
        given = received.headers.get(SECRET_HEADER, "")
        if not given or not hmac.compare_digest(given.encode(), secret.get_secret_value().encode()):
            raise Misconfigured("CALLBACK_SECRET", diagnosis=_STRANGER, owner="agency")
    if settings.callback_networks and not _is_in(received.peer, settings.callback_networks):
        raise Misconfigured("CALLBACK_NETWORK", diagnosis=_STRANGER, owner="agency")


def _is_in(peer: str, networks: tuple[str, ...]) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return any(address in ip_network(network) for network in networks)


def _signal(row: wire.PaymentRow) -> CallbackSignal:
    content = row.model_dump(by_alias=True, exclude_none=True)
    # Hashed: an id travels to where a billing code may not be read. The NTPN makes it impossible to guess.
    digest = hashlib.sha256(f"{row.billing_code}:{row.ntpn}".encode()).hexdigest()[:32]
    return CallbackSignal(
        kind="payment",
        reference=row.billing_code,
        id=f"simponi-payment-{digest}",
        raw=json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(),
    )
