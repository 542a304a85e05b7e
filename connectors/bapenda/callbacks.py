"""What BPN asks a local government: `getBPHTBService` and `getPBBService` (contract section 3, [C]), answered from our side.

Account and question are in the body. Refusals come with HTTP 200 and `respon_code` alone, as BPN knows them; what we cannot
know now is 503, because "not found" would be untrue.
"""

import hmac
import json
from collections.abc import Callable
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from connectors.bapenda import mapping, verdicts
from connectors.bapenda.requests import PropertyTaxQuery, TransferTaxQuery
from connectors.bapenda.settings import BapendaSettings
from connectors.toolkit.callback import Callback, Handled, Question, Received, Reply, Taken
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected
from schemas.tax import PropertyTax, TransferTax
from schemas.text import Text

MAX_BYTES: Final = 16 * 1024
NOT_NOW: Final = "Layanan sedang tidak tersedia"

_STRANGER: Final = Text(
    id="Pemanggil layanan pajak daerah salah username atau password. Periksa callback_username dan callback_password.",
    en="A caller of our tax services has a wrong user name or password. Check callback_username and callback_password.",
)
_UNREADABLE: Final = Text(
    id="Permintaan BPN tidak sesuai dengan kontrak.",
    en="BPN's request does not follow the contract.",
)
_WORDS: Final = {"nop": verdicts.NO_NOP, "ntpd": verdicts.NO_NTPD}
_FOUND_NOTHING: Final = frozenset({verdicts.NO_NOP, verdicts.NO_NTPD, verdicts.NO_DATA})


def take_transfer_tax(received: Received, settings: BapendaSettings) -> Taken:
    """Asks `get_transfer_tax` with NOP and NTPD.

    Raises:
        Misconfigured: Wrong user name or password.
        BadData: Not a question of the contract.
    """
    body = _admitted(received, settings)
    return _asking(
        "bapenda.get_transfer_tax", TransferTaxQuery, {"nop": body.get("NOP"), "ntpd": _written(body.get("NTPD"))}
    )


def take_property_tax(received: Received, settings: BapendaSettings) -> Taken:
    """Asks `get_property_tax` with NOP and, where it is given, year.

    Raises:
        Misconfigured: Wrong user name or password.
        BadData: Not a question of the contract.
    """
    body = _admitted(received, settings)
    return _asking(
        "bapenda.get_property_tax", PropertyTaxQuery, {"nop": body.get("NOP"), "year": body.get("TAHUN") or None}
    )


def answer_transfer_tax(taken: Taken, handled: Handled) -> Reply:  # noqa: ARG001
    """The tax, or why there is none."""
    if isinstance(handled.record, TransferTax):
        return _good(mapping.written_transfer_tax(handled.record))
    return _no(handled.error)


def answer_property_tax(taken: Taken, handled: Handled) -> Reply:  # noqa: ARG001
    """How the property stands, or why we do not say."""
    if isinstance(handled.record, PropertyTax):
        return _good(mapping.written_property_tax(handled.record))
    return _no(handled.error)


def refuse(received: Received, error: AgencyError) -> Reply:  # noqa: ARG001
    """A call that was not taken."""
    if isinstance(error, Misconfigured):
        return _reply({"respon_code": verdicts.WRONG_LOGIN})
    if isinstance(error, BadData):
        return _reply({"respon_code": _WORDS.get(error.field or "", verdicts.NO_DATA)})
    return _no(error)


BPHTB: Final = Callback(
    name="bphtb",
    contract="C",
    doc="BPN asks whether a transfer tax is paid (getBPHTBService).",
    take=take_transfer_tax,
    answer=answer_transfer_tax,
    refuse=refuse,
    max_bytes=MAX_BYTES,
)
PBB: Final = Callback(
    name="pbb",
    contract="C",
    doc="BPN asks how a property stands with its tax (getPBBService).",
    take=take_property_tax,
    answer=answer_property_tax,
    refuse=refuse,
    max_bytes=MAX_BYTES,
)


def _admitted(received: Received, settings: BapendaSettings) -> dict[str, Any]:
    body = None
    if len(received.body) <= MAX_BYTES:
        try:
            body = json.loads(received.body)
        except (ValueError, RecursionError):
            body = None
    if not isinstance(body, dict):
        raise BadData("UNREADABLE", diagnosis=_UNREADABLE, doubtful=False)
    username, password = settings.callback_username, settings.callback_password
    if username is None or password is None:
        raise Misconfigured("CALLBACK_LOGIN", diagnosis=_STRANGER)
    # Both are compared whatever the first comparison says: the time tells nothing.
    right = [_same(body.get("USERNAME"), username), _same(body.get("PASSWORD"), password.get_secret_value())]
    if not all(right):
        raise Misconfigured("CALLBACK_LOGIN", diagnosis=_STRANGER, owner="agency")
    return body


def _same(given: Any, known: str) -> bool:
    written = given if isinstance(given, str) else ""
    return hmac.compare_digest(written.encode("utf-8", "surrogatepass"), known.encode())


def _written(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _asking(operation: str, model: Callable[..., BaseModel], fields: dict[str, Any]) -> Taken:
    try:
        return Taken(question=Question(operation, model(**fields)))
    except ValidationError as error:
        field = str(error.errors(include_input=False, include_context=False)[0]["loc"][0])
    raise BadData("UNREADABLE", diagnosis=_UNREADABLE, field=field, doubtful=False)


def _good(result: dict[str, str]) -> Reply:
    return _reply({"result": result, "respon_code": "OK"})


def _no(error: AgencyError | None) -> Reply:
    if isinstance(error, Rejected):
        return _reply({"respon_code": error.code if error.code in _FOUND_NOTHING else verdicts.NO_DATA})
    return _reply({"respon_code": NOT_NOW}, 503)


def _reply(body: dict[str, Any], status: int = 200) -> Reply:
    return Reply(json.dumps(body, ensure_ascii=False).encode(), status)
