"""Feeds as the ledger keeps them: whose turn it is, how far the agency's changes are published, and what is under way.

A cursor moves in the transaction that remembers the ids of what was published under it. Before a page is published its
ids and the ends of the topic are stored: whoever finds such a page later can see in the topic how much of it got there.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, text

from schemas.messages import Failure
from simpul.ledger import UNAVAILABLE, events
from simpul.ledger.database import connect
from simpul.ledger.events import Event

T = TypeVar("T")

MEMORY = timedelta(days=90)
"""How long the ids of published changes are remembered: an agency may tell of a change again for so long."""


class LostFeedError(Exception):
    """Somebody else has the feed by now, or the ledger does not answer: publish nothing, move nothing."""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A page that somebody began to publish.

    Attributes:
        topic_id: Kafka's id of the topic at that time.
        ends: The ends of its partitions before the first message.
    """

    ids: tuple[str, ...]
    topic_id: str
    ends: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Held:
    """A feed that is ours for a while.

    Attributes:
        turn: Fencing number: whoever takes the feed raises it.
        under_way: What an earlier holder began to publish and did not settle.
        failures: Pulls in a row that came to nothing.
    """

    feed: str
    turn: int
    until: datetime
    cursor: str | None
    under_way: UnderWay | None
    failures: int


_TAKE = text("""
INSERT INTO feed AS f (agency, feed, owner, turn, lease_until, since)
VALUES (:agency, :feed, :owner, 1, :until, :now)
ON CONFLICT (agency, feed) DO UPDATE SET owner = :owner, turn = f.turn + 1, lease_until = :until
WHERE coalesce(f.lease_until, :now) <= :now AND coalesce(f.next_at, :now) <= :now
RETURNING turn, cursor, under_way, failures
""")
_NEXT = text("SELECT next_at, lease_until FROM feed WHERE agency = :agency AND feed = :feed")
_SEEN = text("""
SELECT id FROM feed_seen WHERE agency = :agency AND feed = :feed AND id = ANY(CAST(:ids AS text[]))
""")
_INTEND = text("""
UPDATE feed SET under_way = CAST(:under_way AS jsonb), lease_until = :until
WHERE agency = :agency AND feed = :feed AND turn = :turn
""")
_SETTLE = text("""
UPDATE feed SET cursor = :cursor, under_way = NULL, failures = 0, failure = NULL, lease_until = NULL, owner = NULL,
  next_at = :next_at, since = :now, published = published + :count
WHERE agency = :agency AND feed = :feed AND turn = :turn
""")
_REMEMBER = text("""
INSERT INTO feed_seen (agency, feed, id, at) SELECT :agency, :feed, id, :now FROM unnest(CAST(:ids AS text[])) AS id
ON CONFLICT DO NOTHING
""")
_FORGET = text("DELETE FROM feed_seen WHERE agency = :agency AND feed = :feed AND at < :before")
_POSTPONE = text("""
UPDATE feed AS f SET failures = f.failures + 1, failure = CAST(:failure AS jsonb), lease_until = NULL, owner = NULL,
  next_at = :next_at, since = CASE WHEN f.failure IS NULL THEN :now ELSE f.since END
FROM (SELECT failure FROM feed WHERE agency = :agency AND feed = :feed FOR UPDATE) AS old
WHERE f.agency = :agency AND f.feed = :feed AND f.turn = :turn RETURNING old.failure
""")
_LIST = text("""
SELECT agency, feed, cursor, next_at, since, failures, failure, published FROM feed ORDER BY agency, feed
""")


class Feeds:
    """One agency's feeds, for one gateway process.

    Args:
        url: The ledger.
        agency: Only this agency's feeds are ever seen.
        owner: Names this process, for who looks at the table.
        lease: How long a feed is ours alone; longer than a pull and the publishing of its page may take together.
    """

    def __init__(self, url: str, agency: str, owner: str, lease: timedelta) -> None:
        self._engine = connect(url, pool_size=1)
        self._agency = agency
        self._owner = owner
        self._lease = lease

    def take(self, feed: str, *, now: datetime) -> Held | datetime:
        """The feed, if it is due and nobody has it; otherwise when to ask again.

        Raises:
            LostFeedError: The ledger does not answer.
        """
        until = now + self._lease
        parameters = {"agency": self._agency, "feed": feed, "owner": self._owner, "until": until, "now": now}

        def work(connection: Connection) -> Held | datetime:
            if (row := connection.execute(_TAKE, parameters).first()) is None:
                due = connection.execute(_NEXT, {"agency": self._agency, "feed": feed}).one()
                return max(due.next_at or now, due.lease_until or now)
            found = row.under_way
            under_way = found and UnderWay(
                tuple(found["ids"]), found["topic_id"], {int(number): end for number, end in found["ends"].items()}
            )
            return Held(feed, row.turn, until, row.cursor, under_way or None, row.failures)

        return self._do(work)

    def unseen(self, feed: str, ids: Sequence[str]) -> set[str]:
        """Which of these changes were not published before, as far as the ledger knows.

        Raises:
            LostFeedError: The ledger does not answer.
        """
        parameters = {"agency": self._agency, "feed": feed, "ids": list(ids)}
        return set(ids) - set(self._do(lambda connection: list(connection.execute(_SEEN, parameters).scalars())))

    def intend(self, held: Held, under_way: UnderWay, *, now: datetime) -> datetime:
        """Store what is about to be published; from here on it can be looked up in the topic.

        Returns:
            When our lease is over now.

        Raises:
            LostFeedError: The feed is not ours any more, or the ledger does not answer.
        """
        until = now + self._lease
        written = json.dumps({"ids": under_way.ids, "topic_id": under_way.topic_id, "ends": dict(under_way.ends)})
        self._change(_INTEND, held, under_way=written, until=until)
        return until

    def settle(
        self,
        held: Held,
        cursor: str,
        published: Collection[str],
        event: Event | None,
        *,
        next_at: datetime,
        now: datetime,
    ) -> None:
        """The page is on the bus: move the cursor, remember the ids.

        Raises:
            LostFeedError: The feed is not ours any more, or the ledger does not answer.
        """

        def work(connection: Connection) -> None:
            about = {"agency": self._agency, "feed": held.feed, "now": now}
            moved = {**about, "turn": held.turn, "cursor": cursor, "next_at": next_at, "count": len(published)}
            if connection.execute(_SETTLE, moved).rowcount != 1:
                raise LostFeedError(f"{self._agency}.{held.feed} is somebody else's")
            if published:
                connection.execute(_REMEMBER, {**about, "ids": list(published)})
                connection.execute(_FORGET, {"agency": self._agency, "feed": held.feed, "before": now - MEMORY})
            events.record(connection, [event] if event else [])

        self._do(work)

    def postpone(self, held: Held, failure: Failure, *, next_at: datetime, now: datetime) -> None:
        """The pull came to nothing; the first time, and when it fails in another way, that is an event.

        Raises:
            LostFeedError: The feed is not ours any more, or the ledger does not answer.
        """

        def work(connection: Connection) -> None:
            parameters = {"agency": self._agency, "feed": held.feed, "turn": held.turn, "now": now, "next_at": next_at}
            row = connection.execute(_POSTPONE, {**parameters, "failure": failure.model_dump_json()}).first()
            if row is None:
                raise LostFeedError(f"{self._agency}.{held.feed} is somebody else's")
            if row.failure is None or row.failure.get("code") != failure.code:
                detail = {"feed": held.feed, "kind": failure.kind, "code": failure.code, "owner": failure.owner}
                failed = Event(
                    at=now, actor=f"gateway:{self._agency}", action="feed.failed", agency=self._agency, detail=detail
                )
                events.record(connection, [failed])

        self._do(work)

    def close(self) -> None:
        """Let go of the ledger."""
        self._engine.dispose()

    def _change(self, statement: Any, held: Held, **values: Any) -> None:
        parameters = {"agency": self._agency, "feed": held.feed, "turn": held.turn, **values}
        if self._do(lambda connection: connection.execute(statement, parameters).rowcount) != 1:
            raise LostFeedError(f"{self._agency}.{held.feed} is somebody else's")

    def _do(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except UNAVAILABLE as error:
            raise LostFeedError(f"the ledger does not answer: {type(error).__name__}") from None


def overview(connection: Connection) -> list[dict[str, Any]]:
    """Every feed that ever ran: cursor, how many changes were published, when it is due, and what it fails with."""
    return [dict(row) for row in connection.execute(_LIST).mappings()]
