"""Interactive reads: taken from the bus beside the requests of steps, answered on the bus to the console that waits.

They have no attempt and leave no outcome: a read does no harm when it is made twice, and nobody wants an answer that comes too
late. What is sent to the agency goes by the same governor as everything else.
"""

import base64
import queue
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog
from pydantic import ValidationError

from connectors.toolkit.operation import Operation
from schemas.envelope import Envelope
from schemas.messages import REPLY, ExchangeData, Failure, ReplyData, RequestData, reply_id
from schemas.text import Text
from simpul.bus.errors import BusError, NotPublishedError
from simpul.bus.producer import Producer
from simpul.bus.topics import REPLIES
from simpul.clock import Clock
from simpul.gateway.answers import Answer, failure_of, of_failure
from simpul.gateway.caller import Turn
from simpul.gateway.metrics import Metrics
from simpul.gateway.queue import WorkQueue
from simpul.gateway.task import Task
from simpul.tracing import child

log = structlog.get_logger(__name__)

_LOOK_AGAIN = 0.1
_MOST_AT_ONCE = 200
_PAUSE = 0.2

_CIRCUIT = Failure(
    kind="retriable",
    code="CIRCUIT_OPEN",
    diagnosis=Text(
        id="Instansi sedang tidak menjawab; panggilan dihentikan sementara. Coba lagi sebentar lagi.",
        en="The agency does not answer at this time; calls are paused. Ask again shortly.",
    ),
    owner="agency",
)
_STOPPED = Failure(
    kind="misconfigured",
    code="STOPPED",
    diagnosis=Text(
        id="Konektor instansi ini dihentikan. Operator harus memperbaiki pengaturannya lalu mengaktifkannya kembali.",
        en="This agency's connector is stopped. An operator has to correct its set-up and resume it.",
    ),
    owner="us",
)
_LEAVING = Failure(
    kind="retriable",
    code="GATEWAY_STOPS",
    diagnosis=Text(
        id="Gateway instansi ini sedang dimatikan. Coba lagi sebentar lagi.",
        en="The gateway of this agency is being shut down. Ask again shortly.",
    ),
    owner="us",
)
_NOT_A_READ = Failure(
    kind="bad_data",
    code="NOT_A_READ",
    diagnosis=Text(
        id="Hanya operasi baca yang dapat ditanyakan langsung. Ajukan permohonan untuk yang lain.",
        en="Only reads can be asked for directly. File an application for anything else.",
    ),
    owner="us",
)


@dataclass(frozen=True, slots=True)
class _Reply:
    partition: int
    until: datetime
    envelope: Envelope


class Exchanges:
    """One agency's exchanges.

    Args:
        producer: Used by nobody else: its flush must speak of replies only.
        operations: Of the connector, by qualified name.
        source: Of the envelopes.
    """

    def __init__(
        self,
        producer: Producer,
        work: WorkQueue,
        clock: Clock,
        metrics: Metrics,
        operations: Mapping[str, Operation],
        *,
        source: str,
    ) -> None:
        self._producer = producer
        self._work = work
        self._clock = clock
        self._metrics = metrics
        self._operations = operations
        self._source = source
        self._replies: queue.SimpleQueue[_Reply] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._finish = threading.Event()

    def take_in(self, envelope: Envelope) -> None:
        """Take an exchange from the bus; one that cannot be sent now is answered now.

        Raises:
            ValueError: It is none; the text names the fields.
        """
        data = _read(envelope)
        now = self._clock.now()
        task = Task(envelope, _as_request(envelope, data), self._operations.get(data.operation), now, exchange=data)
        if task.too_late(now):
            log.info("an exchange came too late", operation=data.operation, request_id=task.request_id)
        elif task.operation is not None and task.operation.effect != "read":
            self._answer(task, of_failure(_NOT_A_READ))
        else:
            self._work.put_urgent(task)
            self._turn_away()

    def ended(self, task: Task, turn: Turn) -> None:
        """A worker has made the call, or has found that it is too late for it."""
        if turn.answer is not None:
            self._answer(task, turn.answer)
        elif turn.error is not None:
            retry_after = getattr(turn.error, "retry_after", None)
            self._answer(task, of_failure(failure_of(turn.error)), retry_after=retry_after)

    def run(self) -> None:
        """Publish replies, and turn away who should not wait, until told to finish and nothing is left."""
        while True:
            replies = self._waiting()
            self._turn_away()
            if replies:
                self._publish(replies)
            elif self._finish.is_set():
                with suppress(BusError):
                    self._producer.close()
                return

    def close(self) -> None:
        """Nothing more is sent to the agency: who still waits is told so."""
        self._closing.set()
        self._turn_away()

    def finish(self) -> None:
        """Let `run` return once nothing is left, or nothing can be published."""
        self._finish.set()

    def _turn_away(self) -> None:
        for task in self._work.turn_away(all_of_them=self._closing.is_set()):
            if not task.too_late(self._clock.now()):
                self._refuse(task)

    def _refuse(self, task: Task) -> None:
        probe = self._work.blocked_until()
        if self._closing.is_set():
            self._answer(task, of_failure(_LEAVING))
        elif self._work.paused:
            self._answer(task, of_failure(_STOPPED))
        else:
            wait = (probe - self._clock.now()).total_seconds() if probe is not None else 0.0
            self._answer(task, of_failure(_CIRCUIT), retry_after=max(0.0, wait))

    def _answer(self, task: Task, answer: Answer, *, retry_after: float | None = None) -> None:
        exchange = task.exchange
        if exchange is None:
            raise RuntimeError("a step's request was taken for an exchange")
        outcome = "rejected" if answer.outcome == "rejected" else "done" if answer.outcome == "done" else "failed"
        now = self._clock.now()
        data = ReplyData(
            request_id=task.request_id,
            instance=exchange.instance,
            operation=exchange.operation,
            outcome=outcome,
            record_schema=answer.record_schema,
            payload=None if answer.sealed is None else base64.b64encode(answer.sealed).decode(),
            reason=answer.reason,
            failure=answer.failure,
            retry_after=retry_after,
            received_at=task.received_at,
            sent_at=task.sent_at,
            answered_at=task.answered_at,
            published_at=now,
        )
        envelope = Envelope(
            id=reply_id(task.request_id),
            source=self._source,
            type=REPLY,
            subject=task.envelope.subject,
            time=now,
            dataschema=ReplyData.schema_urn(),
            traceparent=child(task.envelope.traceparent),
            data=data.model_dump(mode="json", exclude_none=True),
        )
        self._metrics.exchanged(task, outcome)
        self._replies.put(_Reply(exchange.reply_to, exchange.until, envelope))

    def _waiting(self) -> list[_Reply]:
        found = []
        try:
            found.append(self._replies.get(timeout=_LOOK_AGAIN))
            while len(found) < _MOST_AT_ONCE:
                found.append(self._replies.get_nowait())
        except queue.Empty:
            pass
        return found

    def _publish(self, replies: Sequence[_Reply]) -> None:
        """Publish, again and again while Kafka is away and anybody waits. What arrives twice is dropped there."""
        while replies:
            try:
                for reply in replies:
                    subject = reply.envelope.subject
                    self._producer.send(REPLIES, subject, reply.envelope, partition=reply.partition)
                self._producer.flush()
            except NotPublishedError as error:
                log.warning("replies are not published", count=len(replies), error=error.cause)
                if self._finish.wait(_PAUSE):
                    return
                now = self._clock.now()
                replies = [reply for reply in replies if reply.until > now]
            except Exception:
                # A mistake of ours. Who waits will hear nothing and ask again; this thread must live on.
                log.exception("replies are lost", count=len(replies))
                return
            else:
                return


def _read(envelope: Envelope) -> ExchangeData:
    try:
        return ExchangeData.model_validate(envelope.data)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        fields = ", ".join(".".join(map(str, problem["loc"])) for problem in problems[:5])
        raise ValueError(f"the data are no exchange: {fields}") from None


def _as_request(envelope: Envelope, data: ExchangeData) -> RequestData:
    """What a caller goes by. It has no step; the names say so in logs."""
    return RequestData(
        operation=data.operation,
        service="exchange",
        version=1,
        step="exchange",
        revision=1,
        reference=envelope.id,
        purpose=data.purpose,
        legal_basis=data.legal_basis,
        payload=data.payload,
    )
