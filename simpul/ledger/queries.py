"""What may be asked of the ledger: where an application stands, lists, counts, timelines. Nothing here writes.

Records and forms come out sealed; whoever holds the keys decides what of them may be seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from simpul.definition import Definition
from simpul.ledger.definitions import definition, filled
from simpul.ledger.events import Event
from simpul.ledger.tables import application, event
from simpul.ledger.tables import definition as definition_table


def reachable(engine: Engine) -> bool:
    """Whether the ledger answers."""
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except (DBAPIError, PoolTimeoutError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record as it rests: its schema, and the bytes that open with `aad`."""

    schema: str
    sealed: bytes
    aad: str


@dataclass(frozen=True, slots=True)
class StepStatus:
    """A step in its current revision. `state` is of the step run, None when it was never opened."""

    name: str
    revision: int
    state: str | None = None
    outcome: str | None = None
    opened_at: datetime | None = None
    decided_at: datetime | None = None
    reason: dict[str, Any] | None = None
    record: SealedRecord | None = None


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """Why an operator is called, and who moves next."""

    kind: str
    diagnosis: dict[str, str]
    owner: str
    agency: str | None
    step: str | None
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Summary:
    """One application in a list."""

    number: str
    service: str
    version: int
    channel: str
    state: str
    since: datetime
    waiting_for: str | None
    waiting_step: str | None
    until: datetime | None
    received_at: datetime
    closed_at: datetime | None
    due_at: datetime | None
    warned_at: datetime | None
    breached_at: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """Everything about where one application stands."""

    summary: Summary
    definition: Definition
    subject: str
    data_key: bytes
    form_version: int
    pending: str | None
    steps: list[StepStatus]
    incidents: list[OpenIncident] = field(default_factory=list)
    missing: tuple[str, ...] = ()
    """What an officer found missing, while the citizen has to bring it."""


_SUMMARY = [application.c[column] for column in Summary.__dataclass_fields__]


def status(connection: Connection, number: str) -> Status | None:
    """Where an application stands, None when there is no such application."""
    columns = [application.c[c] for c in ("subject", "data_key", "form_version", "pending", "revisions", "calls")]
    row = connection.execute(select(*_SUMMARY, *columns).where(application.c.number == number)).first()
    if row is None:
        return None
    facts = row._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
    operations = {step: call["operation"] for step, call in row.calls.items()}
    workflow = filled(definition(connection, row.service, row.version), operations)
    return Status(
        summary=_summary(facts),
        definition=workflow,
        subject=row.subject,
        data_key=row.data_key,
        form_version=row.form_version,
        pending=row.pending,
        steps=_steps(connection, number, workflow, row.revisions),
        incidents=[OpenIncident(**found._mapping) for found in connection.execute(_INCIDENTS, {"number": number})],  # noqa: SLF001
        missing=tuple(connection.execute(_MISSING, {"number": number, "step": row.waiting_step}).scalar() or ()),
    )


def form(connection: Connection, number: str) -> SealedRecord | None:
    """An application's form as it rests."""
    row = connection.execute(
        text("SELECT form, form_version FROM application WHERE number = :number"), {"number": number}
    ).first()
    return None if row is None else SealedRecord("form", bytes(row.form), f"form:{row.form_version}")


def _summary(facts: Mapping[Any, Any]) -> Summary:
    return Summary(**{column: facts[column] for column in Summary.__dataclass_fields__})


_MISSING = text("""
SELECT asked FROM task WHERE application = :number AND step = :step AND state = 'returned' ORDER BY revision DESC LIMIT 1
""")
_INCIDENTS = text("""
SELECT kind, diagnosis, owner, agency, step, opened_at FROM incident
WHERE application = :number AND resolved_at IS NULL ORDER BY id
""")
_STEPS = text("""
SELECT coalesce(s.step, o.step) AS step, coalesce(s.revision, o.revision) AS revision, s.state, s.opened_at,
       o.outcome, o.at, o.reason, o.record_schema, o.record, o.request_id
FROM (SELECT * FROM step_run WHERE application = :number) s
FULL JOIN (SELECT * FROM outcome WHERE application = :number) o ON o.step = s.step AND o.revision = s.revision
""")


def _steps(connection: Connection, number: str, workflow: Definition, revisions: dict[str, int]) -> list[StepStatus]:
    rows = {(row.step, row.revision): row for row in connection.execute(_STEPS, {"number": number})}
    steps = []
    for step in workflow.steps:
        revision = revisions.get(step.name, 1)
        row = rows.get((step.name, revision))
        if row is None:
            steps.append(StepStatus(step.name, revision))
            continue
        record = (
            SealedRecord(row.record_schema, row.record, f"{row.request_id}:record")
            if row.record_schema and row.record
            else None
        )
        steps.append(StepStatus(step.name, revision, row.state, row.outcome, row.opened_at, row.at, row.reason, record))
    return steps


_WARNED = (application.c.closed_at.is_(None), application.c.warned_at.is_not(None))
_CLOCKS = {
    "overdue": (*_WARNED, application.c.breached_at.is_not(None)),
    "warning": (*_WARNED, application.c.breached_at.is_(None)),
}


def listing(
    connection: Connection,
    *,
    state: str | None = None,
    service: str | None = None,
    standard: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Summary]:
    """Applications, newest number first.

    Args:
        standard: Only open ones: `overdue`, past their service standard, or `warning`, warned of and not yet past it.
        before: The last number of the page before: only smaller ones are listed.
    """
    query = select(*_SUMMARY).order_by(application.c.number.desc()).limit(limit)
    if state is not None:
        query = query.where(application.c.state == state)
    if service is not None:
        query = query.where(application.c.service == service)
    if standard is not None:
        query = query.where(*_CLOCKS[standard])
    if before is not None:
        query = query.where(application.c.number < before)
    return [_summary(row._mapping) for row in connection.execute(query)]  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class Counts:
    """How many applications there are, for Prometheus."""

    by_service_and_state: dict[tuple[str, str], int]
    waiting: dict[str, int]
    incidents: int
    clocks: dict[tuple[str, str], int]
    """Open applications by (service, `overdue` or `warning`)."""
    breaches: dict[str, int]
    """Applications past their service standard by service, ended ones included."""


def counts(connection: Connection) -> Counts:
    """Applications by (service, state), those waiting by what they wait for, and open incidents."""
    states = connection.execute(text("SELECT service, state, count(*) AS n FROM application GROUP BY 1, 2"))
    waits = connection.execute(
        text(
            "SELECT coalesce(waiting_for, '') AS what, count(*) AS n FROM application WHERE state = 'waiting' GROUP BY 1"
        )
    )
    incidents = connection.execute(text("SELECT count(*) FROM incident WHERE resolved_at IS NULL")).scalar_one()
    clocks = connection.execute(
        text("""
        SELECT service, CASE WHEN breached_at IS NULL THEN 'warning' ELSE 'overdue' END AS clock, count(*) AS n
        FROM application WHERE warned_at IS NOT NULL AND closed_at IS NULL GROUP BY 1, 2
        """)
    )
    breaches = connection.execute(
        text("SELECT service, count(*) AS n FROM application WHERE breached_at IS NOT NULL GROUP BY 1")
    )
    return Counts(
        by_service_and_state={(row.service, row.state): row.n for row in states},
        waiting={row.what: row.n for row in waits},
        incidents=incidents,
        clocks={(row.service, row.clock): row.n for row in clocks},
        breaches={row.service: row.n for row in breaches},
    )


_EVENT = [event.c[column] for column in Event.__dataclass_fields__]


def timeline(connection: Connection, number: str) -> list[Event]:
    """Every event of an application in the order in which they were written; empty for an unknown number."""
    rows = connection.execute(select(*_EVENT).where(event.c.application == number).order_by(event.c.sequence))
    return [Event(**row._mapping) for row in rows]  # noqa: SLF001


def timelines(connection: Connection, numbers: Sequence[str]) -> dict[str, list[Event]]:
    """The same of several applications, by number."""
    found: dict[str, list[Event]] = {number: [] for number in numbers}
    rows = connection.execute(
        select(*_EVENT).where(event.c.application.in_(numbers)).order_by(event.c.application, event.c.sequence)
    )
    for row in rows:
        found[row.application].append(Event(**row._mapping))  # noqa: SLF001
    return found


def published(connection: Connection) -> list[Definition]:
    """Every published definition in every version, freshly read."""
    return [Definition.model_validate(body) for body in connection.execute(select(definition_table.c.body)).scalars()]
