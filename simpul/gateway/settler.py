"""What a turn came to is made durable, many at once: published and flushed, then stored, then acknowledged.

One thread does this, so that one flush and one transaction serve all that has ended meanwhile.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from simpul.bus.errors import NotPublishedError
from simpul.bus.message import Message
from simpul.bus.producer import Producer
from simpul.clock import Clock
from simpul.gateway.answers import Answer, publications
from simpul.gateway.holding import Holding, Postponed, patiently
from simpul.gateway.metrics import Metrics
from simpul.gateway.task import Task

log = structlog.get_logger(__name__)

_MOST_AT_ONCE = 500
# Long enough for a group to form, short beside everything else an application waits for.
_LINGER_SECONDS = 0.02
_LOOK_AGAIN = 0.2


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
        answered = [end for end in group if isinstance(end, Answered) and may_tell(end, now)]
        postponed = [end for end in group if isinstance(end, Postponed)]
        if answered and not self._publish(answered):
            return

        def store() -> None:
            self._holding.settle(answered=[end.task for end in answered], postponed=postponed, now=self._clock.now())

        if not patiently(store, give_up=self._abandon.is_set, pause=self._abandon.wait):
            return
        kept = () if self._holding.durable else {id(end.task) for end in postponed}
        done = [end.task for end in group if id(end.task) not in kept]
        self._release(end.task for end in group)
        messages = [task.message for task in done if task.message is not None]
        if messages:
            self._acknowledge(messages)
        for end in answered:
            self._metrics.answered(end.task, end.answer.outcome)

    def _publish(self, answered: Sequence[Answered]) -> bool:
        """Publish until it is durable. The ids are the requests', so that a repeat is dropped by who has seen it."""
        while True:
            now = self._clock.now()
            try:
                for end in answered:
                    for each in publications(end.task, end.answer, source=self._source, now=now):
                        self._producer.send(each.topic, each.key, each.envelope)
                self._producer.flush()
            except NotPublishedError as error:
                log.warning("answers are not published, will try again", count=len(answered), error=str(error))
                if self._abandon.wait(0.5):
                    return False
            else:
                return True


def may_tell(end: Answered, now: datetime) -> bool:
    """Whether an answer still counts. After the lease somebody else may be at work, and only a record is sure then."""
    lease_until = end.task.lease_until
    return end.answer.outcome == "done" or lease_until is None or now < lease_until
