"""API keys: issued once in clear, stored as SHA-256, known by name in every event their holder causes."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from simpul.ledger import events
from simpul.ledger.events import Event
from simpul.ledger.tables import api_key as table

SCOPES: dict[str, str] = {
    "intake": "file, amend and withdraw applications",
    "read": "see applications, their timelines and the services",
}
"""What a key may be allowed to do."""

_PREFIX = "simpul_"


class KeyNameTakenError(Exception):
    """A key of this name was issued before. Names are not used twice: events tell their holders apart by them."""


class UnknownKeyError(LookupError):
    """No key of this name is in force."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it may be shown: who holds it and what it allows."""

    name: str
    scopes: frozenset[str]
    created_at: datetime
    revoked_at: datetime | None = None


def issue(connection: Connection, name: str, scopes: Collection[str], *, actor: str, now: datetime) -> str:
    """A new key, in clear. It is stored as a hash only, so this is the one time it can be shown.

    Raises:
        KeyNameTakenError: The name was used before, also by a key that is revoked.
        ValueError: A scope that `SCOPES` does not list.
    """
    unknown = set(scopes) - set(SCOPES)
    if unknown or not scopes:
        raise ValueError(f"a key has one scope or more of: {', '.join(SCOPES)}")
    key = _PREFIX + secrets.token_urlsafe(32)
    stored = connection.execute(
        insert(table)
        .values(name=name, hash=_hash(key), scopes=sorted(scopes), created_at=now)
        .on_conflict_do_nothing()
        .returning(table.c.name)
    ).first()
    if stored is None:
        raise KeyNameTakenError(f"the name {name!r} was used before: choose another")
    events.record(
        connection,
        [Event(at=now, actor=actor, action="key.issued", detail={"key": name, "scopes": sorted(scopes)})],
    )
    return key


def revoke(connection: Connection, name: str, *, actor: str, now: datetime) -> None:
    """Take a key out of force. A running console notices within seconds.

    Raises:
        UnknownKeyError: No key of this name is in force.
    """
    revoked = connection.execute(
        update(table).where(table.c.name == name, table.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    if not revoked.rowcount:
        raise UnknownKeyError(f"no key named {name!r} is in force")
    events.record(connection, [Event(at=now, actor=actor, action="key.revoked", detail={"key": name})])


def listing(connection: Connection) -> list[ApiKey]:
    """Every key that was ever issued, by name."""
    rows = connection.execute(select(table).order_by(table.c.name))
    return [ApiKey(row.name, frozenset(row.scopes), row.created_at, row.revoked_at) for row in rows]


def find(connection: Connection, presented: str) -> ApiKey | None:
    """The key that was presented, if it is in force."""
    hashed = _hash(presented)
    row = connection.execute(select(table).where(table.c.hash == hashed, table.c.revoked_at.is_(None))).first()
    if row is None or not hmac.compare_digest(row.hash, hashed):
        return None
    return ApiKey(row.name, frozenset(row.scopes), row.created_at)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
