"""What one gateway process holds of one request while it works on it, and how the request is read."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ValidationError

from connectors.toolkit.operation import Operation
from schemas.envelope import Envelope
from schemas.messages import ExchangeData, Failure, RequestData
from schemas.text import Text
from simpul.bus.message import Message
from simpul.crypto import CannotDecryptError, DataKey, Keys
from simpul.gateway.decisions import Phase

# A wrapped data key, RFC 3394.
_WRAPPED_BYTES = 40


@dataclass(slots=True, eq=False)
class Task:
    """A request under way.

    Attributes:
        operation: None where the connector has none of that name.
        message: Where it came from the bus in this process, until it is acknowledged.
        lease: Fencing number of our lease; 0 with attempts switched off.
        phase: Whether the next call sends or looks up.
        tries: Calls made, look-ups included.
        look_ups: Look-ups in a row without an answer.
        calling: A worker has it just now, so its lease is not to be prolonged: a call is shorter than a lease.
        sent: A call may have reached the agency.
        taken_over: Its lease ran out, by our clock, under somebody who may be calling still.
        exchange: Somebody waits for the answer: what else came with such a request.
    """

    envelope: Envelope
    data: RequestData
    operation: Operation | None
    received_at: datetime
    message: Message | None = None
    lease: int = 0
    lease_until: datetime | None = None
    phase: Phase = "send"
    tries: int = 0
    look_ups: int = 0
    calling: bool = False
    sent: bool = False
    taken_over: bool = False
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    request: BaseModel | None = None
    key: DataKey | None = None
    exchange: ExchangeData | None = None

    @property
    def request_id(self) -> str:
        """The request's id, which ties attempt, outcome and record together."""
        return self.envelope.id

    @property
    def reconcilable(self) -> bool:
        """Whether the agency can be asked by our reference."""
        return self.operation is not None and self.operation.reconcile is not None

    def too_late(self, now: datetime) -> bool:
        """Whether nobody waits for the answer any more."""
        return self.exchange is not None and self.exchange.until <= now


class UnusableError(Exception):
    """The request can never be sent; `failure` says why, without a value of it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


def read_data(envelope: Envelope) -> RequestData:
    """The request's open part.

    Raises:
        ValueError: It is none; the text names the fields.
    """
    try:
        return RequestData.model_validate(envelope.data)
    except ValidationError as error:
        raise ValueError(f"the data are no request: {_fields(error)}") from None


def open_request(task: Task, keys: Keys) -> BaseModel:
    """Decrypt and validate what the agency is to be asked; done once per task.

    Raises:
        UnusableError: Unknown operation, a payload that does not open, or fields that do not fit.
        CannotDecryptError: The data key does not unwrap: it, or our master key, is not what it should be.
    """
    if task.request is not None:
        return task.request
    if task.operation is None:
        raise UnusableError(_bad("UNKNOWN_OPERATION", _UNKNOWN_OPERATION, name=task.data.operation))
    try:
        wrapped = base64.b64decode(task.envelope.datakey or "")
        if len(wrapped) != _WRAPPED_BYTES:
            raise UnusableError(_bad("UNDECIPHERABLE", _UNDECIPHERABLE))
    except (binascii.Error, ValueError):
        raise UnusableError(_bad("UNDECIPHERABLE", _UNDECIPHERABLE)) from None
    task.key = keys.data_key(wrapped, task.envelope.subject)
    try:
        plain = task.key.open(base64.b64decode(task.data.payload), task.request_id)
    except (CannotDecryptError, binascii.Error, ValueError):
        raise UnusableError(_bad("UNDECIPHERABLE", _UNDECIPHERABLE)) from None
    try:
        task.request = task.operation.request.model_validate_json(plain)
    except ValidationError as error:
        raise UnusableError(_bad("REQUEST", _REQUEST, name=_fields(error))) from None
    return task.request


def unreadable_key() -> Failure:
    """What a data key that does not unwrap comes to when our master key is known to be right."""
    return _bad("UNDECIPHERABLE", _UNDECIPHERABLE)


def _fields(error: ValidationError) -> str:
    """The fields at fault and the kind of fault: `child.birth_date (missing)`. Never a value."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return ", ".join(f"{'.'.join(map(str, each['loc'])) or 'all of it'} ({each['type']})" for each in found[:5])


def _bad(code: str, text: Text, *, name: str = "") -> Failure:
    diagnosis = Text(id=text.id.format(name=name), en=text.en.format(name=name))
    return Failure(kind="bad_data", code=code, diagnosis=diagnosis, owner="us")


_UNKNOWN_OPERATION = Text(
    id="Konektor tidak mengenal operasi {name}. Samakan versi konektor dengan versi layanan.",
    en="The connector has no operation {name}. Bring the connector to the service's version.",
)
_UNDECIPHERABLE = Text(
    id="Isi permintaan tidak dapat dibuka dengan kunci yang terpasang. Periksa SIMPUL_MASTER_KEY pada gateway.",
    en="The request does not open with the installed key. Check the gateway's SIMPUL_MASTER_KEY.",
)
_REQUEST = Text(
    id="Isian permintaan tidak sesuai dengan bentuk yang diminta konektor: {name}. Permintaan belum terkirim.",
    en="The request does not fit what the connector asks for: {name}. Nothing was sent.",
)
