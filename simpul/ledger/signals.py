"""Signals: rows, not edges (design rule 5). Stored before they are acknowledged; matched now or later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, text

from simpul.ledger import events
from simpul.ledger.cases import Case, load
from simpul.ledger.events import Event
from simpul.ledger.transitions import Incident, open_incidents, resettle


@dataclass(frozen=True, slots=True)
class Signal:
    """Something from outside that an application may wait for.

    Args:
        id: Deterministic over the message: the same message twice is one signal.
        kind: `payment`, ...
        source: The agency it came from, or the API key.
        reference: Blinded: what it refers to, such as a billing code.
    """

    id: str
    kind: str
    source: str
    reference: str


_INSERT = text("""
INSERT INTO signal (id, kind, source, reference, received_at) VALUES (:id, :kind, :source, :reference, :now)
ON CONFLICT (id) DO NOTHING RETURNING id
""")


def receive(connection: Connection, signals: Iterable[Signal], *, now: datetime) -> set[str]:
    """Store signals and let the applications that wait for them go on.

    Returns:
        The ids that were new; the others had been received before.
    """
    new = {}
    # in one order, so that two pushes of the same rows do not lock each other out
    for signal in sorted(signals, key=attrgetter("id")):
        parameters = {
            "id": signal.id,
            "kind": signal.kind,
            "source": signal.source,
            "reference": signal.reference,
            "now": now,
        }
        if connection.execute(_INSERT, parameters).first():
            new[signal.id] = signal
    events.record(
        connection,
        [
            Event(id=f"signal:{s.id}", at=now, actor=s.source, action="signal.received", detail={"kind": s.kind})
            for s in new.values()
        ],
    )
    match(connection, [s.reference for s in new.values()], now=now)
    return set(new)


_CANDIDATES = text("""
SELECT application, step, reference FROM step_run
WHERE reference = ANY(CAST(:references AS text[])) ORDER BY application, revision
""")
_OPEN = text("""
SELECT id, kind, reference FROM signal
WHERE consumed_at IS NULL AND reference = ANY(CAST(:references AS text[])) ORDER BY received_at, id FOR UPDATE
""")
_CONSUME = text("UPDATE signal SET consumed_at = :now, application = :application WHERE id = :id")
_RECALL = text("""
UPDATE step_run SET recalled = true
WHERE application = :application AND step = :step AND revision = :revision AND state = 'waiting'
""")


def match(connection: Connection, references: Sequence[str], *, now: datetime) -> None:
    """Bring open signals together with the step runs that they refer to.

    A waiting step is recalled; one whose answer is under way leaves the signal open (the answer decides, and what
    comes to wait after it matches again); a signal for a closed case becomes an event and an incident.
    """
    if not references:
        return
    candidates = connection.execute(_CANDIDATES, {"references": list(references)}).all()
    cases = load(connection, [candidate.application for candidate in candidates])
    signals = connection.execute(_OPEN, {"references": list(references)}).all()
    recalled = []
    for signal in signals:
        for case, step in _concerned(cases, candidates, signal.reference):
            run = case.runs.get(step)
            superseded = run is None or run.reference != signal.reference
            paid = case.outcomes.get(step) == "done"
            if superseded or (case.closed and not paid):
                _late(connection, signal.id, signal.kind, case, step, now=now)
            elif paid or (run is not None and run.state == "waiting"):
                _consume(connection, signal.id, case, step, now)
                recalled.append(case.number)
    waiting = [number for number in recalled if not cases[number].closed]
    resettle(connection, waiting, because="a signal came", actor="ledger", now=now)


def _concerned(cases: Mapping[str, Case], candidates: Sequence[Any], reference: str) -> list[tuple[Case, str]]:
    """The cases with a step that refers to this, in its present revision or, where none does, in an earlier one."""
    pairs = {(c.application, c.step) for c in candidates if c.reference == reference}
    return [(cases[number], step) for number, step in sorted(pairs)]


_UNMATCHED = text("""
SELECT DISTINCT s.reference FROM signal s JOIN step_run r ON r.reference = s.reference
WHERE s.consumed_at IS NULL AND r.state IN ('waiting', 'closed')
""")


def sweep(connection: Connection, *, now: datetime) -> int:
    """Match open signals again: one may have come in the very moment in which its step began to wait.

    Returns:
        How many references had an open signal.
    """
    references = list(connection.execute(_UNMATCHED).scalars())
    match(connection, references, now=now)
    return len(references)


_CONSUMED = text("SELECT 1 FROM signal WHERE reference = :reference AND application = :application LIMIT 1")


def doubt_lapses(connection: Connection, lapsed: Sequence[tuple[Case, str]], *, now: datetime) -> None:
    """A step lapsed although its signal had come: the agency contradicts itself, an operator looks."""
    for case, step in lapsed:
        parameters = {"reference": case.runs[step].reference, "application": case.number}
        if connection.execute(_CONSUMED, parameters).first():
            doubtful = Incident(
                kind="lapsed_after_signal",
                diagnosis={
                    "id": "Sinyal sudah datang, tetapi sampai tenggat instansi menyatakan belum: periksa dengan instansi.",
                    "en": "A signal had come, yet up to the deadline the agency said: not yet. Ask the agency.",
                },
                application=case.number,
                service=case.service,
                step=step,
            )
            open_incidents(connection, [doubtful], actor="ledger", now=now)


def _consume(connection: Connection, signal: str, case: Case, step: str, now: datetime) -> None:
    connection.execute(_CONSUME, {"now": now, "application": case.number, "id": signal})
    connection.execute(_RECALL, {"application": case.number, "step": step, "revision": case.revision(step)})
    events.record(connection, [_event("signal.matched", signal, case, step, now)])


def _late(connection: Connection, signal: str, kind: str, case: Case, step: str, *, now: datetime) -> None:
    connection.execute(_CONSUME, {"now": now, "application": case.number, "id": signal})
    events.record(connection, [_event("signal.late", signal, case, step, now)])
    late = Incident(
        kind=f"late_{kind}",
        diagnosis={
            "id": f"Sinyal {kind} datang terlambat (berkas: {case.state}): periksa dan kembalikan bila perlu.",
            "en": f"A {kind} signal came too late (the case: {case.state}): check, and refund if need be.",
        },
        application=case.number,
        service=case.service,
        step=step,
    )
    open_incidents(connection, [late], actor="ledger", now=now)


def _event(action: str, signal: str, case: Case, step: str, now: datetime) -> Event:
    return Event(
        id=f"{action}:{signal}",
        at=now,
        actor="ledger",
        action=action,
        application=case.number,
        service=case.service,
        step=step,
        detail={"signal": signal},
    )
