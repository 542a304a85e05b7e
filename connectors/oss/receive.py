"""OSS's call to us when a business has a NIB and needs a licence of our office: `receiveNIB` (contract section 5, [D]).

It starts an application of the service `business`; what its form holds is `schemas.business.BusinessFiling`.
"""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any, Final

from pydantic import ValidationError

from connectors.oss import mapping
from connectors.oss.settings import OssSettings
from connectors.toolkit.callback import Callback, Filing, Handled, Received, Reply, Taken
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured
from connectors.toolkit.reading import WIB
from schemas.text import Text

SERVICE: Final = "business"
MAX_BYTES: Final = 1024 * 1024
AROUND_MIDNIGHT: Final = timedelta(minutes=10)
"""How far OSS's clock may be from ours, and a call under way: so long yesterday's token, or tomorrow's, is good."""

_UNREADABLE: Final = Text(
    id="Kiriman NIB tidak sesuai dengan kontrak OSS.", en="The NIB that was sent does not follow OSS's contract."
)
_STRANGER: Final = Text(
    id="Token pengirim NIB salah. Periksa callback_user dan callback_password di pengaturan.",
    en="The token of who sent a NIB is wrong. Check callback_user and callback_password in the settings.",
)


def token(user: str, password: str, nib: str, day: str) -> str:
    """The header `Token`: SHA-1 of user, password, NIB and day (`YYYYMMDD`), in hexadecimal."""
    return hashlib.sha1(f"{user}{password}{nib}{day}".encode()).hexdigest()  # noqa: S324  (the contract's algorithm)


def take(received: Received, settings: OssSettings) -> Taken:
    """One filing; the same NIB, `oss_id` and `id_izin` again are the same application.

    Raises:
        Misconfigured: The token is not the one of this NIB and day.
        BadData: Not the message that the contract describes.
    """
    data = _data(received.body)
    _admit(received, settings, str(data.get("nib") or ""))
    try:
        form = mapping.filing(data)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors(include_input=False, include_context=False)[0]["loc"])
        raise BadData("UNREADABLE", diagnosis=_UNREADABLE, field=field, doubtful=False) from None
    digest = hashlib.sha256(f"{form.nib}:{form.oss_id}:{form.id_izin}".encode()).hexdigest()[:32]
    filled = form.model_dump(mode="json", exclude_none=True)
    return Taken(filings=(Filing(service=SERVICE, form=filled, key=f"oss-nib-{digest}"),))


def answer(taken: Taken, handled: Handled) -> Reply:
    """1 taken, also when it was taken before; 2 refused, with the names of the fields that the service's form refused."""
    for filing in taken.filings:
        if (fields := handled.unfit.get(filing.key)) is not None:
            return _reply("2", f"Data tidak lengkap atau tidak sesuai: {', '.join(fields)}")
    return _reply("1", "Data diterima")


def refuse(received: Received, error: AgencyError) -> Reply:  # noqa: ARG001
    """2 with the reason in words, in the shape OSS reads, whatever went wrong."""
    field = getattr(error, "field", None)
    status = {"misconfigured": 401, "retriable": 503}.get(error.kind, 422)
    return _reply("2", f"{error.diagnosis.id}{f' ({field})' if field else ''}", status)


RECEIVE_NIB: Final = Callback(
    name="receive_nib",
    contract="D",
    doc="A business has a NIB and needs a licence of ours.",
    take=take,
    answer=answer,
    refuse=refuse,
    max_bytes=MAX_BYTES,
)


def _data(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BYTES:
        raise BadData("TOO_LARGE", diagnosis=_UNREADABLE, doubtful=False)
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise BadData("UNREADABLE", diagnosis=_UNREADABLE, doubtful=False) from None
    data = message.get("dataNIB") if isinstance(message, dict) else None
    if not isinstance(data, dict):
        raise BadData("UNREADABLE", diagnosis=_UNREADABLE, field="dataNIB", doubtful=False)
    return data


def _admit(received: Received, settings: OssSettings, nib: str) -> None:
    given = received.headers.get("token", "").strip().lower().encode()
    written = nib if nib.isascii() else ""
    days = {f"{received.at.astimezone(WIB) + shift:%Y%m%d}" for shift in (-AROUND_MIDNIGHT, AROUND_MIDNIGHT)}
    password = settings.callback_password.get_secret_value()
    # No early end: how many days were tried does not show in the time it takes.
    right = [hmac.compare_digest(given, token(settings.callback_user, password, written, day).encode()) for day in days]
    if not any(right):
        raise Misconfigured("TOKEN", diagnosis=_STRANGER, owner="agency")


def _reply(status: str, words: str, http: int = 200) -> Reply:
    return Reply(json.dumps({"responreceiveNIB": {"status": status, "keterangan": words}}).encode(), http)
