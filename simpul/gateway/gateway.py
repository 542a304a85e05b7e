"""The gateway process: from requests on the bus, through attempts and calls, to outcomes on the bus.

Puts the parts together and nothing else: `holding` keeps requests, `queue` and `governor` let them go, `caller` calls,
`settler` makes the ends durable, `keeper` looks after what waits, `exchanges` answers who stands at a counter, `feeds`
pulls what changed at the agency.
"""

import os
import socket
import threading
import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog

from connectors.toolkit.errors import AgencyError
from schemas.messages import EXCHANGE
from simpul.bus.consumer import ConsumerLoop, Status
from simpul.bus.errors import BusError
from simpul.bus.message import Message
from simpul.bus.producer import Producer
from simpul.bus.topics import requests_topic
from simpul.clock import Clock
from simpul.config import Settings
from simpul.gateway import answers
from simpul.gateway.caller import Caller, Turn, margin
from simpul.gateway.contract_watch import ContractWatch
from simpul.gateway.decisions import Backoff, Move, Phase, agency_is_done
from simpul.gateway.exchanges import Exchanges
from simpul.gateway.feeds import FeedDuty
from simpul.gateway.governor import Governor, Ticket
from simpul.gateway.holding import Leases, Naive, Postponed, patiently
from simpul.gateway.keeper import InHand, Keeper
from simpul.gateway.metrics import Metrics
from simpul.gateway.queue import WorkQueue
from simpul.gateway.sampling import Sampler, into
from simpul.gateway.settler import Answered, End, Lost, Settler
from simpul.gateway.task import Task, read_data
from simpul.ledger.attempts import Attempts
from simpul.ledger.feeds import Feeds

log = structlog.get_logger(__name__)

_DRAIN_SECONDS = 8.0
_MOST_IN_FLIGHT = 1000
# On top of a lease, for publishing what a feed brought: the producer's own patience, and as much again.
_PUBLISHING_SECONDS = 20.0


class Gateway:
    """Runs one agency's connector on the bus.

    Args:
        connector: The agency's connector.
        clock: By default the one that the settings ask for.
        backoff: How long failures are waited out.
        metrics: By default those of this process.
        session_seconds: How long the group waits for a sign of life of this process.
    """

    def __init__(
        self,
        settings: Settings,
        connector: Any,
        *,
        clock: Clock | None = None,
        backoff: Backoff | None = None,
        metrics: Metrics | None = None,
        session_seconds: float = 10.0,
    ) -> None:
        self._agency: str = connector.agency
        self._connector = connector
        self._clock = clock or settings.clock
        self._backoff = backoff or Backoff()
        self._metrics = metrics or Metrics(self._agency)
        self._operations = {operation.qualified: operation for operation in connector.operations().values()}
        own = connector.settings
        self._call_deadline = timedelta(seconds=own.call_deadline)
        lease = timedelta(seconds=own.lease_seconds)
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._attempts = Attempts(settings.database_url, self._agency, owner, lease)
        self._holding = Leases(self._attempts, self._operations, lease) if settings.attempts else Naive()
        governor = Governor(
            rate=own.rate_per_second, failures=own.circuit_failures, pause=timedelta(seconds=own.circuit_seconds)
        )
        self._queue = WorkQueue(governor, self._clock)
        self._in_hand = InHand()
        self._sampler = Sampler(into(self._attempts, self._clock))
        self._caller = Caller(
            connector,
            settings.keys,
            self._clock,
            lambda task: self._holding.renew([task], now=self._clock.now()),
            backoff=self._backoff,
            sampler=self._sampler,
            naive=not settings.attempts,
        )
        self._producer = Producer(settings)
        self._loop = ConsumerLoop(
            settings,
            f"gateway.{self._agency}",
            [requests_topic(self._agency)],
            self._receive,
            max_in_flight=_MOST_IN_FLIGHT,
            session_seconds=session_seconds,
            drain_seconds=_DRAIN_SECONDS,
        )
        self._settler = Settler(
            self._producer,
            self._holding,
            self._clock,
            self._metrics,
            acknowledge=self._loop.ack,
            release=lambda tasks: self._in_hand.remove(*tasks),
            source=f"/simpul/{settings.installation}/gateway/{self._agency}",
        )
        self._exchanges = Exchanges(
            Producer(settings, delivery_seconds=5.0, linger=0),
            self._queue,
            self._clock,
            self._metrics,
            self._operations,
            source=f"/simpul/{settings.installation}/gateway/{self._agency}",
        )
        self._keeper = Keeper(
            self._holding,
            self._attempts,
            self._queue,
            self._in_hand,
            clock=self._clock,
            metrics=self._metrics,
            rate=own.rate_per_second,
            lease=lease,
            usable=lease - self._call_deadline - timedelta(seconds=margin(own.lease_seconds, own.call_deadline)),
            call_deadline=own.call_deadline,
            end=self._settler.put,
            give_up=lambda task: Answered(task, answers.of_doubt(task, "LEASE_EXPIRED")),
        )
        self._feeds = Feeds(settings.database_url, self._agency, owner, lease + timedelta(seconds=_PUBLISHING_SECONDS))
        self._duty = FeedDuty(
            settings,
            connector,
            connector.feeds(),
            self._feeds,
            self._queue,
            clock=self._clock,
            backoff=self._backoff,
            counts=self._metrics,
            stop_agency=self._keeper.stop_agency,
            source=f"/simpul/{settings.installation}/gateway/{self._agency}",
        )
        self._contracts = ContractWatch(connector, self._attempts, self._clock)
        self._workers = [
            threading.Thread(target=self._work, name=f"{self._agency}-{i}", daemon=True) for i in range(own.concurrency)
        ]
        self._helpers = {
            "settler": threading.Thread(target=self._settler.run, name="settler", daemon=True),
            "exchanges": threading.Thread(target=self._exchanges.run, name="exchanges", daemon=True),
            "keeper": threading.Thread(target=self._keeper.run, name="keeper", daemon=True),
            **(
                {"feeds": threading.Thread(target=self._duty.run, name="feeds", daemon=True)}
                if connector.feeds()
                else {}
            ),
        }
        self._stopping = threading.Event()
        self._ended = threading.Event()

    def stop(self) -> None:
        """Make `run` return within 10 s; may be called in a signal handler."""
        self._loop.stop()
        self._stopping.set()

    def status(self) -> Status:
        """How far the bus is read."""
        return self._loop.status()

    def run(self) -> None:
        """Work until `stop`.

        Calls that are under way then end or meet their deadline, for up to 8 s; what was not sent is given back; what is
        left is taken up by whoever is there after its lease.

        Raises:
            BusError: Kafka refuses us.
        """
        # Nothing is sent before it is known that the agency is not turned off.
        if not patiently(self._keeper.look_at_switch, give_up=self._stopping.is_set, pause=self._stopping.wait):
            return
        for thread in (*self._workers, *self._helpers.values()):
            thread.start()
        log.info("gateway runs", agency=self._agency, workers=len(self._workers), attempts=self._holding.durable)
        closer = threading.Thread(target=self._close_queue, name="closer", daemon=True)
        closer.start()
        try:
            self._loop.run()
        finally:
            self.stop()
            self._ended.set()
            self._end()

    def _close_queue(self) -> None:
        """On stop: nothing more is sent, and what was not sent is given back at once."""
        self._stopping.wait()
        self._keeper.close()
        self._duty.close()
        self._contracts.close()
        self._queue.close()
        while True:
            self._keeper.release(self._queue.drain(), self._clock.now())
            self._exchanges.close()
            # A batch may just be coming in, a look-up may just say that its write can be sent.
            if self._ended.wait(0.1):
                return

    def _end(self) -> None:
        settler = self._helpers["settler"]
        self._settler.finish()
        self._exchanges.finish()
        settler.join(0.5)
        self._helpers["exchanges"].join(0.5)
        self._settler.abandon()
        settler.join(0.5)
        if not settler.is_alive():
            with suppress(BusError):
                self._producer.close()
        self._sampler.flush(at_once=True)
        self._attempts.close()
        self._feeds.close()
        self._connector.close()
        log.info("gateway ended", agency=self._agency, left=len(self._in_hand))

    def _receive(self, messages: list[Message]) -> None:
        """Take in a batch; what is not new is somebody's already, and its attempt outlives the message."""
        now = self._clock.now()
        # First, because somebody waits; acknowledged at once, because nobody will when this process is gone.
        self._take_in_exchanges([message for message in messages if message.envelope.type == EXCHANGE])
        tasks = []
        for place, message in enumerate(messages):
            if message.envelope.type == EXCHANGE:
                continue
            try:
                data = read_data(message.envelope)
            except ValueError as error:
                log.warning("not a request, laid aside", offset=message.offset, partition=message.partition)
                self._loop.dead_letter(message, str(error))
                continue
            operation = self._operations.get(data.operation)
            # A microsecond apart: the order of arrival outlives a back-off.
            received_at = now + timedelta(microseconds=place)
            phase: Phase = "look_up" if data.look_up else "send"
            tasks.append(Task(message.envelope, data, operation, received_at, message=message, phase=phase))
        if not tasks:
            return
        due_at = now if self._queue.paused else self._queue.blocked_until()
        ours = self._holding.take_in(tasks, now=now, due_at=due_at)
        self._in_hand.add(*ours)
        self._queue.put(ours)
        if self._holding.durable:
            mine = {id(task) for task in ours}
            self._loop.ack([task.message for task in tasks if id(task) not in mine and task.message])

    def _take_in_exchanges(self, messages: list[Message]) -> None:
        for message in messages:
            try:
                self._exchanges.take_in(message.envelope)
            except ValueError as error:
                log.warning("not an exchange, laid aside", offset=message.offset, partition=message.partition)
                self._loop.dead_letter(message, str(error))
        if messages:
            self._loop.ack(messages)

    def _work(self) -> None:
        while (taken := self._queue.take()) is not None:
            self._serve(*taken)

    def _serve(self, task: Task, ticket: Ticket) -> None:
        """One turn of a task, and what comes of it."""
        phase = task.phase
        turn = Turn(Move.LEAVE)
        try:
            turn = self._caller.turn(task)
        except Exception:
            # Its lease brings it back; a worker that ends would be missed more.
            log.exception("a turn went wrong", request_id=task.request_id)
        finally:
            self._queue.report(ticket, ok=turn.ok)
        self._sampler.flush()
        if turn.ok is not None:
            self._metrics.called(task, phase, turn.ending)
        if turn.move is Move.STOP and turn.error is not None:
            self._keeper.stop_agency(answers.failure_of(turn.error))
        task.calling = False
        if task.exchange is not None:
            self._exchanges.ended(task, turn)
        elif turn.move is Move.SEND:
            task.phase = "send"
            self._queue.put_first(task)
        else:
            self._settler.put(self._end_of(task, turn))

    def _end_of(self, task: Task, turn: Turn) -> End:
        if turn.answer is not None:
            return Answered(task, turn.answer)
        if turn.move is Move.LEAVE or turn.error is None:
            return Lost(task)
        error = turn.error
        doubtful = turn.move is Move.LOOK_UP_LATER or (turn.move is Move.STOP and task.phase == "look_up")
        due = self._due(task, turn.move, error)
        return Postponed(
            task, due, doubtful=doubtful, error={"kind": error.kind, "code": error.code, "owner": error.owner}
        )

    def _due(self, task: Task, move: Move, error: AgencyError) -> datetime:
        """When a task that did not get through is tried again."""
        now = self._clock.now()
        if move is Move.STOP:
            return now
        probe = self._queue.blocked_until()
        retry_after = getattr(error, "retry_after", None)
        if probe is not None and move is Move.BACK_OFF and retry_after is None:
            # The open circuit is the back-off; due together, they go in the order of arrival.
            return probe
        due = now + self._backoff.delay(task.look_ups or task.tries, retry_after)
        if move is Move.LOOK_UP_LATER and task.sent_at is not None and not agency_is_done(error.code):
            # It may still be at work on what we sent; "unknown" would then mean "not yet".
            due = max(due, task.sent_at + self._call_deadline)
        return max(due, probe or due)
