"""Attempts: agency calls stored before they are made, under leases with fencing numbers (design rule 7).

Also the agency's switch, which an operator turns back on. What to do with an attempt is decided in the gateway; here
is only how it is kept. A lease is ours while its number is ours: whoever takes an attempt up raises the number, and
every change names the number it goes by.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, cast

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from connectors.toolkit.shapes import Shape
from schemas.messages import Failure
from simpul.ledger import shapes
from simpul.ledger.database import connect
from simpul.ledger.events import Event, record
from simpul.ledger.transitions import Incident, open_incidents

State = Literal["leased", "backing_off", "in_doubt", "answered"]


class UnavailableError(Exception):
    """The ledger does not answer, or gave up the transaction. Whether it was stored is not known; try again."""


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """A request as it came from the bus."""

    request_id: str
    operation: str
    effect: str
    request: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class LeasedAttempt:
    """An attempt taken up again.

    Attributes:
        found: Its state when it was found; `leased` means that its holder vanished.
        effect: Of its operation, as it was when it was stored.
        expired: Its lease ran out; otherwise nobody held it.
        tries: Calls made so far; one that a vanished holder may have made is counted.
        look_ups: Look-ups in a row that brought no answer.
    """

    request_id: str
    request: bytes
    effect: str
    found: State
    expired: bool
    lease: int
    lease_until: datetime
    tries: int
    look_ups: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Deferred:
    """An attempt that is given back: nobody holds it until it is due.

    Attributes:
        lease: The number under which it was held; under another the row stays as it is.
        sent: A try may have reached the agency.
        error: Kind, code and owner of the last failure; None keeps what is there.
    """

    request_id: str
    lease: int
    state: Literal["backing_off", "in_doubt"]
    next_at: datetime
    tries: int
    sent: bool
    look_ups: int = 0
    error: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class AgencyState:
    """Whether an agency's connector may call."""

    stopped: bool
    circuit: str


_P = ParamSpec("_P")
_R = TypeVar("_R")


def _named(method: Callable[Concatenate["Attempts", _P], _R]) -> Callable[Concatenate["Attempts", _P], _R]:
    @wraps(method)
    def named(self: "Attempts", /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(self, *args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            raise UnavailableError(type(error.orig).__name__) from None
        except PoolTimeoutError:
            raise UnavailableError("no connection is free") from None
        except DBAPIError as error:
            if error.connection_invalidated:
                raise UnavailableError(type(error.orig).__name__) from None
            raise

    return cast("Callable[Concatenate[Attempts, _P], _R]", named)


class Attempts:
    """One agency's attempts, for one gateway process. Safe to use from several threads.

    Args:
        url: The ledger.
        agency: Only this agency's attempts are ever seen.
        owner: Names this process, for who looks at the table.
        lease: How long an attempt is ours alone.
    """

    durable = True

    def __init__(self, url: str, agency: str, owner: str, lease: timedelta) -> None:
        self._engine = connect(url)
        self._agency = agency
        self._owner = owner
        self._lease = lease

    @_named
    def open(
        self,
        requests: Sequence[NewAttempt],
        *,
        now: datetime,
        batch: str,
        due_at: datetime | None = None,
        again: bool = False,
    ) -> set[str]:
        """Store new attempts, in one transaction; what is there already stays as it is.

        Args:
            requests: In order of arrival.
            now: When they came.
            batch: Names this call; the same when it is repeated after `UnavailableError`.
            due_at: Store them as backing off until then, held by nobody. Otherwise they are leased to us.
            again: The call is such a repetition: what it stored the first time, unseen, counts as new.

        Returns:
            The ids of those that are ours now; always empty with `due_at`.
        """
        owner = f"{self._owner}/{batch}"
        parameters = {
            "ids": [r.request_id for r in requests],
            "operations": [r.operation for r in requests],
            "effects": [r.effect for r in requests],
            "requests": [r.request for r in requests],
            "received": [r.received_at for r in requests],
            "agency": self._agency,
            "state": "backing_off" if due_at else "leased",
            "owner": None if due_at else owner,
            "lease": 0 if due_at else 1,
            "lease_until": None if due_at else now + self._lease,
            "next_at": due_at,
        }
        with self._engine.begin() as connection:
            new = set(connection.execute(_OPEN, parameters).scalars())
            if again and not due_at:
                mine = {"ids": parameters["ids"], "owner": owner, "lease_until": parameters["lease_until"]}
                new |= set(connection.execute(_OURS, mine).scalars())
        return set() if due_at else new

    @_named
    def due(self, *, now: datetime, limit: int, but: Collection[str] = ()) -> list[LeasedAttempt]:
        """Take up attempts whose back-off or whose lease, whoever held it, is over: those due for longest.

        One that another process is just taking is passed over.

        Args:
            now: The present.
            limit: Most of them.
            but: What the caller holds itself: a lease that is over by the clock alone is no reason to take it twice.

        Returns:
            Them, in their order of arrival.
        """
        parameters = {
            "agency": self._agency,
            "now": now,
            "limit": limit,
            "owner": self._owner,
            "lease_until": now + self._lease,
        }
        with self._engine.begin() as connection:
            rows = list(connection.execute(_DUE, parameters))
            if len(rows) < limit:
                room = {**parameters, "limit": limit - len(rows), "but": list(but)}
                rows += connection.execute(_EXPIRED, room)
        rows.sort(key=lambda row: (row.received_at, row.request_id))
        return [
            LeasedAttempt(
                request_id=row.request_id,
                request=bytes(row.request),
                effect=row.effect,
                found=row.found,
                expired=row.expired,
                lease=row.lease,
                lease_until=now + self._lease,
                tries=row.tries,
                look_ups=row.look_ups,
                received_at=row.received_at,
            )
            for row in rows
        ]

    @_named
    def renew(self, held: Sequence[tuple[str, int]], *, now: datetime) -> set[str]:
        """Prolong leases, given as (request id, lease number).

        Returns:
            Those that are still ours, expired or not, and run from `now` again.
        """
        parameters = {
            "ids": [request_id for request_id, _ in held],
            "leases": [lease for _, lease in held],
            "lease_until": now + self._lease,
        }
        with self._engine.begin() as connection:
            return set(connection.execute(_RENEW, parameters).scalars())

    @_named
    def settle(
        self, *, answered: Sequence[tuple[str, int]] = (), deferred: Sequence[Deferred] = (), now: datetime
    ) -> None:
        """Close attempts and give others back, in one transaction.

        Args:
            answered: Request id and tries of those whose outcome is durable on the bus. The stored request goes.
            deferred: Those whose lease has changed hands are left alone.
            now: The present.
        """
        if not answered and not deferred:
            return
        with self._engine.begin() as connection:
            if deferred:
                # Rows are changed in two statements here, and elsewhere too: whoever changes several locks in one order.
                ids = [*(request_id for request_id, _ in answered), *(each.request_id for each in deferred)]
                connection.execute(_LOCK, {"ids": ids})
            if answered:
                parameters = {"ids": [i for i, _ in answered], "tries": [t for _, t in answered], "now": now}
                connection.execute(_ANSWERED, parameters)
            if deferred:
                connection.execute(_DEFERRED, [_row(each) for each in deferred])

    @_named
    def backlog(self) -> dict[str, int]:
        """How many attempts are not answered, by state."""
        with self._engine.begin() as connection:
            rows = connection.execute(_BACKLOG, {"agency": self._agency})
            return {row.state: row.attempts for row in rows}

    @_named
    def agency(self, *, now: datetime) -> AgencyState:
        """The agency's switch; an agency that was never seen is running."""
        with self._engine.begin() as connection:
            return _agency(connection, self._agency, now)

    @_named
    def show_circuit(self, circuit: str, *, now: datetime) -> None:
        """Let operators see the circuit breaker; that the agency went away or came back is an event."""
        with self._engine.begin() as connection:
            before = _agency(connection, self._agency, now).circuit
            changed = connection.execute(_CIRCUIT, {"agency": self._agency, "circuit": circuit}).rowcount
            if changed and "closed" in (before, circuit):
                action = "agency.reachable" if circuit == "closed" else "agency.unreachable"
                told = Event(at=now, actor=f"gateway:{self._agency}", action=action, agency=self._agency)
                record(connection, [told])

    @_named
    def stop(self, failure: Failure, *, now: datetime) -> bool:
        """Turn the agency off, with an event and an incident for the operator.

        Returns:
            False when it was off already.
        """
        with self._engine.begin() as connection:
            _agency(connection, self._agency, now)
            parameters = {"agency": self._agency, "now": now, "failure": failure.model_dump(mode="json")}
            if connection.execute(_STOP, parameters).rowcount == 0:
                return False
            actor = f"gateway:{self._agency}"
            detail = {"code": failure.code, "owner": failure.owner}
            record(
                connection, [Event(at=now, actor=actor, action="agency.stopped", agency=self._agency, detail=detail)]
            )
            incident = Incident(
                kind="agency_stopped",
                diagnosis=failure.diagnosis.model_dump(mode="json"),
                owner=failure.owner,
                agency=self._agency,
            )
            open_incidents(connection, [incident], actor=actor, now=now)
            return True

    @_named
    def resume(self, *, actor: str, now: datetime) -> bool:
        """Turn the agency on again and resolve its incident.

        Returns:
            False when it was on already.
        """
        with self._engine.begin() as connection:
            _agency(connection, self._agency, now)
            if connection.execute(_RESUME, {"agency": self._agency, "now": now}).rowcount == 0:
                return False
            resolved = connection.execute(_RESOLVE, {"agency": self._agency, "now": now, "actor": actor}).rowcount
            events = [Event(at=now, actor=actor, action="agency.resumed", agency=self._agency)]
            if resolved:
                detail = {"kind": "agency_stopped"}
                events.append(
                    Event(at=now, actor=actor, action="incident.resolved", agency=self._agency, detail=detail)
                )
            record(connection, events)
            return True

    @_named
    def keep_shapes(self, found: Mapping[str, Shape], *, now: datetime) -> None:
        """Keep what answers of the agency looked like, field by field without values."""
        with self._engine.begin() as connection:
            shapes.keep(connection, self._agency, found, now=now)

    @_named
    def keep_contract(self, document: str, drifts: list[dict[str, Any]], *, now: datetime) -> None:
        """Keep in what a published contract of the agency differs from our copy."""
        with self._engine.begin() as connection:
            shapes.keep_contract(connection, self._agency, document, drifts, now=now)

    def close(self) -> None:
        """Let go of the connections."""
        self._engine.dispose()


def _row(deferred: Deferred) -> dict[str, Any]:
    error = {**(deferred.error or {}), "look_ups": deferred.look_ups} if deferred.look_ups or deferred.error else None
    return {
        "request": deferred.request_id,
        "held": deferred.lease,
        "to_state": deferred.state,
        "due": deferred.next_at,
        "calls": deferred.tries,
        "went": deferred.sent,
        "failed": error,
    }


def _agency(connection: Connection, agency: str, now: datetime) -> AgencyState:
    row = connection.execute(_AGENCY, {"agency": agency}).one_or_none()
    if row is None:
        connection.execute(_NEW_AGENCY, {"agency": agency, "now": now})
        return AgencyState(stopped=False, circuit="closed")
    return AgencyState(stopped=row.state == "stopped", circuit=row.circuit)


_OPEN = text("""
INSERT INTO attempt (request_id, agency, operation, effect, state, request, owner, lease, lease_until, next_at,
                     received_at)
SELECT request_id, CAST(:agency AS text), operation, effect, CAST(:state AS text), request, CAST(:owner AS text),
       CAST(:lease AS bigint), CAST(:lease_until AS timestamptz), CAST(:next_at AS timestamptz), received_at
FROM unnest(CAST(:ids AS text[]), CAST(:operations AS text[]), CAST(:effects AS text[]), CAST(:requests AS bytea[]),
            CAST(:received AS timestamptz[])) AS new(request_id, operation, effect, request, received_at)
ORDER BY request_id
ON CONFLICT (request_id) DO NOTHING
RETURNING request_id
""")
# Several processes change many of these rows at once, the projector among them; all lock them in this order first, or
# two would wait for each other.
_LOCKED = """
SELECT request_id FROM attempt WHERE request_id = ANY(CAST(:ids AS text[])) ORDER BY request_id FOR UPDATE
"""
_LOCK = text(_LOCKED)
_OURS = text(f"""
WITH locked AS ({_LOCKED})
UPDATE attempt a SET lease_until = :lease_until
FROM locked WHERE a.request_id = locked.request_id AND a.owner = :owner AND a.lease = 1 AND a.state = 'leased'
RETURNING a.request_id
""")  # noqa: S608  # constants

# An attempt whose holder vanished may have been sent: a write is in doubt from here on, and stays so when we crash too.
_TAKE_UP = """
UPDATE attempt a
SET state = CASE WHEN p.found = 'in_doubt' OR (p.found = 'leased' AND a.effect = 'write') THEN 'in_doubt'
                 ELSE 'leased' END,
    sent = a.sent OR p.found = 'leased',
    tries = a.tries + CASE WHEN p.found = 'leased' THEN 1 ELSE 0 END,
    owner = :owner, lease = a.lease + 1, lease_until = :lease_until, next_at = NULL
FROM picked p WHERE a.request_id = p.request_id
RETURNING a.request_id, a.request, a.effect, p.found, p.expired, a.lease, a.tries, a.received_at,
          coalesce(CAST(a.error ->> 'look_ups' AS integer), 0) AS look_ups
"""
_DUE = text(
    """
WITH picked AS (
    SELECT request_id, state AS found, false AS expired FROM attempt
    WHERE agency = :agency AND state <> 'answered' AND next_at <= :now
    ORDER BY next_at, received_at LIMIT :limit FOR UPDATE SKIP LOCKED
)"""  # noqa: S608  # two constants
    + _TAKE_UP
)
_EXPIRED = text(
    """
WITH picked AS (
    SELECT request_id, state AS found, true AS expired FROM attempt
    WHERE agency = :agency AND state <> 'answered' AND lease_until <= :now
      AND request_id <> ALL(CAST(:but AS text[]))
    ORDER BY lease_until, received_at LIMIT :limit FOR UPDATE SKIP LOCKED
)"""  # noqa: S608  # two constants
    + _TAKE_UP
)
_RENEW = text(f"""
WITH locked AS ({_LOCKED})
UPDATE attempt a SET lease_until = :lease_until
FROM locked JOIN unnest(CAST(:ids AS text[]), CAST(:leases AS bigint[])) AS held(request_id, lease) USING (request_id)
WHERE a.request_id = locked.request_id AND a.lease = held.lease AND a.state IN ('leased', 'in_doubt')
  AND a.next_at IS NULL
RETURNING a.request_id
""")  # noqa: S608  # constants
_ANSWERED = text(f"""
WITH locked AS ({_LOCKED})
UPDATE attempt a
SET state = 'answered', answered_at = :now, tries = done.tries, request = '', owner = NULL, lease_until = NULL,
    next_at = NULL
FROM locked JOIN unnest(CAST(:ids AS text[]), CAST(:tries AS integer[])) AS done(request_id, tries) USING (request_id)
WHERE a.request_id = locked.request_id
""")  # noqa: S608  # constants
_DEFERRED = text("""
UPDATE attempt
SET state = :to_state, next_at = :due, tries = :calls, sent = sent OR :went, error = coalesce(:failed, error),
    owner = NULL, lease_until = NULL
WHERE request_id = :request AND lease = :held AND state IN ('leased', 'in_doubt') AND next_at IS NULL
""").bindparams(bindparam("failed", type_=JSONB(none_as_null=True)))
_BACKLOG = text("""
SELECT state, count(*) AS attempts FROM attempt WHERE agency = :agency AND state <> 'answered' GROUP BY state
""")
_AGENCY = text("SELECT state, circuit FROM agency WHERE agency = :agency")
_NEW_AGENCY = text("""
INSERT INTO agency (agency, state, since) VALUES (:agency, 'running', :now) ON CONFLICT DO NOTHING
""")
_CIRCUIT = text("UPDATE agency SET circuit = :circuit WHERE agency = :agency AND circuit <> :circuit")
_STOP = text("""
UPDATE agency SET state = 'stopped', since = :now, failure = :failure WHERE agency = :agency AND state <> 'stopped'
""").bindparams(bindparam("failure", type_=JSONB))
_RESUME = text("""
UPDATE agency SET state = 'running', since = :now, failure = NULL, circuit = 'closed'
WHERE agency = :agency AND state = 'stopped'
""")
_RESOLVE = text("""
UPDATE incident SET resolved_at = :now, resolved_by = :actor
WHERE agency = :agency AND kind = 'agency_stopped' AND resolved_at IS NULL
""")
