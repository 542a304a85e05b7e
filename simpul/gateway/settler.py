"""What a turn came to is made durable, many at once: published and flushed, then stored, then acknowledged.

One thread does this, so that one flush and one transaction serve all that has ended meanwhile.
"""

import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from simpul.bus.dead_letters import DeadLetter, bury
from simpul.bus.errors import NotPublishedError
from simpul.bus.message import Coordinates, Message
from simpul.bus.producer import Producer
from simpul.clock import Clock
from simpul.gateway.answers import Answer, Publication, of_unpublishable, publications
from simpul.gateway.holding import Holding, Postponed, patiently
from simpul.gateway.metrics import Metrics
from simpul.gateway.task import Task

log = structlog.get_logger(__name__)

_MOST_AT_ONCE = 500
# Long enough for a group to form, short beside everything else an application waits for.
_LINGER_SECONDS = 0.02
_LOOK_AGAIN = 0.2
# Of a topic that does not take records although Kafka takes outcomes.
_SHUN_SECONDS = 60.0
_TOO_LARGE = frozenset({"MessageSizeTooLargeError", "RecordListTooLargeError"})
# Partition and offset of what was never written.
_NOWHERE = (-1, -1)


@dataclass(frozen=True, slots=True)
class Answered:
    """A task with its answer."""

    task: Task
    answer: Answer


@dataclass(frozen=True, slots=True)
class Lost:
    """A task that is somebody else's by now."""

    task: Task


End = Answered | Postponed | Lost


class Settler:
    """Makes ends durable.

    Args:
        acknowledge: Says to the bus that messages are done with.
        release: Forgets tasks that are no longer in hand.
        source: Of the envelopes.
    """

    def __init__(
        self,
        producer: Producer,
        holding: Holding,
        clock: Clock,
        metrics: Metrics,
        *,
        acknowledge: Callable[[list[Message]], None],
        release: Callable[[Iterable[Task]], None],
        source: str,
    ) -> None:
        self._producer = producer
        self._holding = holding
        self._clock = clock
        self._metrics = metrics
        self._acknowledge = acknowledge
        self._release = release
        self._source = source
        self._ends: queue.SimpleQueue[End] = queue.SimpleQueue()
        self._shunned: dict[str, float] = {}
        self._finish = threading.Event()
        self._abandon = threading.Event()

    def put(self, end: End) -> None:
        """Hand over how a task ended; any thread."""
        self._ends.put(end)

    def run(self) -> None:
        """Settle groups until told to finish and nothing is left."""
        while True:
            group = self._group()
            if not group and self._finish.is_set():
                return
            try:
                if group:
                    self._settle(group)
            except Exception:
                # A mistake of ours. This thread must live on; the leases bring the tasks back.
                log.exception("a group was not settled", size=len(group))
                self._release(end.task for end in group)
                self._acknowledge([end.task.message for end in group if end.task.message is not None])

    def finish(self) -> None:
        """Let `run` return once nothing is left."""
        self._finish.set()

    def abandon(self) -> None:
        """Give up what the bus or the ledger do not take; leases bring it back."""
        self._finish.set()
        self._abandon.set()

    def _group(self) -> list[End]:
        try:
            group = [self._ends.get(timeout=_LOOK_AGAIN)]
        except queue.Empty:
            return []
        if self._ends.qsize() < _MOST_AT_ONCE and not self._finish.is_set():
            self._finish.wait(_LINGER_SECONDS)
        while len(group) < _MOST_AT_ONCE:
            try:
                group.append(self._ends.get_nowait())
            except queue.Empty:
                break
        return group

    def _settle(self, group: Sequence[End]) -> None:
        now = self._clock.now()
        untold = [end for end in group if isinstance(end, Answered) and may_tell(end, now)]
        tellable = {id(end) for end in untold}
        rest = [end for end in group if id(end) not in tellable]
        while untold or rest:
            told = self._publish(untold)
            if not self._let_go([*told, *rest], {id(end.task) for end in told}):
                return
            rest = []
            done = {id(end.task) for end in told}
            untold = [end for end in untold if id(end.task) not in done]
            if untold and self._abandon.wait(0.5):
                return

    # Publishing.

    def _publish(self, answered: Sequence[Answered]) -> list[Answered]:
        """Publish until it is durable. The ids are the requests', so that a repeat is dropped by who has seen it.

        Returns:
            What is published, as it is published: an answer that no message can carry is a failure. All of it, unless
            Kafka is away.
        """
        if not answered:
            return []
        try:
            self._send(each for end in answered for each in self._publications(end))
        except Exception as error:  # noqa: BLE001  # one of them may be at fault: each shows by itself
            log.warning("answers are not published, now one by one", count=len(answered), error=_what(error))
        else:
            return list(answered)
        with suppress(NotPublishedError):
            # What was under way with the others says nothing about the next.
            self._producer.flush()
        told = []
        for end in answered:
            if (published := self._publish_alone(end)) is None:
                break
            told.append(published)
        return told

    def _publish_alone(self, end: Answered) -> Answered | None:
        """Publish one answer; None when Kafka is away, and no message is to blame."""
        try:
            outcome, *records = self._publications(end)
            self._send([outcome])
        except NotPublishedError as error:
            if error.cause not in _TOO_LARGE:
                log.warning("answers are not published, will try again", error=error.cause)
                return None
            return self._publish_instead(end, error)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with it, the others must go on
            return self._publish_instead(end, error)
        return end if all(self._publish_record(record) for record in records) else None

    def _publish_instead(self, end: Answered, error: Exception) -> Answered | None:
        log.error("an answer cannot be published, it fails", request_id=end.task.request_id, error=_what(error))
        instead = Answered(end.task, of_unpublishable())
        try:
            self._send(self._publications(instead))
        except NotPublishedError:
            return None
        return instead

    def _publish_record(self, record: Publication) -> bool:
        """Publish a record by itself, just after its outcome: where that went well and this does not, it is the topic.

        The outcome carries the record too, so the application goes on; for others it waits as a dead letter.
        """
        if time.monotonic() >= self._shunned.get(record.topic, 0.0):
            try:
                self._send([record])
            except NotPublishedError as error:
                log.warning("records are laid aside as dead letters", topic=record.topic, error=error.cause)
                self._shunned[record.topic] = time.monotonic() + _SHUN_SECONDS
            else:
                return True
        letter = DeadLetter(
            origin=Coordinates(record.topic, *_NOWHERE),
            key=record.key.encode(),
            value=record.envelope.to_bytes(),
            reason="the topic does not take the record",
            group="",
            written_at=record.envelope.time,
        )
        try:
            bury(self._producer, [letter])
        except NotPublishedError:
            return False
        return True

    def _publications(self, end: Answered) -> Sequence[Publication]:
        return publications(end.task, end.answer, source=self._source, now=self._clock.now())

    def _send(self, messages: Iterable[Publication]) -> None:
        for each in messages:
            if self._shunned and time.monotonic() < self._shunned.get(each.topic, 0.0):
                self._publish_or_raise(each)
            else:
                self._producer.send(each.topic, each.key, each.envelope)
        self._producer.flush()

    def _publish_or_raise(self, record: Publication) -> None:
        if not self._publish_record(record):
            raise NotPublishedError(1, "dead letter")

    # Storing.

    def _let_go(self, group: Sequence[End], told: Collection[int]) -> bool:
        """Store how tasks ended, forget them and acknowledge their messages.

        Args:
            group: Of these, answers that are not told count no more.
            told: Ids of the tasks whose answers are published.

        Returns:
            False when the ledger does not take it and waiting for it was given up.
        """
        if not group:
            return True
        answered = [end for end in group if isinstance(end, Answered) and id(end.task) in told]
        postponed = [end for end in group if isinstance(end, Postponed)]

        def store() -> None:
            self._holding.settle(answered=[end.task for end in answered], postponed=postponed, now=self._clock.now())

        try:
            if not patiently(store, give_up=self._abandon.is_set, pause=self._abandon.wait):
                return False
        except Exception:
            if len(group) > 1:
                log.exception("a group is not stored, now one by one", size=len(group))
                return all(self._let_go([end], told) for end in group)
            # A mistake of ours. Its lease brings it back; its message would block the consumer.
            log.exception("an end is not stored", request_id=group[0].task.request_id)
        kept = () if self._holding.durable else {id(end.task) for end in postponed}
        messages = [end.task.message for end in group if id(end.task) not in kept and end.task.message is not None]
        self._release(end.task for end in group)
        if messages:
            self._acknowledge(messages)
        for end in answered:
            self._metrics.answered(end.task, end.answer.outcome)
        return True


def may_tell(end: Answered, now: datetime) -> bool:
    """Whether an answer still counts. After the lease somebody else may be at work, and only a record is sure then."""
    lease_until = end.task.lease_until
    return end.answer.outcome == "done" or lease_until is None or now < lease_until


def _what(error: Exception) -> str:
    """An error for the log; what others than the bus raise may quote an answer."""
    return error.cause if isinstance(error, NotPublishedError) else type(error).__name__
