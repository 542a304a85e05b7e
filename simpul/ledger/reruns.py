"""A forced rerun: a step and what follows it start afresh, under a new revision, because an operator says so.

What a step did to an agency is not undone by it. So a rerun says first which writes would be sent again, and does that only
by force; retry, resume and restart never come here, since outcomes are remembered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from connectors import catalogue
from simpul.definition import Definition
from simpul.ledger import events
from simpul.ledger.cases import Case, load, settle
from simpul.ledger.definitions import definition_of
from simpul.ledger.events import Event
from simpul.ledger.transitions import (
    Move,
    UnknownApplicationError,
    apply,
    open_incidents,
    paid_in_vain,
    renew,
    resolve_incidents,
)


class CannotRerunError(Exception):
    """The application cannot be rerun from there, or not now; the text says why."""


@dataclass(frozen=True, slots=True)
class Again:
    """A step that starts afresh.

    Attributes:
        came_to: Its outcome, or the state of its run.
        writes: It asks for a write that took effect, or may have: sent again, it would happen twice. Or for money that was
            paid for a bill that would be made out anew.
    """

    step: str
    operation: str
    came_to: str
    writes: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rerun of one application comes to."""

    number: str
    steps: Sequence[Again]

    @property
    def writes(self) -> list[Again]:
        """The writes that would be sent again."""
        return [each for each in self.steps if each.writes]


def plan(connection: Connection, number: str, step: str) -> Plan:
    """What a rerun from a step would do. Changes nothing.

    Raises:
        UnknownApplicationError: No such application.
        CannotRerunError: Not from there, or not now.
    """
    case, spec = _ready(connection, number, step)
    return _plan(connection, case, spec, step)


def rerun(
    connection: Connection, number: str, step: str, *, reason: str, force: bool, actor: str, now: datetime
) -> tuple[Plan, str]:
    """Give a step and its descendants a new revision.

    Args:
        reason: Kept in an event, so nothing about a person.
        force: Also where writes that took effect are then sent again.

    Returns:
        What starts afresh, and the application's state after it.

    Raises:
        UnknownApplicationError: No such application.
        CannotRerunError: Not from there, not now, or not without force.
    """
    case, spec = _ready(connection, number, step)
    found = _plan(connection, case, spec, step)
    if found.writes and not force:
        names = ", ".join(f"{each.step} ({each.operation}, {each.came_to})" for each in found.writes)
        raise CannotRerunError(f"writes would be sent again: {names}; only by force, with a reason")
    in_vain = paid_in_vain(case, spec, [step])
    touched = renew(connection, case, spec, [step])
    happened = Event(
        at=now,
        actor=actor,
        action="application.rerun",
        application=number,
        service=case.service,
        step=step,
        detail={
            "steps": touched,
            "revisions": case.revisions,
            "reason": reason,
            "writes": [each.step for each in found.writes],
        },
    )
    to = settle(case, spec)
    moved = apply(connection, [Move(case, to, "rerun by an operator")], actor=actor, now=now)
    events.record(connection, [happened, *moved])
    for name in touched:
        resolve_incidents(connection, number, name, actor=actor, now=now)
    open_incidents(connection, in_vain, actor=actor, now=now)
    return found, to.state


_MATCHING = text("""
SELECT number FROM application
WHERE service = :service AND closed_at IS NULL AND (CAST(:state AS text) IS NULL OR state = :state)
  AND (CAST(:since AS timestamptz) IS NULL OR received_at >= :since)
ORDER BY number
""")


def matching(
    connection: Connection, *, service: str, state: str | None = None, since: datetime | None = None
) -> list[str]:
    """The open applications of a service, for a rerun of many.

    Args:
        since: Only those received at that moment or later.
    """
    wanted = {"service": service, "state": state, "since": since}
    return list(connection.execute(_MATCHING, wanted).scalars())


def _ready(connection: Connection, number: str, step: str) -> tuple[Case, Definition]:
    case = load(connection, [number]).get(number)
    if case is None:
        raise UnknownApplicationError(f"there is no application {number}")
    spec = definition_of(connection, case)
    if step not in spec.by_name:
        raise CannotRerunError(f"{case.service} version {case.version} has no step {step!r}")
    if case.closed:
        raise CannotRerunError(f"it is {case.state}: what has ended stays so")
    if case.pending:
        raise CannotRerunError(f"a citizen's request is under way ({case.pending}): first that")
    if busy := case.steps_in("open", "in_flight"):
        raise CannotRerunError(f"an answer is outstanding ({', '.join(busy)}): wait for it")
    if step not in case.runs:
        raise CannotRerunError(f"the step {step} was not entered yet")
    return case, spec


def _plan(connection: Connection, case: Case, spec: Definition, step: str) -> Plan:
    sent = set(connection.execute(_SENT, {"number": case.number}).scalars())
    refused = set(connection.execute(_REFUSED, {"number": case.number}).scalars())
    paid = {each.step for each in paid_in_vain(case, spec, [step])}
    steps = []
    for name in (step, *spec.descendants(step)):
        if name not in case.runs:
            continue
        operation = spec.by_name[name].operation
        effect = catalogue.load().get(operation, {}).get("effect", "write") if operation else "none"
        came_to = case.outcomes.get(name) or case.runs[name].state
        took_effect = came_to == "done" or (name in sent and name not in refused)
        writes = (effect == "write" and took_effect) or name in paid
        steps.append(Again(name, operation, came_to, writes=writes))
    return Plan(case.number, steps)


# The agency's own no: an operator's, about a write in doubt, has no request.
_REFUSED = text("""
SELECT o.step FROM outcome o JOIN application a ON a.number = o.application
WHERE o.application = :number AND o.outcome = 'rejected' AND o.request_id IS NOT NULL
  AND o.revision = coalesce((a.revisions ->> o.step)::int, 1)
""")
_SENT = text("""
SELECT s.step FROM step_run s JOIN application a ON a.number = s.application
WHERE s.application = :number AND s.sent_at IS NOT NULL AND s.revision = coalesce((a.revisions ->> s.step)::int, 1)
""")
