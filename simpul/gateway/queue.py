"""Tasks that wait for a worker, in order of arrival; the governor says when the next may go.

Exchanges, for which somebody stands at a counter, go before; but not so often that the others stand still.
"""

import threading
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from simpul.clock import Clock
from simpul.gateway.governor import Governor, Ticket
from simpul.gateway.task import Task

# The injected clock may be turned at any moment, so nobody sleeps for long on its account.
_LOOK_AGAIN = 0.05
_URGENT_IN_A_ROW = 4


class WorkQueue:
    """A queue whose `take` also waits for the governor's leave. Safe to use from several threads."""

    def __init__(self, governor: Governor, clock: Clock) -> None:
        self._governor = governor
        self._clock = clock
        self._tasks: deque[Task] = deque()
        self._urgent: deque[Task] = deque()
        self._urgent_in_a_row = 0
        self._changed = threading.Condition()
        self._paused = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def put(self, tasks: Iterable[Task]) -> None:
        """Add tasks at the end."""
        with self._changed:
            before = len(self._tasks)
            self._tasks.extend(tasks)
            self._changed.notify(len(self._tasks) - before)

    def put_first(self, task: Task) -> None:
        """Put back a task whose next call is due at once."""
        with self._changed:
            self._tasks.appendleft(task)
            self._changed.notify()

    def put_urgent(self, task: Task) -> None:
        """Add an exchange."""
        with self._changed:
            self._urgent.append(task)
            self._changed.notify()

    def turn_away(self, *, all_of_them: bool = False) -> list[Task]:
        """Take out exchanges that must not wait: all of them while nothing is given out, else those too late."""
        with self._changed:
            now = self._clock.now()
            if all_of_them or self._paused or self._closed or self._governor.blocked_until(now) is not None:
                found = list(self._urgent)
            else:
                found = [task for task in self._urgent if task.too_late(now)]
            for task in found:
                self._urgent.remove(task)
            return found

    def take(self) -> tuple[Task, Ticket] | None:
        """The next task, marked as calling, with leave for one call; None once the queue is closed."""
        with self._changed:
            while not self._closed:
                now = self._clock.now()
                while self._urgent and self._urgent[0].too_late(now):
                    self._urgent.popleft()
                if self._paused or not (self._tasks or self._urgent):
                    self._changed.wait()
                    continue
                leave = self._governor.admit(now)
                if isinstance(leave, Ticket):
                    task = self._next()
                    task.calling = True
                    if self._tasks or self._urgent:
                        # Whoever was told of the others may be the one who now calls.
                        self._changed.notify()
                    return task, leave
                self._changed.wait(min(max(leave.total_seconds(), 0.001), _LOOK_AGAIN))
            return None

    def _next(self) -> Task:
        if self._urgent and (not self._tasks or self._urgent_in_a_row < _URGENT_IN_A_ROW):
            self._urgent_in_a_row += 1
            return self._urgent.popleft()
        self._urgent_in_a_row = 0
        return self._tasks.popleft()

    def leave(self) -> Ticket | None:
        """Leave for one call beside the tasks, if it may go out at once; to be reported like any other."""
        with self._changed:
            leave = None if self._paused or self._closed else self._governor.admit(self._clock.now())
            return leave if isinstance(leave, Ticket) else None

    def report(self, ticket: Ticket, *, ok: bool | None) -> None:
        """Tell the governor how a call went."""
        with self._changed:
            before = self._governor.circuit
            self._governor.report(ticket, self._clock.now(), ok=ok)
            if self._governor.circuit != before:
                self._changed.notify_all()

    def drain(self) -> list[Task]:
        """Take everything out that no worker has yet."""
        with self._changed:
            tasks = list(self._tasks)
            self._tasks.clear()
            return tasks

    @property
    def circuit(self) -> str:
        """The governor's circuit."""
        return self._governor.circuit

    def blocked_until(self) -> datetime | None:
        """The moment of the next probe, while nothing may go out before it."""
        with self._changed:
            return self._governor.blocked_until(self._clock.now())

    @property
    def paused(self) -> bool:
        """Whether nothing is given out."""
        return self._paused

    def pause(self) -> None:
        """Give nothing out until `resume`."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        """Give tasks out again, with the circuit closed."""
        with self._changed:
            self._paused = False
            self._governor.close()
            self._changed.notify_all()

    def close(self) -> None:
        """Make every `take` return None; what waits stays for `drain`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def share(rate: float | None, per: timedelta, *, most: int) -> int:
    """How many tasks are worth holding at once: what the rate lets out in a while, at most `most`."""
    return most if rate is None else max(1, min(most, int(rate * per.total_seconds())))
