"""What is asked, how it is sealed for the bus, and how the reply becomes a record or a named error. Pure but for the nonce."""

import base64
import binascii
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import ValidationError

from connectors.registry import agencies, connector_class
from connectors.toolkit import Operation
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected, Retriable
from schemas.base import Record
from schemas.envelope import Envelope
from schemas.messages import EXCHANGE, ExchangeData, Failure, ReplyData, record_id
from schemas.text import Text
from simpul.crypto import CannotDecryptError, DataKey, Keys, digest
from simpul.tracing import child

_UNREADABLE = Text(
    id="Jawaban gateway tidak dapat dibuka. Samakan versi konsol dan gateway, dan periksa SIMPUL_MASTER_KEY.",
    en="The gateway's reply does not open. Bring console and gateway to one version, and check SIMPUL_MASTER_KEY.",
)
_NO_ANSWER = Text(
    id="Tidak ada jawaban pada waktunya. Instansi lambat, atau gateway-nya tidak berjalan. Coba lagi sebentar lagi.",
    en="No answer came in time. The agency is slow, or its gateway is not running. Ask again shortly.",
)
_NO_BUS = Text(
    id="Bus tidak dapat dicapai saat ini. Coba lagi sebentar lagi.",
    en="The bus cannot be reached at this moment. Ask again shortly.",
)


@dataclass(frozen=True, kw_only=True)
class Question:
    """A read that somebody waits for.

    Attributes:
        request: Of the operation's request model, as JSON-able mapping; checked already.
        actor: The API key's name, or the agency that asks.
        application: Number of the application it is for, if it is for one.
    """

    operation: Operation
    request: Mapping[str, Any] = field(repr=False)
    actor: str
    purpose: str
    legal_basis: str | None = None
    application: str | None = None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agency answered.

    Attributes:
        exchange: The id under which events tell of it.
        times: The four moments of the call at the gateway, by name.
    """

    exchange: str
    record: Record = field(repr=False)
    times: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A question ready for the bus.

    Attributes:
        digest: Of the request's ciphertext.
    """

    envelope: Envelope
    key: DataKey
    digest: str


@cache
def of_operation(agency: str, name: str) -> Operation | None:
    """An agency's operation; None where there is none. Imports the connector the first time."""
    if agency not in agencies():
        return None
    return connector_class(agency).operations().get(name)


def seal(
    question: Question, keys: Keys, *, source: str, reply_to: int, instance: str, now: datetime, until: datetime
) -> Sealed:
    """The question as an envelope, under a data key of its own."""
    exchange, subject = uuid.uuid4().hex, f"exchange-{uuid.uuid4().hex}"
    wrapped = keys.new_data_key(subject)
    key = keys.data_key(wrapped, subject)
    sealed = key.seal(json.dumps(question.request, ensure_ascii=False).encode(), exchange)
    data = ExchangeData(
        operation=question.operation.qualified,
        purpose=question.purpose,
        legal_basis=question.legal_basis,
        until=until,
        reply_to=reply_to,
        instance=instance,
        payload=base64.b64encode(sealed).decode(),
    )
    envelope = Envelope(
        id=exchange,
        source=source,
        type=EXCHANGE,
        subject=subject,
        time=now,
        dataschema=ExchangeData.schema_urn(),
        traceparent=child(question.traceparent),
        datakey=base64.b64encode(wrapped).decode(),
        data=data.model_dump(mode="json", exclude_none=True),
    )
    return Sealed(envelope, key, digest(sealed))


def opened(reply: ReplyData, sealed: Sealed, operation: Operation) -> Record:
    """The record of a reply.

    Raises:
        AgencyError: There is none, for the reason that the gateway gave; or it does not open.
    """
    if reply.outcome == "rejected" and reply.reason is not None:
        raise Rejected(reply.reason.code, reason=reply.reason.text)
    if reply.failure is not None:
        raise _named(reply.failure, reply.retry_after)
    try:
        plain = sealed.key.open(ciphertext(reply), record_id(sealed.envelope.id))
        return operation.record.from_json(plain)
    except (CannotDecryptError, ValidationError):
        raise BadData("REPLY", diagnosis=_UNREADABLE, owner="us") from None


def ciphertext(reply: ReplyData) -> bytes:
    """The sealed record; empty where there is none."""
    try:
        return base64.b64decode(reply.payload or "", validate=True)
    except binascii.Error:
        return b""


def no_answer() -> Retriable:
    """Nobody answered in time."""
    return Retriable("NO_ANSWER", diagnosis=_NO_ANSWER, owner="agency", retry_after=5.0)


def no_bus() -> Retriable:
    """The question could not be put, or no answer could be heard."""
    return Retriable("BUS", diagnosis=_NO_BUS, owner="us", retry_after=5.0)


def _named(failure: Failure, retry_after: float | None) -> AgencyError:
    if failure.kind == "retriable":
        return Retriable(failure.code, diagnosis=failure.diagnosis, owner=failure.owner, retry_after=retry_after)
    kind = Misconfigured if failure.kind == "misconfigured" else BadData
    return kind(failure.code, diagnosis=failure.diagnosis, owner=failure.owner)
