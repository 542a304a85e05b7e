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

from connectors import catalogue
from schemas.messages import OutcomeData, Reason
from schemas.text import Text
from simpul.crypto import digest
from simpul.ledger import bulk, compensations, events, signals
from simpul.ledger.cases import Case, StepRun, load, settle
from simpul.ledger.definitions import definition_of
from simpul.ledger.events import Event
from simpul.ledger.tables import outcome as outcome_table
from simpul.ledger.transitions import Incident, Move, apply, open_incidents, resettle, resolve_incidents

_NOT_IN_TIME = Reason(
    code="NOT_IN_TIME",
    text=Text(
        id="Pembayaran atau konfirmasi tidak diterima sampai batas waktunya. Ajukan kembali bila masih diperlukan.",
        en="The payment or confirmation had not come in by its deadline. Apply again if you still need it.",
    ),
)


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
    recovered: list[tuple[str, str]] = field(default_factory=list)
    lapsed: list[tuple[Case, str]] = field(default_factory=list)


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
    _write(connection, batch)
    moves = [
        Move(
            case,
            settle(case, definition_of(connection, case)),
            "an answer came",
            batch.learnt.get(case.number, 0),
        )
        for case in batch.touched.values()
    ]
    moved = apply(connection, moves, actor="projector", now=now)
    events.record(connection, [*batch.events, *moved])
    open_incidents(connection, batch.incidents, actor="projector", now=now)
    for number, step in batch.recovered:
        resolve_incidents(connection, number, step, actor="projector", now=now)
    signals.doubt_lapses(connection, batch.lapsed, now=now)
    signals.match(connection, batch.references, now=now)
    return {move.case.number: move.to.state for move in moves}


def lay_aside(connection: Connection, subject: str, step: str, *, now: datetime) -> None:
    """An answer that cannot be stored: the step it was for needs an operator, if there is such a step in flight."""
    for case in load(connection, list(_numbers(connection, {subject}).values())).values():
        run = case.runs.get(step)
        if run is None or run.state not in ("open", "in_flight"):
            continue
        parameters = {"now": now, "applications": [case.number], "steps": [step], "revisions": [run.revision]}
        connection.execute(_RUNS, {**parameters, "states": ["failed"]})
        failed = Event(
            at=now,
            actor="projector",
            action="step.failed",
            application=case.number,
            service=case.service,
            step=step,
            revision=run.revision,
        )
        events.record(connection, [failed])
        unusable = Incident(
            kind="unusable_answer",
            diagnosis={
                "id": "Jawaban instansi tidak dapat disimpan; ada di dead letters. Periksa sebelum meminta ulang.",
                "en": "The agency's answer cannot be stored; it is among the dead letters. Look before asking again.",
            },
            application=case.number,
            service=case.service,
            step=step,
        )
        open_incidents(connection, [unusable], actor="projector", now=now)
        resettle(connection, [case.number], because="its answer cannot be stored", actor="projector", now=now)


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
    if case.closed or outdated or _overtaken(case, run, answer):  # type: ignore[arg-type]  # `outdated` covers None
        _late(connection, batch, case, answer)
        return
    batch.touched[case.number] = case
    came_to = _pending_means(run, answer, batch.now) if data.outcome == "pending" else data.outcome  # type: ignore[arg-type]
    if came_to == "rejected":
        came_to = _no_means(definition_of(connection, case).by_name[data.step].kind, data)
    _TAKE[came_to](batch, case, answer, came_to)


def _overtaken(case: Case, run: StepRun, answer: Answer) -> bool:
    """Whether the step has moved on since: what a signal, a deadline or an operator has done must not be undone.

    A record always counts, also one that an earlier ask brought after all: it is the same step under the same reference.
    """
    if answer.data.outcome == "done":
        return False
    waits_on = ("pending", "failed", "rejected") if case.undoes else ("pending", "failed")
    return answer.data.ask != run.ask or (answer.data.outcome in waits_on and run.state not in ("open", "in_flight"))


def _no_means(kind: str, data: OutcomeData) -> str:
    """What a no comes to; why stands in the event.

    A notice that nobody can be sent changes nothing about the case. What cannot be undone needs an operator, but not where
    it has ended by itself or was undone already.
    """
    over = data.reason is not None and data.reason.code in catalogue.load().get(data.operation, {}).get("over", ())
    return {"notify": "skipped", "compensate": "skipped" if over else "refused"}.get(kind, "rejected")


def _pending_means(run: StepRun, answer: Answer, now: datetime) -> str:
    """What "not yet" comes to: the deadline counts only for a question that was put after it."""
    if run.until is None and run.reference is None:
        return "endless"
    asked_at = answer.data.sent_at or now
    return "lapsed" if run.until and run.until <= asked_at else "pending"


def _close(batch: _Batch, case: Case, answer: Answer, came_to: str) -> None:
    data = answer.data
    run = case.runs[data.step]
    if run.state == "failed":
        batch.recovered.append((case.number, data.step))
    if came_to != "done" and run.reference:
        batch.references.append(run.reference)
    if came_to == "lapsed" and run.reference:
        batch.lapsed.append((case, data.step))
    record = base64.b64decode(data.payload) if data.payload and came_to == "done" else None
    told = data.reason or (_NOT_IN_TIME if came_to == "lapsed" else None)
    reason = told.model_dump(mode="json") if told else None
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
    happened = _event(batch, case, answer, f"step.{came_to}", digest=digest(record) if record else None, reason=reason)
    batch.events.append(happened)
    if case.undoes and came_to == "done":
        undone = compensations.told(
            case, data.step, "compensation.undone", id=happened.id, now=batch.now, actor=happened.actor
        )
        batch.events.extend(undone)


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


def _refused(batch: _Batch, case: Case, answer: Answer, _came_to: str) -> None:
    """The agency does not undo what it did: the steps that follow wait for an operator, too."""
    data = answer.data
    _set_run(batch, case, data.step, "failed")
    reason = data.reason.model_dump(mode="json") if data.reason else None
    said = data.reason.text if data.reason else Text(id="tanpa alasan.", en="no reason given.")
    happened = _event(batch, case, answer, "step.failed", reason=reason)
    undone = compensations.told(
        case, data.step, "compensation.refused", id=happened.id, now=batch.now, actor=happened.actor
    )
    batch.events += [happened, *undone]
    steps = ", ".join(case.calls[data.step]["steps"])
    agency = data.operation.partition(".")[0]
    batch.incidents.append(
        Incident(
            kind=compensations.KIND,
            diagnosis={
                "id": f"{agency} menolak {data.operation}, yang membatalkan langkah {steps}: {said.id} "
                "Selesaikan dengan instansi itu, lalu ulangi atau lewati langkah ini.",
                "en": f"{agency} refused {data.operation}, which undoes {steps}: {said.en} "
                "Settle it with the agency, then have it asked again or skip it.",
            },
            owner="agency",
            application=case.number,
            service=case.service,
            agency=agency,
            step=data.step,
        )
    )


def _endless(batch: _Batch, case: Case, answer: Answer, _came_to: str) -> None:
    """Not yet, and neither a signal nor a deadline would ever ask again."""
    _set_run(batch, case, answer.data.step, "failed")
    batch.events.append(_event(batch, case, answer, "step.failed"))
    batch.incidents.append(
        Incident(
            kind="endless_wait",
            diagnosis={
                "id": "Instansi menjawab: belum. Langkah ini tidak punya tenggat atau sinyal: perbaiki alur layanannya.",
                "en": "The agency says: not yet. The step has neither deadline nor signal: mend the service's workflow.",
            },
            application=case.number,
            service=case.service,
            step=answer.data.step,
        )
    )


_TAKE = {
    "done": _close,
    "rejected": _close,
    "skipped": _close,
    "refused": _refused,
    "lapsed": _close,
    "pending": _wait,
    "failed": _fail,
    "endless": _endless,
}


def _set_run(batch: _Batch, case: Case, step: str, state: str) -> None:
    run = case.runs[step]
    run.state = state
    batch.runs.append((case.number, step, run.revision, state))


def _late(connection: Connection, batch: _Batch, case: Case, answer: Answer) -> None:
    """An answer that nothing waits for: the same one again is dropped, any other is an event, after close an incident."""
    told = _told_as(answer)
    seen = connection.execute(text("SELECT 1 FROM event WHERE id = :id"), {"id": told}).first()
    if seen or any(e.id == told for e in batch.events):
        return
    batch.events.append(_event(batch, case, answer, "outcome.late", id=f"{told}/late"))
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


def _told_as(answer: Answer) -> str:
    """The id of an answer's event. A doubtful call that is answered after all comes under the same outcome id."""
    return f"{answer.id}/{answer.data.outcome}"


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
        id=more.get("id", _told_as(answer)),
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


def _write(connection: Connection, batch: _Batch) -> None:
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
