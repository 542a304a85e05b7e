"""API keys: issued once in clear, stored as SHA-256, known by name in every event their holder causes."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from connectors.registry import agencies
from simpul.ledger import events
from simpul.ledger.events import Event
from simpul.ledger.tables import api_key as table
from simpul.ledger.tables import application

SCOPES: dict[str, str] = {
    "intake": "file applications; amend and withdraw those filed with the same key",
    "read": "see applications, their timelines and the services",
    "priority": "file applications of vulnerable groups that go first; beside intake",
    "exchange": "ask agencies directly, reads only",
    "manage": "amend and withdraw applications whoever filed them; see and resolve incidents",
    "decide": "see and decide officers' tasks; as decide:GROUP, those of one group",
}
"""What a key may be allowed to do."""

_OF_ONE_GROUP = re.compile(r"decide:[a-z][a-z0-9_.-]{0,62}")

USUAL_SCOPES = ("intake", "read")
"""What a counter needs; `manage` is given only where it is asked for."""

RESERVED = frozenset(
    {"citizen", "console", "engine", "gateway", "ledger", "projector", "relay", "simpul", "system", "user"}
)
"""Names under which this system itself acts, beside those of the agencies: no key may pass for one of them."""

_NAME = re.compile(r"[a-z][a-z0-9.-]{1,62}")
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

    @property
    def groups(self) -> tuple[str, ...] | None:
        """The groups of officers whose tasks it may decide; None for all."""
        if "decide" in self.scopes:
            return None
        return tuple(sorted(scope.partition(":")[2] for scope in self.scopes if _OF_ONE_GROUP.fullmatch(scope)))


def issue(connection: Connection, name: str, scopes: Collection[str], *, actor: str, now: datetime) -> str:
    """A new key, in clear. It is stored as a hash only, so this is the one time it can be shown.

    Raises:
        KeyNameTakenError: The name was used before, also by a key that is revoked.
        ValueError: A scope that `SCOPES` does not list, or a name that is malformed or reserved.
    """
    _check_name(name)
    unknown = {scope for scope in set(scopes) - set(SCOPES) if not _OF_ONE_GROUP.fullmatch(scope)}
    if unknown or not scopes:
        raise ValueError(f"a key has one scope or more of: {', '.join(SCOPES)}, decide:GROUP")
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


def may_change(connection: Connection, key: ApiKey, number: str) -> bool | None:
    """Whether a key may amend or withdraw an application; None when there is no such application.

    The one that filed it may, and so may any with the scope `manage`.
    """
    query = select(application.c.received_by).where(application.c.number == number)
    filed_with = connection.execute(query).scalar_one_or_none()
    if filed_with is None:
        return None
    return "manage" in key.scopes or ("intake" in key.scopes and filed_with == key.name)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(
            "a key's name has 2 to 63 small letters, digits, dots and hyphens and begins with a letter, such as counter-1"
        )
    if name in RESERVED or name in agencies():
        raise ValueError(f"the name {name!r} is reserved: events would not tell its holder from a part of the system")


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
