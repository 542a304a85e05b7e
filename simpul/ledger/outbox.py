"""The outbox: steps that were entered and whose requests are still to be built and sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from simpul.crypto import digest
from simpul.ledger import bulk, events, signals, tasks
from simpul.ledger.cases import load, settle
from simpul.ledger.definitions import definition_of
from simpul.ledger.events import Event
from simpul.ledger.tables import outcome as outcome_table
from simpul.ledger.transitions import Incident, Move, apply, open_incidents


@dataclass(frozen=True, slots=True)
class Sealed:
    """A record as it rests: opens with the application's data key and aad `<request_id>:record`."""

    request_id: str
    record: bytes


@dataclass(frozen=True, slots=True)
class Due:
    """A step whose request is to be built; `records` are those of the steps done so far."""

    outbox: int
    number: str
    subject: str
    service: str
    version: int
    step: str
    revision: int
    ask: int
    data_key: bytes
    form: bytes
    form_version: int
    traceparent: str
    records: Mapping[str, Sealed]
    until: datetime | None
    look_up: bool = False
    contact: bytes | None = None
    """Sealed with aad `contact`: where the citizen is told."""
    opened_at: datetime | None = None
    consents: frozenset[str] = frozenset()
    """The steps that may fetch their record, as agreed when the application was filed."""
    operations: Mapping[str, str] = field(default_factory=dict)
    """Which operations the application's `compensate` steps call."""


_TAKE = text("""
SELECT o.id, o.application, o.step, o.revision, o.ask, a.subject, a.service, a.version, a.data_key, a.form,
       a.form_version, a.traceparent, a.revisions, a.contact, a.consents, a.calls, s.until, s.look_up, s.opened_at
FROM outbox o
JOIN application a ON a.number = o.application
JOIN step_run s ON s.application = o.application AND s.step = o.step AND s.revision = o.revision
WHERE a.service || '/' || a.version <> ALL(CAST(:without AS text[]))
ORDER BY o.id LIMIT :limit FOR UPDATE OF o SKIP LOCKED
""")
_RECORDS = text("""
SELECT application, step, revision, request_id, record FROM outcome
WHERE application = ANY(CAST(:numbers AS text[])) AND record IS NOT NULL
""")


def take(connection: Connection, limit: int, without: Sequence[str] = ()) -> list[Due]:
    """Lock due rows, oldest first; rows that another engine holds are passed over.

    Args:
        without: Services to leave, as `service/version`.
    """
    rows = connection.execute(_TAKE, {"limit": limit, "without": list(without)}).all()
    revisions = {row.application: row.revisions for row in rows}
    records: dict[str, dict[str, Sealed]] = {number: {} for number in revisions}
    if rows:
        for row in connection.execute(_RECORDS, {"numbers": list(revisions)}):
            if row.revision == revisions[row.application].get(row.step, 1):
                records[row.application][row.step] = Sealed(row.request_id, bytes(row.record))
    return [
        Due(
            row.id,
            row.application,
            row.subject,
            row.service,
            row.version,
            row.step,
            row.revision,
            row.ask,
            bytes(row.data_key),
            bytes(row.form),
            row.form_version,
            row.traceparent,
            records[row.application],
            row.until,
            row.look_up,
            None if row.contact is None else bytes(row.contact),
            row.opened_at,
            frozenset(row.consents),
            {step: call["operation"] for step, call in row.calls.items()},
        )
        for row in rows
    ]


_LOCK = text("SELECT FROM application WHERE number = ANY(CAST(:numbers AS text[])) ORDER BY number FOR UPDATE")


def lock(connection: Connection, rows: Sequence[Due]) -> None:
    """Lock the applications of rows, in number order, before anything of theirs is written."""
    connection.execute(_LOCK, {"numbers": [due.number for due in rows]})


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that the broker has; `operation` names its purpose and legal basis for the event."""

    due: Due
    agency: str
    operation: str
    purpose: str
    legal_basis: str | None
    digest: str
    until: datetime | None = None
    reference: str | None = None


_SENT = text("""
UPDATE step_run s
SET state = 'in_flight', sent_at = :now, until = coalesce(n.until, s.until),
    reference = coalesce(n.reference, s.reference)
FROM unnest(CAST(:applications AS text[]), CAST(:steps AS text[]), CAST(:revisions AS integer[]),
            CAST(:asks AS integer[]), CAST(:untils AS timestamptz[]), CAST(:references AS text[]))
     AS n(application, step, revision, ask, until, reference)
WHERE s.application = n.application AND s.step = n.step AND s.revision = n.revision AND s.ask = n.ask
  AND s.state = 'open'
""")


def sent(connection: Connection, requests: Sequence[Sent], *, now: datetime) -> None:
    """Mark requests as in flight and take them out of the outbox."""
    if not requests:
        return
    connection.execute(
        _SENT,
        {
            "now": now,
            "applications": [r.due.number for r in requests],
            "steps": [r.due.step for r in requests],
            "revisions": [r.due.revision for r in requests],
            "asks": [r.due.ask for r in requests],
            "untils": [r.until for r in requests],
            "references": [r.reference for r in requests],
        },
    )
    _remove(connection, [r.due for r in requests])
    events.record(connection, [_requested(r, now) for r in requests])


def _requested(request: Sent, now: datetime) -> Event:
    due = request.due
    return Event(
        id=f"{due.number}/{due.step}/{due.revision}/{due.ask}/requested",
        at=now,
        actor="engine",
        action="step.requested",
        application=due.number,
        service=due.service,
        step=due.step,
        revision=due.revision,
        agency=request.agency,
        operation=request.operation,
        purpose=request.purpose,
        legal_basis=request.legal_basis,
        digest=request.digest,
        detail={"ask": due.ask},
    )


def _remove(connection: Connection, rows: Sequence[Due]) -> None:
    connection.execute(
        text("DELETE FROM outbox WHERE id = ANY(CAST(:ids AS bigint[]))"), {"ids": [due.outbox for due in rows]}
    )


_RUN = text("""
UPDATE step_run SET state = :state, until = :until, reference = :reference, closed_at = :closed_at, recalled = false
WHERE application = :application AND step = :step AND revision = :revision AND state = 'open'
""")


def skip(connection: Connection, due: Due, *, now: datetime) -> None:
    """The step's condition is false: it is skipped, and the application moves on."""
    if _lock_open(connection, due, "closed", closed_at=now):
        event = _event(due, "step.skipped", now)
        bulk.insert(
            connection,
            outcome_table,
            ("application", "step", "revision", "outcome", "event_id", "at"),
            [(due.number, due.step, due.revision, "skipped", event.id, now)],
        )
        events.record(connection, [event])
        _resettle(connection, due, "a step does not apply", learnt=1, now=now)


@dataclass(frozen=True, slots=True)
class Known:
    """What the step would ask for is known already: its sealed record."""

    record: Sealed
    schema: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A document that was made: its sealed record, and what its check page finds it by."""

    record: Sealed
    schema: str
    check: str
    issued_at: datetime


_PAPER = text("""
INSERT INTO paper ("check", application, step, revision, issued_at)
VALUES (:check, :application, :step, :revision, :issued_at)
""")


def issue(connection: Connection, due: Due, issued: Issued, *, now: datetime) -> None:
    """The step's document is made: stored once, with the step's outcome, and the application moves on."""
    if _lock_open(connection, due, "closed", closed_at=now):
        done = _done(connection, due, issued.record, issued.schema, now=now)
        paper = {"application": due.number, "step": due.step, "revision": due.revision}
        connection.execute(_PAPER, {**paper, "check": issued.check, "issued_at": issued.issued_at})
        events.record(connection, [replace(_event(due, "document.issued", now), digest=done.digest)])
        _resettle(connection, due, "its document is made", learnt=1, now=now)


def know(connection: Connection, due: Due, known: Known, *, now: datetime) -> None:
    """Nobody has to be asked: the step is done, and the application moves on."""
    if _lock_open(connection, due, "closed", closed_at=now):
        _done(connection, due, known.record, known.schema, now=now)
        _resettle(connection, due, "the answer was known", learnt=1, now=now)


def _done(connection: Connection, due: Due, sealed: Sealed, schema: str, *, now: datetime) -> Event:
    """The outcome of a step that asks nobody."""
    done = replace(_event(due, "step.done", now), digest=digest(sealed.record))
    columns = ("application", "step", "revision", "outcome", "event_id", "request_id", "record_schema", "record", "at")
    row = (due.number, due.step, due.revision, "done", done.id, sealed.request_id, schema, sealed.record, now)
    bulk.insert(connection, outcome_table, columns, [row])
    events.record(connection, [done])
    return done


def park(connection: Connection, due: Due, *, until: datetime, reference: str, now: datetime) -> None:
    """The step waits for a signal: the application leaves its wave, unless the signal is there already."""
    if _lock_open(connection, due, "waiting", until=until, reference=reference):
        _resettle(connection, due, "waits for a signal", learnt=1, now=now)
        signals.match(connection, [reference], now=now)


def ask_people(
    connection: Connection, due: Due, *, kind: str, group: str, until: datetime | None, now: datetime
) -> None:
    """The step is a task for an officer or the citizen: the application leaves its wave and waits for them."""
    if _lock_open(connection, due, "waiting", until=until):
        case = load(connection, [due.number])[due.number]
        tasks.ask(connection, case, due.step, kind=kind, group=group, until=until, now=now)
        _resettle(connection, due, "somebody is asked", learnt=1, now=now)


def fail(connection: Connection, due: Due, diagnosis: dict[str, str], *, now: datetime) -> None:
    """The request cannot be built: the step needs an operator."""
    if _lock_open(connection, due, "failed"):
        events.record(connection, [_event(due, "step.failed", now, detail={"diagnosis": diagnosis})])
        incident = Incident(
            kind="bad_request", diagnosis=diagnosis, application=due.number, service=due.service, step=due.step
        )
        open_incidents(connection, [incident], actor="engine", now=now)
        _resettle(connection, due, "its request cannot be built", learnt=0, now=now)


def _lock_open(
    connection: Connection,
    due: Due,
    state: str,
    *,
    until: datetime | None = None,
    reference: str | None = None,
    closed_at: datetime | None = None,
) -> bool:
    """Take the row out of the outbox and set the step run's state, holding the application's lock."""
    load(connection, [due.number])
    _remove(connection, [due])
    updated = connection.execute(
        _RUN,
        {
            "state": state,
            "until": until,
            "reference": reference,
            "closed_at": closed_at,
            "application": due.number,
            "step": due.step,
            "revision": due.revision,
        },
    )
    return bool(updated.rowcount)


def _resettle(connection: Connection, due: Due, because: str, *, learnt: int, now: datetime) -> None:
    case = load(connection, [due.number])[due.number]
    move = Move(case, settle(case, definition_of(connection, case)), because, learnt)
    events.record(connection, apply(connection, [move], actor="engine", now=now))


def _event(due: Due, action: str, now: datetime, detail: dict[str, Any] | None = None) -> Event:
    return Event(
        id=f"{due.number}/{due.step}/{due.revision}/{due.ask}/{action}",
        at=now,
        actor="engine",
        action=action,
        application=due.number,
        service=due.service,
        step=due.step,
        revision=due.revision,
        detail=detail or {},
    )
