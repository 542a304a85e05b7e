"""The desk of one console process: puts questions, waits for replies, keeps the record of who asked what.

Threads and Kafka start with the first question: a console that nobody asks through has no part in the bus.
"""

import asyncio
import os
import socket
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import anyio.to_thread
import prometheus_client
import structlog

from connectors.toolkit.errors import AgencyError, Rejected
from schemas.messages import ReplyData
from simpul.bus.topics import requests_topic
from simpul.clock import Clock
from simpul.config import Settings
from simpul.crypto import Keys, digest
from simpul.exchange.mailbox import Mailbox
from simpul.exchange.outgoing import Outgoing
from simpul.exchange.question import Answer, Question, Sealed, ciphertext, no_answer, no_bus, opened, seal
from simpul.ledger import Database, exchanges, transaction
from simpul.telemetry import REGISTRY

log = structlog.get_logger(__name__)

# For hearing replies, after a start or when Kafka comes back.
_PATIENCE = 5.0
_LOOK_AGAIN = 0.02
_TIMES = ("received_at", "sent_at", "answered_at", "published_at")
_SECONDS = prometheus_client.Histogram(
    "simpul_exchange_seconds",
    "What an interactive read took, the bus included",
    ("agency", "outcome"),
    registry=REGISTRY,
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


class BusyError(Exception):
    """So many questions to this agency are under way that another would only wait: ask again shortly."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A question under way, and until when (monotonic clock) its answer is waited for."""

    exchange: exchanges.Exchange
    sealed: Sealed
    reply: "Future[ReplyData | None]"
    over: float


class Desk:
    """Asks agencies through their gateways. For one event loop and its threads.

    Args:
        database: For the events, which are stored before the agency is asked and before anybody is told.
    """

    def __init__(self, settings: Settings, keys: Keys, clock: Clock, database: Database) -> None:
        self._keys = keys
        self._clock = clock
        self._database = database
        self._seconds = settings.exchange_seconds
        self._most = settings.exchanges_in_flight
        self._source = f"/simpul/{settings.installation}/console"
        self.instance = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._waiting: dict[str, Future[ReplyData | None]] = {}
        self._mailbox = Mailbox(settings, database, clock, self.instance, self._deliver)
        self._outgoing = Outgoing(settings, self._lost)
        self._started = False

    async def ask(self, question: Question) -> Answer:
        """Put a question and wait for its answer, for `exchange_seconds` at most.

        Raises:
            BusyError: Too many are under way at this agency.
            NoSuchApplicationError: It is said to be for an application that is not there.
            AgencyError: There is no record, named by what to do next; `NO_ANSWER` when nobody answered in time.
        """
        agency = question.operation.agency
        self._begin(agency)
        started, outcome = time.monotonic(), "failed"
        try:
            over = started + self._seconds
            address = await self._address(over)
            waiting = await anyio.to_thread.run_sync(self._put, question, over, address)
            try:
                reply = await self._reply(waiting)
            finally:
                with self._lock:
                    self._waiting.pop(waiting.exchange.id, None)
            came_to = await anyio.to_thread.run_sync(self._end, question, waiting, reply)
            if isinstance(came_to, AgencyError):
                outcome = "rejected" if isinstance(came_to, Rejected) else "failed"
                raise came_to
            outcome = "done"
            return came_to
        finally:
            with self._lock:
                self._under_way[agency] -= 1
            _SECONDS.labels(agency, outcome).observe(time.monotonic() - started)

    def close(self) -> None:
        """Stop; who still waits is told that there is no answer."""
        with self._lock:
            waiting, started = list(self._waiting), self._started
            self._started = True
        for exchange in waiting:
            self._lost(exchange)
        if started:
            self._outgoing.close()
            self._mailbox.close()

    # Asking, in threads.

    def _begin(self, agency: str) -> None:
        with self._lock:
            if self._under_way[agency] >= self._most:
                raise BusyError(agency)
            self._under_way[agency] += 1

    async def _address(self, over: float) -> int | None:
        """Where replies are heard; waits a little for it without holding a thread that others need."""
        self._start()
        over = min(over, time.monotonic() + _PATIENCE)
        while (address := self._mailbox.address) is None and time.monotonic() < over:  # noqa: ASYNC110  # a thread's
            await asyncio.sleep(_LOOK_AGAIN)
        return address

    def _put(self, question: Question, over: float, address: int | None) -> _Waiting:
        now = self._clock.now()
        until = now + timedelta(seconds=max(0.0, over - time.monotonic()))
        sealed = seal(
            question,
            self._keys,
            source=self._source,
            reply_to=address or 0,
            instance=self.instance,
            now=now,
            until=until,
        )
        operation = question.operation
        exchange = exchanges.Exchange(
            id=sealed.envelope.id,
            actor=question.actor,
            agency=operation.agency,
            operation=operation.qualified,
            purpose=question.purpose,
            legal_basis=question.legal_basis,
            application=question.application,
        )
        with transaction(self._database) as connection:
            exchanges.requested(connection, exchange, digest=sealed.digest, now=now)
        waiting = _Waiting(exchange, sealed, Future(), over)
        if address is None:
            waiting.reply.set_result(None)
            return waiting
        with self._lock:
            self._waiting[exchange.id] = waiting.reply
        self._outgoing.put(requests_topic(operation.agency), sealed.envelope)
        return waiting

    async def _reply(self, waiting: _Waiting) -> ReplyData | AgencyError:
        try:
            async with asyncio.timeout(max(0.0, waiting.over - time.monotonic())):
                return await asyncio.wrap_future(waiting.reply) or no_bus()
        except TimeoutError:
            return no_answer()

    def _end(self, question: Question, waiting: _Waiting, reply: ReplyData | AgencyError) -> Answer | AgencyError:
        """Store what came of it, and only then give it out."""
        came_to: Answer | AgencyError
        detail: dict[str, Any] = {}
        sealed = b""
        if isinstance(reply, AgencyError):
            came_to = reply
        else:
            times = {name: at for name in _TIMES if (at := getattr(reply, name)) is not None}
            detail = {name: at.isoformat() for name, at in times.items()}
            sealed = ciphertext(reply)
            try:
                record = opened(reply, waiting.sealed, question.operation)
                came_to = Answer(waiting.exchange.id, record, times)
            except AgencyError as error:
                came_to = error
        how: Literal["done", "rejected", "failed"] = "done"
        if isinstance(came_to, AgencyError):
            how = "rejected" if isinstance(came_to, Rejected) else "failed"
            detail["failure"] = {"kind": came_to.kind, "code": came_to.code, "owner": came_to.owner}
        with transaction(self._database) as connection:
            exchanges.ended(
                connection,
                waiting.exchange,
                how,
                digest=digest(sealed) if sealed else None,
                detail=detail,
                now=self._clock.now(),
            )
        return came_to

    def _start(self) -> None:
        with self._lock:
            if self._started:
                return
            self._started = True
        self._mailbox.start()
        self._outgoing.start()

    # Replies, in the mailbox's thread.

    def _deliver(self, reply: ReplyData) -> bool:
        return self._resolve(reply.request_id, reply)

    def _lost(self, exchange: str) -> None:
        self._resolve(exchange, None)

    def _resolve(self, exchange: str, reply: ReplyData | None) -> bool:
        with self._lock:
            future = self._waiting.pop(exchange, None)
        if future is None:
            return False
        with suppress(InvalidStateError):
            # Who waited may just have given up.
            future.set_result(reply)
        return True
