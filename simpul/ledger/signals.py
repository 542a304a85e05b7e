"""Signals: rows, not edges (design rule 5). Stored before they are acknowledged; matched now or later."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

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
    for signal in signals:
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
SELECT DISTINCT s.application FROM step_run s WHERE s.reference = ANY(CAST(:references AS text[]))
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
    numbers = connection.execute(_CANDIDATES, {"references": list(references)}).scalars().all()
    cases = load(connection, numbers)
    signals = connection.execute(_OPEN, {"references": list(references)}).all()
    recalled = []
    for signal in signals:
        for case in cases.values():
            step = next((s for s, run in case.runs.items() if run.reference == signal.reference), None)
            if step is None:
                continue
            settled_before = case.outcomes.get(step) == "done"
            if case.closed and not settled_before:
                _late(connection, signal.id, signal.kind, case, step, now=now)
            elif settled_before or case.runs[step].state == "waiting":
                _consume(connection, signal.id, case, step, now)
                recalled.append(case.number)
    resettle(connection, recalled, because="a signal came", actor="ledger", now=now)


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
            "id": f"Sinyal {kind} datang setelah berkas ditutup ({case.state}): periksa dan kembalikan bila perlu.",
            "en": f"A {kind} signal came after the case was closed ({case.state}): check, and refund if need be.",
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
