"""Tasks: what officers and citizens are asked, and what they answer. An answer closes its step in one transaction.

Rule 5 holds here too: the answer is stored before it is acknowledged. Contents come in sealed and go out sealed; whoever holds
the keys (the console, the engine) opens them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from simpul.crypto import digest
from simpul.ledger import bulk, events
from simpul.ledger.cases import Case, load, settle
from simpul.ledger.definitions import definition_of
from simpul.ledger.events import Event
from simpul.ledger.tables import outcome as outcome_table
from simpul.ledger.transitions import Incident, Move, apply, open_incidents, resolve_incidents


class NoSuchTaskError(LookupError):
    """There is no task here that could be answered: unknown, answered already, or its application went on without it."""


class NotYoursError(Exception):
    """Whoever decided first may not confirm, too: four eyes are two people."""


class WrongMoveError(Exception):
    """The task is not in a state for this: it waits for the citizen, or does not."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task with what its content opens with."""

    application: str
    subject: str
    data_key: bytes
    service: str
    version: int
    step: str
    revision: int
    ask: int
    kind: str
    group: str
    state: str
    opened_at: datetime
    until: datetime | None
    escalated_at: datetime | None
    first_by: str | None
    asked: tuple[str, ...]
    content: bytes | None
    priority: int
    ground: bytes | None
    channel: str
    received_by: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """The record that an answer becomes, sealed under the application's data key with aad `<request_id>:record`."""

    request_id: str
    schema: str
    record: bytes


def content_aad(task: Task) -> str:
    """What a task's content is bound to."""
    return f"task:{task.step}:{task.revision}"


_OPEN = text("""
INSERT INTO task (application, step, revision, kind, "group", state, opened_at, until)
VALUES (:application, :step, :revision, :kind, :group, 'open', :now, :until) ON CONFLICT DO NOTHING
""")


def ask(
    connection: Connection, case: Case, step: str, *, kind: str, group: str, until: datetime | None, now: datetime
) -> None:
    """Put a task in front of people; its step run is waiting already."""
    run = case.runs[step]
    asked = {"application": case.number, "step": step, "revision": run.revision, "kind": kind, "group": group}
    connection.execute(_OPEN, {**asked, "until": until, "now": now})
    detail = {"for": group if kind == "officer" else "citizen"}
    events.record(connection, [_event(case, step, "task.opened", detail, actor="engine", now=now)])


_SELECT = """
SELECT t.application, a.subject, a.data_key, a.service, a.version, t.step, t.revision, s.ask, t.kind, t."group", t.state,
       t.opened_at, t.until, t.escalated_at, t.first_by, t.asked, t.content, a.priority, a.ground, a.channel, a.received_by
FROM task t JOIN application a ON a.number = t.application
JOIN step_run s ON s.application = t.application AND s.step = t.step AND s.revision = t.revision
WHERE t.closed_at IS NULL AND s.state = 'waiting' AND a.closed_at IS NULL
  AND s.revision = coalesce((a.revisions ->> t.step)::int, 1)
"""
_LIST = text(f"""{_SELECT}
  AND (CAST(:groups AS text[]) IS NULL OR t."group" = ANY(CAST(:groups AS text[])))
  AND t.state = ANY(CAST(:states AS text[])) AND t.kind = :kind AND t.application > :after
ORDER BY a.priority DESC, t.until NULLS LAST, t.application, t.step LIMIT :limit
""")
_ONE = text(f"{_SELECT} AND t.application = :application AND t.step = :step")
_OVERDUE = text(f"{_SELECT} AND t.until <= :now ORDER BY t.until LIMIT :limit")


def listing(
    connection: Connection,
    *,
    groups: Sequence[str] | None,
    kind: str = "officer",
    states: Sequence[str] = ("open", "confirming"),
    after: str = "",
    limit: int = 50,
) -> list[Task]:
    """What people are asked now: the vulnerable first, then what is due first.

    Args:
        groups: Of officers; None for all.
        after: Only applications with a higher number.
    """
    wanted = {"groups": None if groups is None else list(groups), "kind": kind, "states": list(states)}
    return [_task(row) for row in connection.execute(_LIST, {**wanted, "after": after, "limit": limit})]


def find(connection: Connection, number: str, step: str) -> Task:
    """One open task; its application is locked from here on, so that nobody answers at the same time.

    Raises:
        NoSuchTaskError: There is none that could be answered.
    """
    load(connection, [number])
    row = connection.execute(_ONE, {"application": number, "step": step}).first()
    if row is None:
        raise NoSuchTaskError(f"application {number} asks nobody anything at {step}")
    return _task(row)


def of_application(connection: Connection, number: str) -> list[Task]:
    """What officers are asked about one application now."""
    rows = connection.execute(text(f"{_SELECT} AND t.application = :application"), {"application": number})
    return [_task(row) for row in rows if row.kind == "officer" and row.state in ("open", "confirming")]


def overdue(connection: Connection, *, now: datetime, limit: int = 200) -> list[Task]:
    """The tasks whose deadline has passed."""
    return [_task(row) for row in connection.execute(_OVERDUE, {"now": now, "limit": limit})]


def approve(connection: Connection, task: Task, sealed: Sealed, *, actor: str, by: str, now: datetime) -> str:
    """The step is done.

    Returns:
        The application's state after it.
    """
    detail = {"by": by, "came_to": "approved" if task.kind == "officer" else "answered"}
    return _close(connection, task, "done", sealed=sealed, detail=detail, actor=actor, now=now)


def reject(connection: Connection, task: Task, reason: dict[str, Any], *, actor: str, by: str, now: datetime) -> str:
    """The officer's no, with its reason as `schemas.messages.Reason`."""
    return _close(connection, task, "rejected", reason=reason, detail={"by": by}, actor=actor, now=now)


def lapse(connection: Connection, task: Task, reason: dict[str, Any], *, now: datetime) -> str:
    """Nobody answered in time, and the step is over."""
    return _close(connection, task, "lapsed", reason=reason, detail={}, actor="engine", now=now)


_CONFIRMING = text("""
UPDATE task SET state = 'confirming', first_by = :by, content = :content
WHERE application = :application AND step = :step AND revision = :revision
""")


def wait_for_second(
    connection: Connection, task: Task, content: bytes | None, *, actor: str, by: str, now: datetime
) -> None:
    """The first of four eyes approved: another officer has to confirm."""
    connection.execute(_CONFIRMING, {**_key(task), "by": by, "content": content})
    _tell(connection, task, "task.confirming", {"by": by}, actor=actor, now=now)


_RETURN = text("""
UPDATE task SET state = 'returned', asked = :asked, until = :until, first_by = NULL
WHERE application = :application AND step = :step AND revision = :revision
""")
_SUPPLY = text("""
UPDATE task SET state = 'open', content = :content, until = :until
WHERE application = :application AND step = :step AND revision = :revision
""")


def return_to_citizen(
    connection: Connection,
    task: Task,
    missing: Sequence[str],
    *,
    until: datetime | None,
    actor: str,
    by: str,
    now: datetime,
) -> None:
    """Something is missing: the citizen's move.

    Args:
        missing: What, in the officer's words; shown to the citizen, so it must hold nothing about others.
    """
    connection.execute(_RETURN, {**_key(task), "asked": list(missing), "until": until})
    _tell(connection, task, "task.returned", {"by": by, "missing": len(missing)}, actor=actor, now=now, until=until)


def supply(
    connection: Connection, task: Task, content: bytes, *, until: datetime | None, actor: str, now: datetime
) -> None:
    """The citizen brought it: the officer's move again."""
    connection.execute(_SUPPLY, {**_key(task), "content": content, "until": until})
    _tell(connection, task, "task.supplied", {}, actor=actor, now=now, until=until, digest=digest(content))


_ESCALATE = text("""
UPDATE task SET "group" = :group, escalated_at = :now, until = :until
WHERE application = :application AND step = :step AND revision = :revision
""")


def escalate(
    connection: Connection, task: Task, *, until: datetime | None, now: datetime, because: str | None = None
) -> None:
    """The supervisors of the group are called: the task's deadline passed, or what `because` says.

    Args:
        until: By when they have to decide.
    """
    connection.execute(_ESCALATE, {**_key(task), "group": supervisors(task.group), "until": until, "now": now})
    detail = {"group": supervisors(task.group), **({"because": because} if because else {})}
    _tell(connection, task, "task.escalated", detail, actor="engine", now=now, until=until)


def give_up(connection: Connection, task: Task, *, now: datetime) -> None:
    """Not even the supervisor answered: an operator looks; the task stays open."""
    connection.execute(_ESCALATE, {**_key(task), "group": task.group, "until": None, "now": now})
    unanswered = Incident(
        kind="overdue_task",
        diagnosis={
            "id": f"Tugas {task.step} untuk {task.group} melewati batas dua kali: pastikan ada yang menjawab.",
            "en": f"The task {task.step} of {task.group} passed its deadline twice: see that somebody answers.",
        },
        application=task.application,
        service=task.service,
        step=task.step,
    )
    open_incidents(connection, [unanswered], actor="engine", now=now)


def supervisors(group: str) -> str:
    """The group that a group's overdue tasks go to."""
    return group if group.endswith(".supervisor") else f"{group}.supervisor"


_CLOSE_RUN = text("""
UPDATE step_run SET state = 'closed', recalled = false, closed_at = :now
WHERE application = :application AND step = :step AND revision = :revision
""")
_CLOSE = text("""
UPDATE task SET state = 'closed', closed_at = :now
WHERE application = :application AND step = :step AND revision = :revision
""")


def _close(
    connection: Connection,
    task: Task,
    came_to: str,
    *,
    detail: dict[str, Any],
    sealed: Sealed | None = None,
    reason: dict[str, Any] | None = None,
    actor: str,
    now: datetime,
) -> str:
    case = load(connection, [task.application])[task.application]
    key = {**_key(task), "now": now}
    connection.execute(_CLOSE_RUN, key)
    connection.execute(_CLOSE, key)
    record = sealed.record if sealed else None
    happened = _event(
        case,
        task.step,
        f"step.{came_to}",
        {**detail, **({"reason": reason} if reason else {})},
        actor=actor,
        now=now,
        id=f"{task.application}/{task.step}/{task.revision}/{came_to}",
        digest=digest(record) if record else None,
    )
    columns = (
        "application",
        "step",
        "revision",
        "outcome",
        "event_id",
        "request_id",
        "record_schema",
        "record",
        "reason",
        "at",
    )
    row = (
        *(task.application, task.step, task.revision, came_to, happened.id),
        *(sealed.request_id if sealed else None, sealed.schema if sealed else None, record, reason, now),
    )
    bulk.insert(connection, outcome_table, columns, [row])
    case.runs[task.step].state = "closed"
    case.outcomes[task.step] = came_to
    to = settle(case, definition_of(connection, case))
    because = "nobody answered" if came_to == "lapsed" else "somebody answered"
    moved = apply(connection, [Move(case, to, because, 1)], actor=actor, now=now)
    events.record(connection, [happened, *moved])
    resolve_incidents(connection, task.application, task.step, actor=actor, now=now)
    return to.state


def _tell(
    connection: Connection,
    task: Task,
    action: str,
    detail: dict[str, Any],
    *,
    actor: str,
    now: datetime,
    until: datetime | None = None,
    digest: str | None = None,
) -> None:
    """The event, and where the application stands now."""
    if action != "task.confirming":
        connection.execute(
            text(
                "UPDATE step_run SET until = :until WHERE application = :application AND step = :step AND revision = :revision"
            ),
            {**_key(task), "until": until},
        )
    case = load(connection, [task.application])[task.application]
    events.record(connection, [_event(case, task.step, action, detail, actor=actor, now=now, digest=digest)])
    to = settle(case, definition_of(connection, case))
    events.record(connection, apply(connection, [Move(case, to, action)], actor=actor, now=now))


def _event(
    case: Case, step: str, action: str, detail: dict[str, Any], *, actor: str, now: datetime, **more: Any
) -> Event:
    return Event(
        at=now,
        actor=actor,
        action=action,
        application=case.number,
        service=case.service,
        step=step,
        revision=case.revision(step),
        detail=detail,
        **more,
    )


def _key(task: Task) -> dict[str, Any]:
    return {"application": task.application, "step": task.step, "revision": task.revision}


def _task(row: Any) -> Task:
    plain = {name: getattr(row, name) for name in Task.__dataclass_fields__}
    content = None if row.content is None else bytes(row.content)
    ground = None if row.ground is None else bytes(row.ground)
    return Task(
        **{**plain, "ground": ground, "data_key": bytes(row.data_key), "asked": tuple(row.asked), "content": content}
    )
