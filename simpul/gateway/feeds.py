"""Pulling what changed at the agency, and publishing each change once on `records.<type>`.

One thread for an agency's feeds. Whoever pulls holds the feed's lease; the cursor is durable, and moves only when its
page is. A page that was begun and not settled is looked up in the topic, and only what is missing is published.
"""

import base64
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from connectors.toolkit.errors import AgencyError, Misconfigured
from connectors.toolkit.feed import Change, Feed, Page
from schemas.envelope import Envelope
from schemas.messages import Failure, record_type
from simpul.bus import look_back
from simpul.bus.errors import BusError
from simpul.bus.look_back import Ends
from simpul.bus.producer import Producer
from simpul.bus.topics import records_topic
from simpul.clock import Clock
from simpul.config import Settings
from simpul.crypto import digest
from simpul.gateway import answers
from simpul.gateway.decisions import Backoff
from simpul.gateway.queue import WorkQueue
from simpul.ledger.events import Event
from simpul.ledger.feeds import Feeds, Held, LostFeedError, UnderWay
from simpul.tracing import child

log = structlog.get_logger(__name__)

_TICK_SECONDS = 0.2
# The injected clock may be turned while nobody asks the ledger.
_ASK_AGAIN = timedelta(seconds=2)


class Counts(Protocol):
    """Where it is counted what feeds brought; `simpul.gateway.metrics.Metrics`."""

    def fed(self, feed: str, changes: int) -> None:
        """So many changes were published."""
        ...


class FeedDuty:
    """The feeds of one agency.

    Args:
        connector: The agency's connector.
        feeds: By name, as the connector describes them.
        ledger: Cursors and leases.
        queue: Says whether the agency may be called now, and is told how it went.
        stop_agency: Turns the agency off when it refuses our set-up.
        source: Of the envelopes.
        delivery_seconds: How long a page may take to be published; pulling and this must fit into the lease.
    """

    def __init__(
        self,
        settings: Settings,
        connector: Any,
        feeds: Mapping[str, Feed],
        ledger: Feeds,
        queue: WorkQueue,
        *,
        clock: Clock,
        backoff: Backoff,
        counts: Counts,
        stop_agency: Callable[[Failure], None],
        source: str,
        delivery_seconds: float = 10.0,
    ) -> None:
        self._settings = settings
        self._connector = connector
        self._feeds = feeds
        self._ledger = ledger
        self._queue = queue
        self._clock = clock
        self._backoff = backoff
        self._counts = counts
        self._stop_agency = stop_agency
        self._source = source
        self._producer = Producer(settings, delivery_seconds=delivery_seconds)
        self._ask_at: dict[str, datetime] = {}
        self._closing = threading.Event()

    def run(self) -> None:
        """Pull what is due until closed."""
        while not self._closing.wait(_TICK_SECONDS):
            for name, feed in self._feeds.items():
                try:
                    while not self._closing.is_set() and self.turn(name, feed):
                        pass
                except LostFeedError as error:
                    log.warning("a feed has to wait", feed=feed.qualified, error=str(error))
                    self._ask_at[name] = self._clock.now() + _ASK_AGAIN
                except Exception:
                    log.exception("a feed went wrong", feed=feed.qualified)
                    self._ask_at[name] = self._clock.now() + _ASK_AGAIN
        self._producer_closed()

    def close(self) -> None:
        """Make `run` return after the page it is at."""
        self._closing.set()

    def turn(self, name: str, feed: Feed) -> bool:
        """One page, if the feed is due; whether there is more at once.

        Raises:
            LostFeedError: Somebody else has it by now, or the ledger does not answer.
        """
        now = self._clock.now()
        # Looked at before the clock was turned back, it would not be looked at for as long.
        if now < self._ask_at.get(name, now) <= now + feed.every:
            return False
        ticket = self._queue.leave()
        if ticket is None:
            return False
        held = self._ledger.take(name, now=now)
        if isinstance(held, datetime):
            self._queue.report(ticket, ok=None)
            self._ask_at[name] = min(held, now + _ASK_AGAIN)
            return False
        try:
            page = feed.pull(self._connector, held.cursor)
        except AgencyError as error:
            self._queue.report(ticket, ok=error.kind in {"rejected", "bad_data"})
            self._failed(held, error)
            return False
        self._queue.report(ticket, ok=True)
        try:
            self._publish(feed, held, page)
        except BusError as error:
            # What of it got there is seen in the topic the next time.
            raise LostFeedError(f"the bus does not take it: {error}") from None
        return page.more

    def _failed(self, held: Held, error: AgencyError) -> None:
        now = self._clock.now()
        failure = answers.failure_of(error)
        wait = self._backoff.delay(held.failures + 1, getattr(error, "retry_after", None))
        log.warning("a pull came to nothing", agency=self._connector.agency, feed=held.feed, code=error.code)
        self._ledger.postpone(held, failure, next_at=now + wait, now=now)
        if isinstance(error, Misconfigured):
            self._stop_agency(failure)

    def _publish(self, feed: Feed, held: Held, page: Page[Any]) -> None:
        topic = records_topic(feed.record.schema_id())
        changes = {_id(feed, change): change for change in page.changes}
        new = self._ledger.unseen(feed.name, list(changes))
        there: set[str] = set()
        if held.under_way is not None:
            since = Ends(held.under_way.topic_id, held.under_way.ends)
            # Of what was begun, too: it may stand on no later page.
            there = look_back.ids_since(self._settings, topic, since) & (new | set(held.under_way.ids))
        missing = [(id_, change) for id_, change in changes.items() if id_ in new - there]
        sealed: list[bytes] = []
        if missing:
            sealed = self._send(feed, held, topic, missing, there)
        published = {id_ for id_, _ in missing} | there
        now = self._clock.now()
        next_at = now if page.more else now + feed.every
        self._ledger.settle(
            held, page.cursor, published, self._event(feed, held, published, sealed, now), next_at=next_at, now=now
        )
        self._ask_at[feed.name] = next_at
        self._counts.fed(feed.qualified, len(published))

    def _send(
        self, feed: Feed, held: Held, topic: str, missing: Sequence[tuple[str, Change[Any]]], there: set[str]
    ) -> list[bytes]:
        began = time.monotonic()
        now = self._clock.now()
        before = held.under_way
        if before is None:
            end = look_back.ends(self._settings, topic)
            intended = UnderWay(tuple(id_ for id_, _ in missing), end.topic_id, end.offsets)
        else:
            # An earlier end covers what was begun then as well as what comes now.
            ids = dict.fromkeys([*before.ids, *there, *(id_ for id_, _ in missing)])
            intended = UnderWay(tuple(ids), before.topic_id, before.ends)
        until = self._ledger.intend(held, intended, now=now)
        sealed = []
        for id_, change in missing:
            envelope, ciphertext = self._envelope(feed, id_, change, now)
            sealed.append(ciphertext)
            self._producer.send(topic, envelope.subject, envelope)
        if now + timedelta(seconds=time.monotonic() - began) >= until:
            raise LostFeedError("it took longer than the lease")
        self._producer.flush()
        return sealed

    def _envelope(self, feed: Feed, id_: str, change: Change[Any], now: datetime) -> tuple[Envelope, bytes]:
        keys = self._settings.keys
        subject = keys.blind(change.subject)
        wrapped = keys.new_data_key(subject)
        ciphertext = keys.data_key(wrapped, subject).seal(change.record.model_dump_json().encode(), id_)
        schema = feed.record.schema_id()
        data = {
            "feed": feed.qualified,
            "record_schema": schema,
            "payload": base64.b64encode(ciphertext).decode(),
        }
        envelope = Envelope(
            id=id_,
            source=self._source,
            type=record_type(schema),
            subject=subject,
            time=now,
            dataschema=feed.record.schema_urn(),
            traceparent=child(None),
            datakey=base64.b64encode(wrapped).decode(),
            data=data,
        )
        return envelope, ciphertext

    def _event(self, feed: Feed, held: Held, published: set[str], sealed: list[bytes], now: datetime) -> Event | None:
        """The record of processing: so many people's data were taken in, for what, on what basis."""
        if not published:
            return None
        return Event(
            id=f"feed.pulled:{feed.qualified}:{held.turn}",
            at=now,
            actor=f"gateway:{feed.agency}",
            action="feed.pulled",
            agency=feed.agency,
            operation=feed.qualified,
            purpose=feed.purpose,
            legal_basis=feed.legal_basis,
            digest=digest(b"".join(sealed)),
            detail={"feed": feed.name, "changes": len(published), "record": feed.record.schema_id()},
        )

    def _producer_closed(self) -> None:
        try:
            self._producer.close()
        except BusError as error:
            log.warning("a feed's last messages are not known to be published", error=str(error))


def _id(feed: Feed, change: Change[Any]) -> str:
    """The envelope's id: the same change always has the same."""
    return f"feed:{feed.qualified}:{change.id}"
