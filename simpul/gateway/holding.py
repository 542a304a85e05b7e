"""How requests are held while they are worked on: durably, as attempts in the ledger, or naively, in memory alone.

The naive way is the negative control of the fault tests: it shows what the attempts are for.
"""

import heapq
import itertools
import threading
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

import structlog

from connectors.toolkit.operation import Operation
from schemas.envelope import Envelope
from simpul.gateway.decisions import Effect, Move, take_up
from simpul.gateway.task import Task, read_data
from simpul.ledger.attempts import Attempts, Deferred, LeasedAttempt, NewAttempt, UnavailableError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Postponed:
    """A task that is given back until it is due.

    Attributes:
        doubtful: It must be looked up before it may be sent again.
        error: Kind, code and owner of what went wrong, where something did.
    """

    task: Task
    due: datetime
    doubtful: bool
    error: dict[str, Any] | None = None


class Holding(Protocol):
    """Keeps requests from their arrival to their answer."""

    durable: bool
    """Whether a request outlives this process once it was taken in: its message may then be acknowledged."""

    def take_in(self, tasks: Sequence[Task], *, now: datetime, due_at: datetime | None) -> list[Task]:
        """Hold what is new; of the rest somebody takes care already. With `due_at` nothing is ours before then."""
        ...

    def due(self, *, now: datetime, limit: int, in_hand: Collection[str] = ()) -> list[tuple[Task, Move]]:
        """What is to be worked on again, and what to do with it; nothing whose lease we hold ourselves (`in_hand`)."""
        ...

    def renew(self, tasks: Sequence[Task], *, now: datetime) -> None:
        """Prolong what is held; `lease_until` of those that are no longer ours is set to the past."""
        ...

    def settle(self, *, answered: Sequence[Task], postponed: Sequence[Postponed], now: datetime) -> None:
        """Let go of what is answered, and give back what has to wait."""
        ...


class Leases:
    """Attempts in the ledger.

    Args:
        attempts: Of this agency and process.
        operations: Of the connector, by qualified name.
    """

    durable = True

    def __init__(self, attempts: Attempts, operations: Mapping[str, Operation], lease: timedelta) -> None:
        self._attempts = attempts
        self._operations = operations
        self._lease = lease
        self._batch: str | None = None

    def take_in(self, tasks: Sequence[Task], *, now: datetime, due_at: datetime | None) -> list[Task]:
        """One transaction for the whole batch.

        Raises:
            UnavailableError: Not known to be stored; to be called again with what of the batch is still to be done.
        """
        again = self._batch is not None
        # Rows under this name that we did not see stored come from the failed call, and from nothing else.
        self._batch = self._batch or uuid.uuid4().hex
        rows = [
            NewAttempt(
                request_id=task.request_id,
                operation=task.data.operation,
                # What the connector does not know will fail before anything is sent.
                effect=task.operation.effect if task.operation else "read",
                request=task.message.raw if task.message else task.envelope.to_bytes(),
                received_at=task.received_at,
            )
            for task in tasks
        ]
        ours = self._attempts.open(rows, now=now, due_at=due_at, batch=self._batch, again=again)
        self._batch = None
        taken = []
        for task in tasks:
            if task.request_id in ours:
                ours.discard(task.request_id)
                task.lease, task.lease_until = 1, now + self._lease
                taken.append(task)
        return taken

    def due(self, *, now: datetime, limit: int, in_hand: Collection[str] = ()) -> list[tuple[Task, Move]]:
        """Leased anew, each under a new number."""
        found = []
        for row in self._attempts.due(now=now, limit=limit, but=in_hand):
            try:
                found.append(self._taken_up(row))
            except ValueError:
                # Stored by another version of Simpul; it comes up again after every lease, until that version runs.
                log.exception("a stored request cannot be read", request_id=row.request_id)
        return found

    def renew(self, tasks: Sequence[Task], *, now: datetime) -> None:
        """One statement for all."""
        kept = self._attempts.renew([(task.request_id, task.lease) for task in tasks], now=now)
        for task in tasks:
            task.lease_until = now + self._lease if task.request_id in kept else now - self._lease

    def settle(self, *, answered: Sequence[Task], postponed: Sequence[Postponed], now: datetime) -> None:
        """One transaction for all."""
        self._attempts.settle(
            answered=[(task.request_id, task.tries) for task in answered],
            deferred=[_deferred(each) for each in postponed],
            now=now,
        )

    def _taken_up(self, row: LeasedAttempt) -> tuple[Task, Move]:
        envelope = Envelope.from_bytes(row.request)
        data = read_data(envelope)
        operation = self._operations.get(data.operation)
        task = Task(
            envelope=envelope,
            data=data,
            operation=operation,
            received_at=row.received_at,
            lease=row.lease,
            lease_until=row.lease_until,
            tries=row.tries,
            look_ups=row.look_ups,
            sent=row.found == "leased",
            taken_over=row.expired,
        )
        # A connector that does not know the operation any more knows no better what became of its last call.
        effect = operation.effect if operation else cast("Effect", row.effect)
        move = take_up(row.found, effect, expired=True, reconcilable=task.reconcilable)
        task.phase = "look_up" if data.look_up or move is Move.LOOK_UP else "send"
        if row.expired:
            log.warning("took over an expired lease", request_id=row.request_id, move=move.name)
        return task, move


def _deferred(each: Postponed) -> Deferred:
    task = each.task
    return Deferred(
        request_id=task.request_id,
        lease=task.lease,
        state="in_doubt" if each.doubtful else "backing_off",
        next_at=each.due,
        tries=task.tries,
        sent=task.sent,
        look_ups=task.look_ups,
        error=each.error,
    )


class Naive:
    """No attempts, no leases, no doubt: what most integrations do."""

    durable = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[tuple[datetime, int, Task]] = []
        self._order = itertools.count()

    def take_in(self, tasks: Sequence[Task], *, now: datetime, due_at: datetime | None) -> list[Task]:
        """Everything that comes is new."""
        if due_at is None:
            return list(tasks)
        self.settle(answered=(), postponed=[Postponed(task, due_at, doubtful=False) for task in tasks], now=now)
        return []

    def due(self, *, now: datetime, limit: int, in_hand: Collection[str] = ()) -> list[tuple[Task, Move]]:  # noqa: ARG002
        """What waited long enough."""
        found: list[tuple[Task, Move]] = []
        with self._lock:
            while self._waiting and len(found) < limit and self._waiting[0][0] <= now:
                found.append((heapq.heappop(self._waiting)[2], Move.SEND))
        return found

    def renew(self, tasks: Sequence[Task], *, now: datetime) -> None:
        """There is nothing to prolong."""

    def settle(self, *, answered: Sequence[Task], postponed: Sequence[Postponed], now: datetime) -> None:  # noqa: ARG002
        """Keep what has to wait."""
        with self._lock:
            for each in postponed:
                heapq.heappush(self._waiting, (each.due, next(self._order), each.task))


def patiently(act: Callable[[], None], *, give_up: Callable[[], bool], pause: Callable[[float], object]) -> bool:
    """Do something to the ledger, again and again while it does not answer.

    Returns:
        False when it was given up.
    """
    for seconds in itertools.chain((0.1, 0.3), itertools.repeat(1.0)):
        try:
            act()
        except UnavailableError as error:
            log.warning("the ledger does not answer", error=str(error))
            if give_up():
                return False
            pause(seconds)
        else:
            return True
    raise AssertionError("unreachable")
