"""What the ledger knows of interactive reads: their events, and which console process reads which partition of replies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, text

from simpul.ledger import events
from simpul.ledger.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One interactive read, as its events tell of it.

    Attributes:
        actor: The API key's name, or the agency that asks.
        application: The number of the application it is for, if it is for one.
    """

    id: str
    actor: str
    agency: str
    operation: str
    purpose: str
    legal_basis: str | None
    application: str | None = None


class NoSuchApplicationError(LookupError):
    """There is no application of this number."""


def requested(connection: Connection, exchange: Exchange, *, digest: str, now: datetime) -> None:
    """Store that it is asked, before it is.

    Raises:
        NoSuchApplicationError: It is said to be for an application that is not there.
    """
    if exchange.application is not None:
        found = connection.execute(_APPLICATION, {"number": exchange.application}).first()
        if found is None:
            raise NoSuchApplicationError(exchange.application)
    events.record(connection, [_event(exchange, "requested", now, digest, {})])


def ended(
    connection: Connection,
    exchange: Exchange,
    came_to: Literal["done", "rejected", "failed"],
    *,
    digest: str | None,
    detail: Mapping[str, Any],
    now: datetime,
) -> None:
    """Store what came of it, before anybody is told.

    Args:
        digest: Of the record's ciphertext.
        detail: The four times of the call, and why there is no record.
    """
    events.record(connection, [_event(exchange, came_to, now, digest, detail)])


def _event(exchange: Exchange, what: str, now: datetime, digest: str | None, detail: Mapping[str, Any]) -> Event:
    return Event(
        id=f"exchange:{exchange.id}:{'requested' if what == 'requested' else 'ended'}",
        at=now,
        actor=exchange.actor,
        action=f"exchange.{what}",
        application=exchange.application,
        agency=exchange.agency,
        operation=exchange.operation,
        purpose=exchange.purpose,
        legal_basis=exchange.legal_basis,
        digest=digest,
        detail={"exchange": exchange.id, **detail},
    )


def claim_partition(
    connection: Connection, instance: str, partitions: int, *, lease: timedelta, now: datetime
) -> int | None:
    """A partition of the topic of replies that nobody reads, ours until the lease is over; None when all are read.

    Args:
        partitions: How many the topic has.
    """
    connection.execute(_PARTITIONS, {"last": partitions - 1})
    parameters = {"instance": instance, "now": now, "until": now + lease, "partitions": partitions}
    return connection.execute(_CLAIM, parameters).scalar()


def renew_partition(connection: Connection, instance: str, partition: int, *, lease: timedelta, now: datetime) -> bool:
    """Prolong a lease; False when the partition is another's by now."""
    parameters = {"instance": instance, "partition": partition, "until": now + lease}
    return connection.execute(_RENEW, parameters).rowcount > 0


def release_partitions(connection: Connection, instance: str) -> None:
    """Give back what this process holds."""
    connection.execute(_RELEASE, {"instance": instance})


_APPLICATION = text("SELECT 1 FROM application WHERE number = :number")
_PARTITIONS = text("""
INSERT INTO reply_partition (partition) SELECT generate_series(0, CAST(:last AS integer)) ON CONFLICT DO NOTHING
""")
_CLAIM = text("""
UPDATE reply_partition SET instance = :instance, lease_until = :until
WHERE partition = (
    SELECT partition FROM reply_partition
    WHERE partition < :partitions AND (lease_until IS NULL OR lease_until <= :now)
    ORDER BY lease_until NULLS FIRST, partition LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING partition
""")
_RENEW = text("""
UPDATE reply_partition SET lease_until = :until WHERE partition = :partition AND instance = :instance
""")
_RELEASE = text("UPDATE reply_partition SET instance = NULL, lease_until = NULL WHERE instance = :instance")
