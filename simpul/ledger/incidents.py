"""Incidents as operators deal with them: which are open, what is known of one, and how it is resolved.

A step that failed goes on only by what an operator says: asked again, looked up, rejected or withdrawn. What may be said
depends on the step's effect (design rule 7): a write that may have happened is looked up, and sent again only by force.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, text

from connectors import catalogue
from simpul.definition import StepDefinition
from simpul.ledger import bulk, events
from simpul.ledger.cases import Case, load, settle
from simpul.ledger.definitions import definition_of
from simpul.ledger.events import Event
from simpul.ledger.queries import timeline
from simpul.ledger.tables import outcome as outcome_table
from simpul.ledger.transitions import Move, apply, request_withdrawal

Do = Literal["retry", "look_up", "reject", "skip", "withdraw", "note"]
"""What resolving does: ask the step again; ask the agency by our reference first; the step is rejected; what it was to undo
was undone by hand, or stays; the application is withdrawn; or nothing but what is written down."""


class UnknownIncidentError(LookupError):
    """There is no incident of this id."""


class CannotResolveError(Exception):
    """The incident cannot be resolved like this; the text says what can be done instead."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it is kept."""

    id: int
    application: str | None
    service: str | None
    agency: str | None
    step: str | None
    kind: str
    diagnosis: dict[str, str]
    owner: str
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


@dataclass(frozen=True, slots=True)
class Known:
    """An incident with everything that helps to resolve it.

    Attributes:
        state: Of the application, None where the incident is about none.
        operation: Of the step, None where there is none.
        effect: Of the operation, as the connector states it.
        sent: The step's request has gone out, so the agency may know of it.
        reference: What the agency can be asked by.
        may: What resolving may do, without force.
        events: Of the step, or of the application where the incident names no step; oldest first.
    """

    incident: Incident
    state: str | None
    operation: str | None
    effect: str | None
    sent: bool
    reference: str | None
    may: Sequence[Do]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Resolution:
    """What an operator decides.

    Args:
        reason: Why, or what was found out; kept in an event, so nothing about a person.
        told: For `reject`: what the citizen is told, as `schemas.messages.Reason`.
        force: For `retry`: also where a write may then happen twice.
    """

    do: Do
    reason: str
    told: Mapping[str, Any] | None = None
    force: bool = False


def told(indonesian: str, english: str) -> dict[str, Any]:
    """What the citizen is told of a no that an operator takes over, as `schemas.messages.Reason`."""
    return {"code": "OPERATOR", "text": {"id": indonesian, "en": english}}


_COLUMNS = ", ".join(Incident.__dataclass_fields__)
_LIST = text(f"""
SELECT {_COLUMNS} FROM incident
WHERE resolved_at IS NULL AND id > :after
  AND (CAST(:application AS text) IS NULL OR application = :application)
  AND (CAST(:service AS text) IS NULL OR service = :service)
  AND (CAST(:agency AS text) IS NULL OR agency = :agency)
  AND (CAST(:kind AS text) IS NULL OR kind = :kind)
ORDER BY id LIMIT :limit
""")  # noqa: S608  # names of columns
_ONE = text(f"SELECT {_COLUMNS} FROM incident WHERE id = :id")  # noqa: S608  # names of columns
_LOCK = text("SELECT resolved_by FROM incident WHERE id = :id AND resolved_at IS NOT NULL FOR UPDATE")


def listing(
    connection: Connection,
    *,
    application: str | None = None,
    service: str | None = None,
    agency: str | None = None,
    kind: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[Incident]:
    """Open incidents, oldest first.

    Args:
        after: Only those with a higher id.
    """
    wanted = {"application": application, "service": service, "agency": agency, "kind": kind}
    return [_incident(row) for row in connection.execute(_LIST, {**wanted, "after": after, "limit": limit})]


def known(connection: Connection, incident: int) -> Known:
    """Everything about one incident.

    Raises:
        UnknownIncidentError: No such incident.
    """
    found = _find(connection, incident)
    case = _case(connection, found)
    if case is None:
        return Known(found, None, None, None, sent=False, reference=None, may=_may(None, None), events=())
    step = _step(connection, case, found)
    story = [each for each in timeline(connection, case.number) if found.step in (None, each.step)]
    references = [each.detail["reference"] for each in story if each.step and each.detail.get("reference")]
    return Known(
        found,
        state=case.state,
        operation=step.operation or None if step else None,
        effect=_effect(step),
        sent=_sent(connection, case, found.step),
        reference=references[-1] if references and found.step else None,
        may=_may(case, found, step, sent=_sent(connection, case, found.step)),
        events=story,
    )


def resolve(connection: Connection, incident: int, how: Resolution, *, actor: str, now: datetime) -> str | None:
    """Do what an operator decides about an incident. The application's lock is held from here on.

    A note on an incident that holds an application up is written down, and the incident stays open.

    Returns:
        The application's state after it; None where the incident is about none.

    Raises:
        UnknownIncidentError: No such incident.
        CannotResolveError: It is resolved already, or not like this.
    """
    found = _find(connection, incident)
    case = _case(connection, found)
    if (by := connection.execute(_LOCK, {"id": incident}).scalar()) is not None:
        raise CannotResolveError(f"incident {incident} was resolved before, by {by}")
    if how.do == "note":
        return _note(connection, found, case, how, actor=actor, now=now)
    step = _step(connection, case, found) if case else None
    if how.do == "reject" and not how.told:
        raise CannotResolveError("a rejection needs what the citizen is told")
    sent = _sent(connection, case, found.step) if case else False
    may = _may(case, found, step, sent=sent)
    if how.do not in may and not (how.do == "retry" and how.force and _holds_a_step_up(may)):
        raise CannotResolveError(_why_not(how.do, may, step, sent=sent))
    if case is None:
        raise CannotResolveError("the incident is about no application")
    _tell(connection, found, "incident.resolved", how, actor=actor, now=now)
    _close(connection, found, actor=actor, now=now)
    return _DO[how.do](_Turn(connection, case, found, how, actor, now))


def _note(
    connection: Connection, found: Incident, case: Case | None, how: Resolution, *, actor: str, now: datetime
) -> str | None:
    """Written down; what holds nothing up is resolved by it."""
    if (case is not None and _held_up(case, found)) or _still_stopped(connection, found):
        _tell(connection, found, "incident.noted", how, actor=actor, now=now)
    else:
        _tell(connection, found, "incident.resolved", how, actor=actor, now=now)
        _close(connection, found, actor=actor, now=now)
    return case.state if case else None


def _held_up(case: Case, found: Incident) -> bool:
    """Whether the application cannot go on before this incident is resolved."""
    if case.closed:
        return False
    return found.step in case.steps_in("failed") if found.step else case.state == "incident"


def _still_stopped(connection: Connection, found: Incident) -> bool:
    """Whether the incident says that an agency is turned off, and it is: only turning it on resolves that."""
    stopped = text("SELECT 1 FROM agency WHERE agency = :agency AND state = 'stopped'")
    return found.kind == "agency_stopped" and connection.execute(stopped, {"agency": found.agency}).first() is not None


def _may(
    case: Case | None, found: Incident | None, step: StepDefinition | None = None, *, sent: bool = False
) -> list[Do]:
    """What can be done about an incident without force."""
    if case is None or found is None or case.closed:
        return ["note"]
    may: list[Do] = []
    if _held_up(case, found):
        harmless = step is None or _effect(step) != "write" or not sent
        if harmless:
            may.append("retry")
        if not harmless and step is not None and _reconcilable(step):
            may.append("look_up")
        if step is not None:
            may.append("skip" if case.undoes else "reject")
    return [*may, "note"] if case.undoes else [*may, "withdraw", "note"]


def _holds_a_step_up(may: Sequence[Do]) -> bool:
    return "reject" in may or "skip" in may


def _why_not(do: Do, may: Sequence[Do], step: StepDefinition | None, *, sent: bool) -> str:
    if not _holds_a_step_up(may) and do != "withdraw":
        return f"this incident holds up no step: it can be resolved by {', '.join(may)}"
    if do == "retry" and step is not None and sent:
        normal = "look it up first" if "look_up" in may else "ask the agency"
        return f"{step.operation} is a write that may have happened: {normal}; only by force is it sent again"
    if do == "look_up" and step is not None:
        looked_up = "nothing of it was sent" if not sent else "it is no write, or its agency offers no look-up"
        return f"{step.name} cannot be looked up: {looked_up}"
    return f"it can be resolved by {', '.join(may)}"


@dataclass(frozen=True, slots=True)
class _Turn:
    """One incident being resolved."""

    connection: Connection
    case: Case
    found: Incident
    how: Resolution
    actor: str
    now: datetime

    def event(self, step: str, action: str, detail: dict[str, Any]) -> Event:
        """What happens to the step."""
        return Event(
            at=self.now,
            actor=self.actor,
            action=action,
            application=self.case.number,
            service=self.case.service,
            step=step,
            revision=self.case.revision(step),
            detail=detail,
        )

    def settle(self, told: Sequence[Event], because: str, *, learnt: int = 0) -> str:
        """Where the application comes to."""
        to = settle(self.case, definition_of(self.connection, self.case))
        moved = apply(self.connection, [Move(self.case, to, because, learnt)], actor=self.actor, now=self.now)
        events.record(self.connection, [*told, *moved])
        return to.state


def _retry(turn: _Turn) -> str:
    """The step is entered again, with a new ask under the same reference."""
    told, case, how = [], turn.case, turn.how
    if (step := turn.found.step) is not None:
        again = {"application": case.number, "step": step, "revision": case.revision(step)}
        turn.connection.execute(_RECALL, {**again, "look_up": how.do == "look_up"})
        case.runs[step].state, case.runs[step].recalled = "waiting", True
        told = [turn.event(step, "step.recalled", {"did": how.do, "force": how.force})]
    turn.connection.execute(_FRESH, {"application": case.number})
    return turn.settle(told, "an operator has it asked again")


def _reject(turn: _Turn) -> str:
    """The step comes to the outcome `rejected`, with what the citizen is told."""
    return _decided(turn, "rejected", dict(turn.how.told or {}), "an operator took the no over")


def _skip(turn: _Turn) -> str:
    """What the step was to undo is dealt with in another way: the rest is undone."""
    return _decided(turn, "skipped", None, "an operator dealt with it")


def _decided(turn: _Turn, came_to: str, reason: dict[str, Any] | None, because: str) -> str:
    """The step comes to an outcome without its agency."""
    step, case = str(turn.found.step), turn.case
    revision = case.revision(step)
    told = {"by": turn.actor, "reason": reason} if reason else {"by": turn.actor}
    happened = turn.event(step, f"step.{came_to}", told)
    columns = ("application", "step", "revision", "outcome", "event_id", "reason", "at")
    row = (case.number, step, revision, came_to, happened.id, reason, turn.now)
    bulk.insert(turn.connection, outcome_table, columns, [row])
    about = {"application": case.number, "step": step, "revision": revision}
    turn.connection.execute(_CLOSE_RUN, {**about, "now": turn.now})
    case.runs[step].state = "closed"
    case.outcomes[step] = came_to
    return turn.settle([happened], because, learnt=1)


def _withdraw(turn: _Turn) -> str:
    return request_withdrawal(turn.connection, turn.case.number, actor=turn.actor, now=turn.now)


_DO = {"retry": _retry, "look_up": _retry, "reject": _reject, "skip": _skip, "withdraw": _withdraw}

_RECALL = text("""
UPDATE step_run SET state = 'waiting', recalled = true, look_up = :look_up
WHERE application = :application AND step = :step AND revision = :revision AND state = 'failed'
""")
_CLOSE_RUN = text("""
UPDATE step_run SET state = 'closed', recalled = false, closed_at = :now
WHERE application = :application AND step = :step AND revision = :revision
""")
_FRESH = text("UPDATE application SET strikes = 0 WHERE number = :application")
_CLOSE = text("""
UPDATE incident SET resolved_at = :now, resolved_by = :actor WHERE resolved_at IS NULL AND (
    id = :id OR (application = :application AND step = :step AND kind = ANY(CAST(:kinds AS text[]))))
RETURNING id, agency, kind
""")
_OF_A_FAILED_STEP = (
    "in_doubt",
    "bad_data",
    "retriable",
    "misconfigured",
    "bad_request",
    "unusable_answer",
    "endless_wait",
    "uncompensated",
)


def _close(connection: Connection, found: Incident, *, actor: str, now: datetime) -> None:
    """The incident is settled, and with a step whatever else was open because it failed."""
    kinds = list(_OF_A_FAILED_STEP) if found.kind in _OF_A_FAILED_STEP else []
    about = {"id": found.id, "application": found.application, "step": found.step, "kinds": kinds}
    others = [
        Event(
            at=now,
            actor=actor,
            action="incident.resolved",
            application=found.application,
            service=found.service,
            agency=row.agency,
            step=found.step,
            detail={"incident": row.id, "kind": row.kind},
        )
        for row in connection.execute(_CLOSE, {**about, "now": now, "actor": actor})
        if row.id != found.id
    ]
    events.record(connection, others)


def _find(connection: Connection, incident: int) -> Incident:
    row = connection.execute(_ONE, {"id": incident}).first()
    if row is None:
        raise UnknownIncidentError(f"there is no incident {incident}")
    return _incident(row)


def _incident(row: Row[Any]) -> Incident:
    return Incident(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping


def _case(connection: Connection, found: Incident) -> Case | None:
    return load(connection, [found.application]).get(found.application) if found.application else None


def _step(connection: Connection, case: Case, found: Incident) -> StepDefinition | None:
    return definition_of(connection, case).by_name.get(found.step or "")


def _effect(step: StepDefinition | None) -> str | None:
    """What the step does to its agency; one that no connector offers any more is taken for a write."""
    if step is None or not step.operation:
        return None
    return str(catalogue.load().get(step.operation, {}).get("effect", "write"))


def _reconcilable(step: StepDefinition) -> bool:
    return bool(catalogue.load().get(step.operation, {}).get("reconcile"))


def _sent(connection: Connection, case: Case, step: str | None) -> bool:
    """Whether a request of the step, in its current revision, has ever gone out."""
    about = {"application": case.number, "step": step, "revision": case.revision(step or "")}
    return connection.execute(_SENT, about).first() is not None


_SENT = text("""
SELECT 1 FROM step_run
WHERE application = :application AND step = :step AND revision = :revision AND sent_at IS NOT NULL
""")


def _tell(connection: Connection, found: Incident, action: str, how: Resolution, *, actor: str, now: datetime) -> None:
    told = Event(
        at=now,
        actor=actor,
        action=action,
        application=found.application,
        service=found.service,
        agency=found.agency,
        step=found.step,
        detail={"incident": found.id, "kind": found.kind, "did": how.do, "reason": how.reason, "force": how.force},
    )
    events.record(connection, [told])
