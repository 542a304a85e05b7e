"""What has to be done from time to time, in a thread of its own: take up what is due, prolong leases, mind the switch."""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from schemas.messages import Failure
from simpul.clock import Clock
from simpul.gateway.decisions import Move
from simpul.gateway.holding import Holding, Postponed
from simpul.gateway.metrics import Metrics
from simpul.gateway.queue import WorkQueue, share
from simpul.gateway.settler import End, Lost
from simpul.gateway.task import Task
from simpul.ledger.attempts import AgencyState, UnavailableError

log = structlog.get_logger(__name__)

_TICK_SECONDS = 0.25
# Many gateways may share a process, and most have nothing in hand for most of the time.
_IDLE_TICK_SECONDS = 1.0
_LOOK_AT_SWITCH_SECONDS = 1.0
_COUNT_SECONDS = 15.0
_MOST_TAKEN_UP = 500


class Switch(Protocol):
    """Where an agency is turned off and on; `simpul.ledger.attempts.Attempts`."""

    def agency(self, *, now: datetime) -> AgencyState:
        """As the ledger has it."""
        ...

    def show_circuit(self, circuit: str, *, now: datetime) -> None:
        """Let operators see the circuit breaker."""
        ...

    def stop(self, failure: Failure, *, now: datetime) -> bool:
        """Turn it off."""
        ...

    def backlog(self) -> dict[str, int]:
        """Attempts without an answer, by state."""
        ...


class InHand:
    """The tasks this process is responsible for, from taking them in to their end. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tasks: set[Task] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, *tasks: Task) -> None:
        """Take tasks on."""
        with self._lock:
            self._tasks.update(tasks)

    def remove(self, *tasks: Task) -> None:
        """Let go of tasks."""
        with self._lock:
            self._tasks.difference_update(tasks)

    def ids(self) -> set[str]:
        """Their request ids."""
        with self._lock:
            return {task.request_id for task in self._tasks}

    def running_out(self, now: datetime, within: timedelta) -> list[Task]:
        """Those that wait, and whose lease is over soon. One that is being called needs no more than it has."""
        with self._lock:
            return [
                task
                for task in self._tasks
                if task.lease_until and not task.calling and task.lease_until - now < within
            ]


class Keeper:
    """Looks after one agency's attempts.

    Args:
        rate: Calls per second, where limited: more is not taken up than can be sent soon.
        lease: How long a lease lasts.
        usable: How much of it passes before it is too late to send.
        call_deadline: Seconds after which no call that somebody made is under way any more. Leases go by the injected
            clock, which may be turned or run ahead; this is waited out by the monotonic one.
        give_up: Makes the end of a task that nobody can be asked about.
    """

    def __init__(
        self,
        holding: Holding,
        switch: Switch,
        queue: WorkQueue,
        in_hand: InHand,
        *,
        clock: Clock,
        metrics: Metrics,
        rate: float | None,
        lease: timedelta,
        usable: timedelta,
        call_deadline: float,
        end: Callable[[End], None],
        give_up: Callable[[Task], End],
    ) -> None:
        self._holding = holding
        self._switch = switch
        self._queue = queue
        self._in_hand = in_hand
        self._clock = clock
        self._metrics = metrics
        self._room = share(rate, usable / 2, most=_MOST_TAKEN_UP)
        self._renew_within = lease - usable / 2
        self._end = end
        self._give_up = give_up
        self._call_deadline = call_deadline
        self._perhaps_under_way: list[tuple[float, Task, Move]] = []
        self._closing = threading.Event()
        self._failure: Failure | None = None
        self._switching = threading.Lock()
        self._shown = ""
        self._look_at = self._count_at = 0.0

    def stop_agency(self, failure: Failure) -> None:
        """Nothing more is sent from here on; the ledger is told with the next tick."""
        with self._switching:
            self._queue.pause()
            self._failure = self._failure or failure
        log.error("the agency refuses our set-up, stopped", code=failure.code, diagnosis=failure.diagnosis.en)

    def run(self) -> None:
        """Tick until closed."""
        while not self._closing.wait(_TICK_SECONDS if len(self._in_hand) or self._failure else _IDLE_TICK_SECONDS):
            try:
                self.tick()
            except UnavailableError as error:
                log.warning("the ledger does not answer", error=str(error))
            except Exception:
                log.exception("a tick went wrong")

    def close(self) -> None:
        """Make `run` return."""
        self._closing.set()

    def look_at_switch(self) -> None:
        """Go by the agency's switch as the ledger has it.

        Raises:
            UnavailableError: The ledger does not answer.
        """
        self._mind_switch(self._clock.now())

    def tick(self) -> None:
        """One round."""
        now = self._clock.now()
        self._give_back(now)
        self._renew(now)
        self._mind_switch(now)
        self._go_on_with_taken_over(now)
        self._take_up(now)
        self._count()

    def release(self, tasks: list[Task], due: datetime) -> None:
        """Give back what was not sent; the order of arrival stays, because what is due together goes by arrival."""
        for task in tasks:
            self._end(Postponed(task, due, doubtful=task.phase == "look_up"))

    def _give_back(self, now: datetime) -> None:
        probe = self._queue.blocked_until()
        if self._queue.paused or probe is not None:
            self.release(self._queue.drain(), probe or now)

    def _renew(self, now: datetime) -> None:
        if tasks := self._in_hand.running_out(now, self._renew_within):
            self._holding.renew(tasks, now=now)

    def _mind_switch(self, now: datetime) -> None:
        with self._switching:
            if self._failure is not None:
                self._switch.stop(self._failure, now=now)
                self._failure = None
            elif time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + _LOOK_AT_SWITCH_SECONDS
                self._obey(self._switch.agency(now=now))
        circuit = self._queue.circuit
        if circuit != self._shown:
            self._switch.show_circuit(circuit, now=now)
            log.info("circuit", state=circuit)
            self._shown = circuit
        self._metrics.state(circuit, stopped=self._queue.paused)

    def _obey(self, agency: AgencyState) -> None:
        if agency.stopped and not self._queue.paused:
            log.warning("stopped by the ledger; `simpul gateway AGENCY --resume` starts it again")
            self._queue.pause()
        elif not agency.stopped and self._queue.paused:
            log.info("resumed")
            self._queue.resume()

    def _take_up(self, now: datetime) -> None:
        if self._queue.paused or self._queue.blocked_until() is not None:
            return
        # While it is not known whether the agency is back, one is enough: the probe.
        room = (self._room if self._queue.circuit == "closed" else 1) - len(self._queue) - len(self._perhaps_under_way)
        if room <= 0:
            return
        found = self._holding.due(now=now, limit=room, in_hand=self._in_hand.ids())
        over = time.monotonic() + self._call_deadline
        at_once = []
        for task, move in found:
            task.calling = False
            self._in_hand.add(task)
            if task.taken_over and move is not Move.SEND:
                self._perhaps_under_way.append((over, task, move))
            else:
                at_once.append((task, move))
        self._go_on(at_once)

    def _go_on(self, found: Iterable[tuple[Task, Move]]) -> None:
        for task, move in found:
            if move is Move.GIVE_UP:
                self._end(self._give_up(task))
            else:
                self._queue.put([task])

    def _go_on_with_taken_over(self, now: datetime) -> None:
        """A write is asked about once its call, whoever made it, must be over: "unknown" would mean "not yet" before."""
        present = time.monotonic()
        over = [(task, move) for until, task, move in self._perhaps_under_way if until <= present]
        if not over:
            return
        # Whoever had it may have answered meanwhile.
        self._holding.renew([task for task, _ in over], now=now)
        self._perhaps_under_way = [each for each in self._perhaps_under_way if each[0] > present]
        ours = [(task, move) for task, move in over if task.lease_until is None or task.lease_until > now]
        for task, _ in over:
            if task.lease_until is not None and task.lease_until <= now:
                self._end(Lost(task))
        self._go_on(ours)

    def _count(self) -> None:
        if time.monotonic() >= self._count_at:
            self._count_at = time.monotonic() + _COUNT_SECONDS
            self._metrics.backlog(self._switch.backlog())
