"""Writing what `cases.settle` decides, and the transitions that come from outside a projection.

Every function here runs in the caller's transaction and holds the application's row lock when it changes it.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from simpul.definition import Definition
from simpul.ledger import bulk, compensations, events
from simpul.ledger.cases import CLOSED, Case, Settled, load, settle
from simpul.ledger.definitions import DefinitionError, definition_of
from simpul.ledger.events import Event
from simpul.ledger.tables import incident as incident_table

# The standard's clock is looked at anew when a wait ends that may have stopped it, when the engine had stopped looking because
# it stood still, and once more at a late end; see `simpul.ledger.standards`.
_UPDATE = text("""
UPDATE application a
SET state = n.state, next_step = n.next_step, waiting_for = n.waiting_for, waiting_step = n.waiting_step,
    until = n.until, wave = CASE WHEN n.state = 'in_wave' THEN a.wave END,
    since = CASE WHEN a.state = n.state THEN a.since ELSE :now END,
    closed_at = CASE WHEN n.closed THEN coalesce(a.closed_at, :now) END,
    learnt = a.learnt + n.learnt,
    strikes = CASE WHEN n.learnt > 0 THEN 0 ELSE a.strikes END, solo = a.solo AND n.learnt = 0,
    pending = CASE WHEN n.closed THEN NULL ELSE a.pending END,
    standard_at = CASE WHEN n.closed THEN CASE WHEN a.due_at <= :now THEN CAST(:now AS timestamptz) END
                       WHEN a.due_at IS NOT NULL AND (a.standard_at IS NULL OR (
                            a.waiting_for IN ('citizen', 'payment') AND a.waiting_for IS DISTINCT FROM n.waiting_for))
                       THEN :now ELSE a.standard_at END
FROM unnest(CAST(:numbers AS text[]), CAST(:states AS text[]), CAST(:next_steps AS text[]),
            CAST(:waiting_for AS text[]), CAST(:waiting_steps AS text[]), CAST(:untils AS timestamptz[]),
            CAST(:closed AS boolean[]), CAST(:learnts AS integer[]))
     AS n(number, state, next_step, waiting_for, waiting_step, until, closed, learnt)
WHERE a.number = n.number
""")


@dataclass(frozen=True, slots=True)
class Move:
    """A case and the state it comes to; `because` goes into the event."""

    case: Case
    to: Settled
    because: str
    learnt: int = 0


def apply(connection: Connection, moves: Sequence[Move], *, actor: str, now: datetime) -> list[Event]:
    """Write moves; returns the events of those that changed something, for the caller to record."""
    if not moves:
        return []
    connection.execute(
        _UPDATE,
        {
            "now": now,
            "numbers": [move.case.number for move in moves],
            "states": [move.to.state for move in moves],
            "next_steps": [move.to.next_step for move in moves],
            "waiting_for": [move.to.waiting_for for move in moves],
            "waiting_steps": [move.to.waiting_step for move in moves],
            "untils": [move.to.until for move in moves],
            "closed": [move.to.state in CLOSED for move in moves],
            "learnts": [move.learnt for move in moves],
        },
    )
    moved = [_event(move, actor, now) for move in moves if _tells(move)]
    ended = [move for move in moves if move.to.state in CLOSED and not move.case.closed]
    return [*moved, *_undoing(connection, ended, actor=actor, now=now)]


def _undoing(connection: Connection, ended: Sequence[Move], *, actor: str, now: datetime) -> list[Event]:
    """What follows where cases end in nothing after something took effect, and where a compensation ends."""
    states = {move.case.number: move.to.state for move in ended if not move.case.undoes}
    in_nothing = [move.case for move in ended if states.get(move.case.number) not in (None, "completed")]
    left = compensations.note(connection, in_nothing, now=now)
    incidents = [uncompensated(each, states[each.application]) for each in left]
    over = [
        Event(
            at=now,
            actor=actor,
            action="compensation.completed",
            application=move.case.undoes,
            detail={"by": move.case.number},
        )
        for move in ended
        if move.case.undoes
    ]
    return [*_opened(connection, incidents, actor=actor, now=now), *over]


def uncompensated(effect: compensations.Effect, state: str) -> "Incident":
    """An operator is called for what nothing undoes."""
    return Incident(
        kind=compensations.KIND,
        diagnosis=compensations.diagnosis(effect, state),
        application=effect.application,
        service=effect.service,
        agency=effect.agency,
        step=effect.step,
    )


def _tells(move: Move) -> bool:
    """Whether a move is worth an event: another state, or another wait."""
    before, to = move.case, move.to
    if to.state != before.state:
        return True
    return to.state == "waiting" and (to.waiting_for, to.waiting_step, to.until) != (
        before.waiting_for,
        before.waiting_step,
        before.until,
    )


def _event(move: Move, actor: str, now: datetime) -> Event:
    to = move.to
    detail: dict[str, Any] = {"because": move.because}
    if to.waiting_for:
        detail["for"] = to.waiting_for
    if to.until:
        detail["until"] = to.until.isoformat()
    return Event(
        at=now,
        actor=actor,
        action=f"application.{to.state}",
        application=move.case.number,
        service=move.case.service,
        step=to.waiting_step,
        state=to.state,
        detail=detail,
    )


def resettle(
    connection: Connection, numbers: Iterable[str], *, because: str, actor: str, now: datetime
) -> dict[str, str]:
    """Lock applications, decide anew, write. Returns the state of each; those of an unreadable workflow stay."""
    moves = []
    for case in load(connection, list(numbers)).values():
        with suppress(DefinitionError):
            moves.append(Move(case, settle(case, definition_of(connection, case)), because))
    events.record(connection, apply(connection, moves, actor=actor, now=now))
    return {move.case.number: move.to.state for move in moves}


class ClosedError(Exception):
    """The application has ended; nothing about it can change any more."""


class WithdrawalPendingError(ClosedError):
    """The citizen is withdrawing it; a change would undo that."""


class UnknownApplicationError(LookupError):
    """There is no application of this number."""


def request_withdrawal(connection: Connection, number: str, *, actor: str, now: datetime) -> str:
    """Store the citizen's withdrawal; it takes effect when no step run is in flight.

    Returns:
        The state after it: `withdrawn`, or the present one while an agency's answer is outstanding.

    Raises:
        UnknownApplicationError: No such application.
        ClosedError: It has ended already.
    """
    _request(connection, number, "withdraw", "application.withdrawal_requested", actor=actor, now=now)
    return resettle(connection, [number], because="withdrawn by the citizen", actor=actor, now=now)[number]


def request_amendment(connection: Connection, number: str, sealed_form: bytes, *, actor: str, now: datetime) -> None:
    """Store a changed form; the engine puts it into effect when no step run is in flight.

    Args:
        sealed_form: The whole new form, sealed with aad `form:<present form version + 1>`.

    Raises:
        UnknownApplicationError: No such application.
        ClosedError: It has ended already.
        WithdrawalPendingError: It is being withdrawn.
    """
    _request(connection, number, "amend", "application.amendment_requested", actor=actor, now=now)
    connection.execute(
        text("UPDATE application SET amended_form = :form WHERE number = :number"),
        {"form": sealed_form, "number": number},
    )


def _request(connection: Connection, number: str, what: str, action: str, *, actor: str, now: datetime) -> None:
    case = load(connection, [number]).get(number)
    if case is None:
        raise UnknownApplicationError(f"there is no application {number}")
    if case.closed:
        raise ClosedError(f"application {number} is {case.state}: it can no longer be changed")
    if case.undoes:
        raise ClosedError(f"application {number} undoes {case.undoes}: it is neither withdrawn nor changed")
    if case.pending == "withdraw" and what != "withdraw":
        raise WithdrawalPendingError(f"application {number} is being withdrawn: it can no longer be changed")
    connection.execute(
        text("UPDATE application SET pending = :what WHERE number = :number"), {"what": what, "number": number}
    )
    events.record(connection, [Event(at=now, actor=actor, action=action, application=number, service=case.service)])


def amend(connection: Connection, number: str, changed: Sequence[str], *, actor: str, now: datetime) -> bool:
    """Put a stored amendment into effect: the changed steps and their descendants get a new revision.

    Args:
        changed: Steps whose request differs under the new form, as the engine found by building both.

    Returns:
        False when the amendment cannot take effect yet (a step run is in flight) or is gone.
    """
    case = load(connection, [number])[number]
    if case.pending != "amend" or case.closed or case.steps_in("open", "in_flight"):
        return False
    spec = definition_of(connection, case)
    in_vain = paid_in_vain(case, spec, changed)
    touched = renew(connection, case, spec, changed)
    case.pending = None
    connection.execute(
        text("""
        UPDATE application SET form = amended_form, amended_form = NULL, form_version = form_version + 1,
               pending = NULL WHERE number = :number
        """),
        {"number": number},
    )
    happened = Event(
        at=now,
        actor=actor,
        action="application.amended",
        application=number,
        service=case.service,
        detail={"steps": touched, "revisions": case.revisions},
    )
    moved = apply(connection, [Move(case, settle(case, spec), "amended")], actor=actor, now=now)
    events.record(connection, [happened, *moved])
    open_incidents(connection, in_vain, actor=actor, now=now)
    return True


def paid_in_vain(case: Case, spec: Definition, changed: Sequence[str]) -> "list[Incident]":
    """What to call an operator for when steps start afresh: bills that were paid, and will be made out anew."""
    touched = {step for name in changed for step in (name, *spec.descendants(name))}
    return [
        Incident(
            kind="paid_in_vain",
            diagnosis={
                "id": "Tagihan yang sudah dibayar diganti tagihan baru: periksa dan kembalikan pembayaran pertama.",
                "en": "A bill that was paid gives way to a new one: check, and refund the first payment.",
            },
            application=case.number,
            service=case.service,
            step=step.name,
        )
        for step in spec.steps
        if step.kind == "payment"
        and case.outcomes.get(step.name) == "done"
        and (step.reference or "").partition(".")[0] in touched
    ]


def renew(connection: Connection, case: Case, spec: Definition, changed: Sequence[str]) -> list[str]:
    """Steps and their descendants start afresh: those that were entered get a new revision, and outcomes stay behind.

    Returns:
        The steps that were touched, in alphabetical order.
    """
    touched = {step for name in changed for step in (name, *spec.descendants(name))}
    case.revisions = case.revisions | {step: case.revision(step) + 1 for step in touched if step in case.runs}
    case.runs = {step: run for step, run in case.runs.items() if step not in touched}
    case.outcomes = {step: outcome for step, outcome in case.outcomes.items() if step not in touched}
    case.state = "waiting" if case.state == "incident" else case.state
    connection.execute(
        text("UPDATE application SET strikes = 0, revisions = CAST(:revisions AS jsonb) WHERE number = :number"),
        {"number": case.number, "revisions": json.dumps(case.revisions)},
    )
    return sorted(touched)


def drop_amendment(connection: Connection, number: str, *, actor: str, now: datetime) -> None:
    """An amendment that cannot be put into effect is taken back; the case goes on as it was, and an operator hears."""
    case = load(connection, [number])[number]
    connection.execute(
        text("UPDATE application SET pending = NULL, amended_form = NULL WHERE number = :number"), {"number": number}
    )
    unusable = Incident(
        kind="amendment",
        diagnosis={
            "id": "Perubahan berkas tidak dapat diterapkan; berkas berjalan dengan isian lama. Minta pemohon mengulang.",
            "en": "A change to the form could not be put into effect; the case goes on with the old form. Ask again.",
        },
        application=number,
        service=case.service,
    )
    dropped = Event(
        at=now, actor=actor, action="application.amendment_dropped", application=number, service=case.service
    )
    events.record(connection, [dropped])
    open_incidents(connection, [unusable], actor=actor, now=now)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that cannot go on without an operator; `diagnosis` is a Text (id, en)."""

    kind: str
    diagnosis: dict[str, str]
    owner: str = "us"
    application: str | None = None
    service: str | None = None
    agency: str | None = None
    step: str | None = None


_RESOLVE = text("""
UPDATE incident SET resolved_at = :now, resolved_by = :actor
WHERE application = :application AND step = :step AND resolved_at IS NULL
RETURNING service, agency, kind
""")


def resolve_incidents(connection: Connection, application: str, step: str, *, actor: str, now: datetime) -> None:
    """The step has its answer after all: what an operator was called for is settled."""
    parameters = {"now": now, "actor": actor, "application": application, "step": step}
    settled = [
        Event(
            at=now,
            actor=actor,
            action="incident.resolved",
            application=application,
            service=row.service,
            agency=row.agency,
            step=step,
            detail={"kind": row.kind},
        )
        for row in connection.execute(_RESOLVE, parameters)
    ]
    events.record(connection, settled)


def open_incidents(connection: Connection, incidents: Sequence[Incident], *, actor: str, now: datetime) -> None:
    """Open incidents; one of the same kind for the same thing that is open already stays the only one."""
    events.record(connection, _opened(connection, incidents, actor=actor, now=now))


def _opened(connection: Connection, incidents: Sequence[Incident], *, actor: str, now: datetime) -> list[Event]:
    columns = ("application", "service", "agency", "step", "kind", "diagnosis", "owner", "opened_at")
    bulk.insert(
        connection,
        incident_table,
        columns,
        [(i.application, i.service, i.agency, i.step, i.kind, i.diagnosis, i.owner, now) for i in incidents],
    )
    return [
        Event(
            at=now,
            actor=actor,
            action="incident.opened",
            application=i.application,
            service=i.service,
            agency=i.agency,
            step=i.step,
            detail={"kind": i.kind, "owner": i.owner},
        )
        for i in incidents
    ]
