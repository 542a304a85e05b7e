"""The projection: agencies' answers become outcomes, and applications move on. One transaction per batch.

An answer counts once: outcomes have a primary key, and what comes again, late or for an older revision is an
event only. Where the answers come from (Kafka) is not known here; see `simpul.projector`.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from schemas.messages import OutcomeData
from simpul.crypto import digest
from simpul.ledger import bulk, events, signals
from simpul.ledger.cases import Case, load, settle
from simpul.ledger.definitions import definition
from simpul.ledger.events import Event
from simpul.ledger.tables import outcome as outcome_table
from simpul.ledger.transitions import Incident, Move, apply, open_incidents


@dataclass(frozen=True, slots=True)
class Answer:
    """One message of the topic `outcomes`; `id` is its event id."""

    id: str
    subject: str
    data: OutcomeData


@dataclass(slots=True)
class _Batch:
    """What one batch of answers changes; written at its end, a statement per kind."""

    now: datetime
    outcomes: list[tuple[Any, ...]] = field(default_factory=list)
    runs: list[tuple[str, str, int, str]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    learnt: dict[str, int] = field(default_factory=dict)
    touched: dict[str, Case] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)


def project(connection: Connection, answers: Sequence[Answer], *, now: datetime) -> dict[str, str]:
    """Store a batch of answers and move their applications on.

    Returns:
        Application number to state, for those that the batch touched.
    """
    numbers = _numbers(connection, {answer.subject for answer in answers})
    cases = load(connection, list(numbers.values()))
    batch = _Batch(now)
    for answer in answers:
        number = numbers.get(answer.subject)
        if number is None:
            batch.incidents.append(_unknown(answer))
        else:
            _take(connection, batch, cases[number], answer)
    _write(connection, batch, answers)
    moves = [
        Move(
            case,
            settle(case, definition(connection, case.service, case.version)),
            "an answer came",
            batch.learnt.get(case.number, 0),
        )
        for case in batch.touched.values()
    ]
    moved = apply(connection, moves, actor="projector", now=now)
    events.record(connection, [*batch.events, *moved])
    open_incidents(connection, batch.incidents, actor="projector", now=now)
    signals.match(connection, batch.references, now=now)
    return {move.case.number: move.to.state for move in moves}


def _numbers(connection: Connection, subjects: Iterable[str]) -> dict[str, str]:
    rows = connection.execute(
        text("SELECT subject, number FROM application WHERE subject = ANY(CAST(:subjects AS text[]))"),
        {"subjects": list(subjects)},
    )
    return {row.subject: row.number for row in rows}


def _take(connection: Connection, batch: _Batch, case: Case, answer: Answer) -> None:
    data = answer.data
    run = case.runs.get(data.step)
    outdated = run is None or data.revision != case.revision(data.step) or data.step in case.outcomes
    if case.closed or outdated:
        _late(connection, batch, case, answer)
        return
    if data.ask != run.ask:  # type: ignore[union-attr]  # `outdated` covers None
        return
    batch.touched[case.number] = case
    came_to = data.outcome
    if came_to == "pending":
        came_to = "lapsed" if run.until and run.until <= batch.now else "pending"  # type: ignore[union-attr, assignment]
    _TAKE[came_to](batch, case, answer, came_to)


def _close(batch: _Batch, case: Case, answer: Answer, came_to: str) -> None:
    data = answer.data
    record = base64.b64decode(data.payload) if data.payload and came_to == "done" else None
    reason = data.reason.model_dump(mode="json") if data.reason else None
    batch.outcomes.append(
        (
            case.number,
            data.step,
            data.revision,
            came_to,
            answer.id,
            data.request_id,
            data.record_schema,
            record,
            reason,
            batch.now,
        )
    )
    case.outcomes[data.step] = came_to
    batch.learnt[case.number] = batch.learnt.get(case.number, 0) + 1
    _set_run(batch, case, data.step, "closed")
    batch.events.append(
        _event(batch, case, answer, f"step.{came_to}", digest=digest(record) if record else None, reason=reason)
    )


def _wait(batch: _Batch, case: Case, answer: Answer, _came_to: str) -> None:
    step = answer.data.step
    _set_run(batch, case, step, "waiting")
    case.runs[step].recalled = False
    batch.learnt[case.number] = batch.learnt.get(case.number, 0) + 1
    batch.events.append(_event(batch, case, answer, "step.pending"))
    if reference := case.runs[step].reference:
        batch.references.append(reference)


def _fail(batch: _Batch, case: Case, answer: Answer, _came_to: str) -> None:
    data = answer.data
    _set_run(batch, case, data.step, "failed")
    batch.events.append(_event(batch, case, answer, "step.failed"))
    if data.failure:
        batch.incidents.append(
            Incident(
                kind=data.failure.kind,
                diagnosis=data.failure.diagnosis.model_dump(mode="json"),
                owner=data.failure.owner,
                application=case.number,
                service=case.service,
                agency=data.operation.partition(".")[0],
                step=data.step,
            )
        )


_TAKE = {
    "done": _close,
    "rejected": _close,
    "lapsed": _close,
    "pending": _wait,
    "failed": _fail,
}


def _set_run(batch: _Batch, case: Case, step: str, state: str) -> None:
    run = case.runs[step]
    run.state = state
    batch.runs.append((case.number, step, run.revision, state))


def _late(connection: Connection, batch: _Batch, case: Case, answer: Answer) -> None:
    """An answer that nothing waits for: the same one again is dropped, any other is an event, after close an incident."""
    seen = connection.execute(text("SELECT 1 FROM event WHERE id = :id"), {"id": answer.id}).first()
    if seen or any(e.id == answer.id for e in batch.events):
        return
    batch.events.append(_event(batch, case, answer, "outcome.late", id=f"{answer.id}:late"))
    if case.closed:
        batch.incidents.append(
            Incident(
                kind="late_outcome",
                diagnosis={
                    "id": f"Jawaban instansi datang setelah berkas ditutup ({case.state}): periksa akibatnya.",
                    "en": f"An agency's answer came after the case was closed ({case.state}): check what it means.",
                },
                application=case.number,
                service=case.service,
                agency=answer.data.operation.partition(".")[0],
                step=answer.data.step,
            )
        )


def _unknown(answer: Answer) -> Incident:
    return Incident(
        kind="unknown_application",
        diagnosis={
            "id": f"Jawaban {answer.id} untuk berkas yang tidak dikenal buku besar ini: topik milik instalasi lain?",
            "en": f"Answer {answer.id} is for an application this ledger does not know: a topic of another set-up?",
        },
        agency=answer.data.operation.partition(".")[0],
    )


def _event(batch: _Batch, case: Case, answer: Answer, action: str, **more: Any) -> Event:
    data = answer.data
    detail: dict[str, Any] = {
        "outcome": data.outcome,
        "ask": data.ask,
        "tries": data.tries,
        # What an operator asks the agency by, when a write is in doubt.
        "reference": data.reference,
    }
    for moment in ("received_at", "sent_at", "answered_at", "published_at"):
        if at := getattr(data, moment):
            detail[moment] = at.isoformat()
    if reason := more.get("reason"):
        detail["reason"] = reason
    if data.failure:
        detail["failure"] = {"kind": data.failure.kind, "code": data.failure.code, "owner": data.failure.owner}
    return Event(
        id=more.get("id", answer.id),
        at=batch.now,
        actor=f"gateway:{data.operation.partition('.')[0]}",
        action=action,
        application=case.number,
        service=case.service,
        step=data.step,
        revision=data.revision,
        agency=data.operation.partition(".")[0],
        operation=data.operation,
        digest=more.get("digest"),
        detail=detail,
    )


_OUTCOME_COLUMNS = (
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
_RUNS = text("""
UPDATE step_run s
SET state = n.state, recalled = false, closed_at = CASE WHEN n.state = 'closed' THEN CAST(:now AS timestamptz) END
FROM unnest(CAST(:applications AS text[]), CAST(:steps AS text[]), CAST(:revisions AS integer[]),
            CAST(:states AS text[])) AS n(application, step, revision, state)
WHERE s.application = n.application AND s.step = n.step AND s.revision = n.revision
""")
_ATTEMPTS = text("""
UPDATE attempt SET state = 'answered', answered_at = :now, lease_until = NULL, next_at = NULL
WHERE request_id = ANY(CAST(:requests AS text[])) AND state <> 'answered'
""")


def _write(connection: Connection, batch: _Batch, answers: Sequence[Answer]) -> None:
    bulk.insert(connection, outcome_table, _OUTCOME_COLUMNS, batch.outcomes)
    if batch.runs:
        applications, steps, revisions, states = (list(column) for column in zip(*batch.runs, strict=True))
        connection.execute(
            _RUNS,
            {
                "now": batch.now,
                "applications": applications,
                "steps": steps,
                "revisions": revisions,
                "states": states,
            },
        )
    connection.execute(_ATTEMPTS, {"now": batch.now, "requests": [a.data.request_id for a in answers]})
