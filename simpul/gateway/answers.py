"""What a gateway publishes: outcome and record as envelopes under ids made from the request's id."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from connectors.toolkit.errors import AgencyError, Rejected
from schemas.base import Record
from schemas.envelope import Envelope
from schemas.messages import OUTCOME, Failure, OutcomeData, Reason, outcome_id, record_id, record_type
from schemas.text import Text
from simpul.bus.topics import OUTCOMES, records_topic
from simpul.expressions import ExpressionError, holds
from simpul.gateway.task import Task
from simpul.tracing import child

_UNANSWERED = Text(
    id="Tidak diketahui apakah permintaan ini sudah dilaksanakan: instansi tidak menjawab penelusuran dengan nomor "
    "rujukan kita. Tanyakan kepada instansi sebelum mengulang.",
    en="It is not known whether this was carried out: the agency did not answer the look-up by our reference. "
    "Ask the agency before it is repeated.",
)
_NO_LOOK_UP = Text(
    id="Tidak diketahui apakah permintaan ini sudah dilaksanakan, dan instansi tidak menyediakan penelusuran dengan "
    "nomor rujukan. Tanyakan kepada instansi sebelum mengulang.",
    en="It is not known whether this was carried out, and the agency offers no look-up by reference. "
    "Ask the agency before it is repeated.",
)
_ACCEPT = Text(
    id="Syarat penerimaan pada langkah layanan tidak cocok dengan jawaban instansi. Perbaiki definisi layanan.",
    en="The step's condition for accepting an answer does not fit the agency's answer. Correct the service.",
)
_TOO_LARGE = Text(
    id="Jawaban instansi terlalu besar untuk satu pesan. Persempit permintaan atau hubungi pengembang konektor.",
    en="The agency's answer is too large for one message. Ask for less, or call the connector's developer.",
)
_NOT_ASKED = Text(
    id="Tidak diketahui apakah permintaan ini sudah dilaksanakan, dan permintaannya tidak dapat dibaca lagi untuk "
    "ditelusuri. Tanyakan kepada instansi sebelum mengulang.",
    en="It is not known whether this was carried out, and the request can no longer be read to look it up. "
    "Ask the agency before it is repeated.",
)
_NOT_PUBLISHABLE = Text(
    id="Instansi sudah menjawab, tetapi jawabannya tidak dapat dimuat dalam satu pesan. Hubungi pengembang konektor, "
    "dan tanyakan kepada instansi sebelum mengulang.",
    en="The agency answered, but no message can carry the answer. Call the connector's developer, and ask the agency "
    "before it is repeated.",
)
# In base64 and with the envelope around it just below the 1 MiB that broker and producer take.
_MOST_BYTES = 700 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a task, before the moment of publishing is known.

    Attributes:
        sealed: The record's ciphertext.
    """

    outcome: Literal["done", "rejected", "pending", "failed"]
    record_schema: str | None = None
    sealed: bytes | None = None
    reason: Reason | None = None
    failure: Failure | None = None


class Publication(NamedTuple):
    """One message for the bus."""

    topic: str
    key: str
    envelope: Envelope


def of_record(task: Task, record: Record) -> Answer:
    """Done, or pending where the step's condition does not hold yet; the record rides along sealed."""
    outcome: Literal["done", "pending"] = "done"
    if task.data.accept is not None:
        try:
            if not holds(task.data.accept, {"record": record.model_dump(mode="json")}):
                outcome = "pending"
        except ExpressionError:
            return of_failure(Failure(kind="bad_data", code="ACCEPT", diagnosis=_ACCEPT, owner="us"))
    if task.key is None:
        raise RuntimeError("a record came for a request that was never opened")
    sealed = task.key.seal(record.model_dump_json().encode(), record_id(task.request_id))
    if len(sealed) > _MOST_BYTES:
        return of_failure(Failure(kind="bad_data", code="RECORD_TOO_LARGE", diagnosis=_TOO_LARGE, owner="us"))
    return Answer(outcome, record_schema=record.schema_id(), sealed=sealed)


def of_rejection(error: AgencyError) -> Answer:
    """The agency's no."""
    text = error.reason if isinstance(error, Rejected) else error.diagnosis
    return Answer("rejected", reason=Reason(code=error.code, text=text))


def of_failure(failure: Failure) -> Answer:
    """Nothing that can be gone on with: an operator's."""
    return Answer("failed", failure=failure)


def of_doubt(task: Task, code: str) -> Answer:
    """A write of which nobody can say whether it happened."""
    diagnosis = _UNANSWERED if task.reconcilable else _NO_LOOK_UP
    return of_failure(Failure(kind="in_doubt", code=code, diagnosis=diagnosis, owner="agency"))


def of_unusable(task: Task, failure: Failure) -> Answer:
    """A request that can never be sent. One that may have been sent before stays in doubt: it cannot be looked up."""
    if task.phase == "send":
        return of_failure(failure)
    return of_failure(Failure(kind="in_doubt", code=failure.code, diagnosis=_NOT_ASKED, owner="us"))


def of_unpublishable() -> Answer:
    """The agency answered, and no message can carry it."""
    return of_failure(Failure(kind="bad_data", code="NOT_PUBLISHABLE", diagnosis=_NOT_PUBLISHABLE, owner="us"))


def failure_of(error: AgencyError) -> Failure:
    """An error as messages and tables carry it."""
    kind = "bad_data" if error.kind == "rejected" else error.kind
    return Failure(kind=kind, code=error.code, diagnosis=error.diagnosis, owner=error.owner)


def publications(task: Task, answer: Answer, *, source: str, now: datetime) -> Sequence[Publication]:
    """The messages that tell of an answer; the record by itself only once it is accepted.

    Args:
        source: Of the envelopes: which process of which installation.
        now: The moment of publishing.
    """
    payload = None if answer.sealed is None else base64.b64encode(answer.sealed).decode()
    data = task.data
    outcome = OutcomeData(
        request_id=task.request_id,
        operation=data.operation,
        step=data.step,
        revision=data.revision,
        ask=data.ask,
        reference=data.reference,
        outcome=answer.outcome,
        record_schema=answer.record_schema,
        payload=payload,
        reason=answer.reason,
        failure=answer.failure,
        tries=task.tries,
        received_at=task.received_at,
        sent_at=task.sent_at,
        answered_at=task.answered_at,
        published_at=now,
    )
    subject = task.envelope.subject
    traceparent = child(task.envelope.traceparent)
    told = Publication(
        OUTCOMES,
        subject,
        Envelope(
            id=outcome_id(task.request_id),
            source=source,
            type=OUTCOME,
            subject=subject,
            time=now,
            dataschema=OutcomeData.schema_urn(),
            traceparent=traceparent,
            datakey=task.envelope.datakey,
            data=outcome.model_dump(mode="json", exclude_none=True),
        ),
    )
    if answer.outcome != "done" or answer.record_schema is None:
        return (told,)
    name, version = answer.record_schema.split("/")
    brought = Publication(
        records_topic(answer.record_schema),
        subject,
        Envelope(
            id=record_id(task.request_id),
            source=source,
            type=record_type(answer.record_schema),
            subject=subject,
            time=now,
            dataschema=f"urn:simpul:schema:{name}:{version}",
            traceparent=traceparent,
            datakey=task.envelope.datakey,
            data={"request_id": task.request_id, "record_schema": answer.record_schema, "payload": payload},
        ),
    )
    return (told, brought)
