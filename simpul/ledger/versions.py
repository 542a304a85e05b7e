"""Applications that go over to another version of their workflow: what may be asked for, and how it is written.

What a migration comes to for one application is worked out in `simpul.engine.versions`, which holds the keys: whether a step
would ask the same under the other version is a question about what stands in form and records.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Connection, select, text

from simpul.definition import Definition
from simpul.ledger import events
from simpul.ledger.cases import Case, load, settle
from simpul.ledger.definitions import definition
from simpul.ledger.events import Event
from simpul.ledger.outbox import Sealed
from simpul.ledger.reruns import Again
from simpul.ledger.tables import definition as definition_table
from simpul.ledger.transitions import Move, UnknownApplicationError, apply, resolve_incidents


class CannotMigrateError(Exception):
    """What is asked for contradicts the two versions, or the application cannot go over, or not now; the text says why."""


class InFlightError(CannotMigrateError):
    """An agency's answer is outstanding: the same command can take the application along a little later."""


@dataclass(frozen=True, slots=True)
class Wish:
    """From which version to which, and what becomes of steps.

    Attributes:
        places: Step of the old version to its name in the new one; a step that is gone is left out.
        drop: Steps of the old version whose outcomes are given up.
        keep: Steps of the new version that stand as they are although they would ask something else now.
    """

    old: Definition
    new: Definition
    places: Mapping[str, str]
    drop: frozenset[str] = frozenset()
    keep: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """What going over comes to for one application.

    Attributes:
        kept: Steps that stand as they are, under the same name.
        mapped: Steps that stand as they are, old name to new.
        again: Steps that start afresh, by their new names.
        behind: Steps of the old version whose outcomes are not carried over because they start afresh or are dropped.
        dropped: Steps of the old version that have no place in the new one.
        late: Steps of the new version that come before one that was entered already; they are entered now.
        blocked: Why it cannot go over, in sentences; empty when nothing is in the way.
    """

    number: str
    kept: Sequence[str] = ()
    mapped: Mapping[str, str] = field(default_factory=dict)
    again: Sequence[Again] = ()
    behind: Sequence[str] = ()
    dropped: Sequence[Again] = ()
    late: Sequence[str] = ()
    blocked: Sequence[str] = ()

    @property
    def writes(self) -> list[Again]:
        """The writes that would be sent again."""
        return [each for each in self.again if each.writes]


def wish(
    connection: Connection,
    service: str,
    old: int,
    new: int,
    *,
    mapping: Mapping[str, str],
    drop: Iterable[str] = (),
    keep: Iterable[str] = (),
) -> Wish:
    """What is asked for, held against both versions. What `mapping` does not say, the workflows between them do.

    Raises:
        UnknownServiceError: A version is not published.
        CannotMigrateError: It names steps that are not there, or would make two into one.
    """
    before, after = definition(connection, service, old), definition(connection, service, new)
    if old == new:
        raise CannotMigrateError("both versions are the same")
    given_up, kept = frozenset(drop), frozenset(keep)
    for names, spec in (({*mapping, *given_up}, before), ({*mapping.values(), *kept}, after)):
        if unknown := sorted(names - spec.by_name.keys()):
            raise CannotMigrateError(f"{service} version {spec.version} has no step {', '.join(unknown)}")
    if both := sorted(given_up & mapping.keys()):
        raise CannotMigrateError(f"mapped and dropped at once: {', '.join(both)}")
    found = {**_places(_between(connection, service, old, new)), **mapping}
    places = {step: place for step, place in found.items() if step not in given_up}
    doubled = sorted({place for place in places.values() if list(places.values()).count(place) > 1})
    if doubled:
        pairs = ", ".join(f"{step} and {place}" for step, place in places.items() if place in doubled and step != place)
        raise CannotMigrateError(f"two steps cannot become one ({pairs}): drop one of them, or map it elsewhere")
    return Wish(before, after, places, given_up, kept)


def _between(connection: Connection, service: str, old: int, new: int) -> list[Definition]:
    """The published versions from one to the other, in the direction of travel."""
    low, high = sorted((old, new))
    versions = connection.execute(
        select(definition_table.c.version)
        .where(definition_table.c.service == service, definition_table.c.version.between(low, high))
        .order_by(definition_table.c.version)
    ).scalars()
    found = [definition(connection, service, version) for version in versions]
    return found if old < new else found[::-1]


def _places(versions: Sequence[Definition]) -> dict[str, str]:
    """Where each step of the first version stands in the last, as the versions themselves say it."""
    places = {step: step for step in versions[0].by_name}
    for before, after in pairwise(versions):
        back = {new: old for old, new in before.renamed.items()}
        names = after.renamed if before.version < after.version else back
        moved = {step: names.get(place, place) for step, place in places.items()}
        places = {step: place for step, place in moved.items() if place in after.by_name}
    return places


_MATCHING = text("""
SELECT number FROM application
WHERE service = :service AND version = :version AND closed_at IS NULL
  AND (CAST(:state AS text) IS NULL OR state = :state)
  AND (CAST(:since AS timestamptz) IS NULL OR received_at >= :since)
  AND (CAST(:waits_at AS text) IS NULL OR waiting_step = :waits_at)
ORDER BY number
""")


def matching(
    connection: Connection,
    service: str,
    version: int,
    *,
    state: str | None = None,
    since: datetime | None = None,
    waits_at: str | None = None,
) -> list[str]:
    """The open applications of a version.

    Args:
        since: Only those received at that moment or later.
        waits_at: Only those that this step holds up.
    """
    wanted = {"service": service, "version": version, "state": state, "since": since, "waits_at": waits_at}
    return list(connection.execute(_MATCHING, wanted).scalars())


@dataclass(frozen=True, slots=True)
class Held:
    """An application, locked, with what is needed to work out what going over comes to.

    Attributes:
        records: By step, of the current revisions.
        schemas: By step, the schema of its record.
        sent: Steps whose request went out in the current revision.
        contents: By step, what people entered so far into its open task.
    """

    case: Case
    data_key: bytes
    form: bytes
    form_version: int
    records: Mapping[str, Sealed]
    schemas: Mapping[str, str]
    sent: frozenset[str]
    contents: Mapping[str, bytes]


def read(connection: Connection, number: str, wish: Wish) -> Held | None:
    """Lock an application that is to go over; None when it is there already.

    Raises:
        UnknownApplicationError: No such application.
        CannotMigrateError: It is of another version, or has ended.
        InFlightError: An answer is outstanding.
    """
    case = load(connection, [number]).get(number)
    if case is None:
        raise UnknownApplicationError(f"there is no application {number}")
    if (case.service, case.version) == (wish.new.service, wish.new.version):
        return None
    if (case.service, case.version) != (wish.old.service, wish.old.version):
        raise CannotMigrateError(f"it goes by {case.service} version {case.version}")
    if case.closed:
        raise CannotMigrateError(f"it is {case.state}: what has ended stays so")
    if case.undoes:
        raise CannotMigrateError("it undoes another application, and goes by the version in which it was planned")
    if case.pending:
        raise CannotMigrateError(f"a citizen's request is under way ({case.pending}): first that")
    if busy := case.steps_in("open", "in_flight"):
        raise InFlightError(f"in flight ({', '.join(busy)}): an answer is outstanding, try again when it is there")
    row = connection.execute(_SEALED, {"number": number}).one()
    outcomes = [o for o in connection.execute(_OUTCOMES, {"number": number}) if o.revision == case.revision(o.step)]
    runs = [s for s in connection.execute(_RUNS, {"number": number}) if s.revision == case.revision(s.step)]
    return Held(
        case,
        bytes(row.data_key),
        bytes(row.form),
        row.form_version,
        {o.step: Sealed(o.request_id, bytes(o.record)) for o in outcomes if o.record is not None},
        {o.step: o.record_schema for o in outcomes if o.record_schema is not None},
        frozenset(s.step for s in runs if s.sent_at is not None),
        {s.step: bytes(s.content) for s in runs if s.content is not None},
    )


_SEALED = text("SELECT data_key, form, form_version FROM application WHERE number = :number")
_OUTCOMES = text("""
SELECT step, revision, request_id, record_schema, record FROM outcome WHERE application = :number
""")
_RUNS = text("""
SELECT s.step, s.revision, s.sent_at, t.content FROM step_run s
LEFT JOIN task t ON t.application = s.application AND t.step = s.step AND t.revision = s.revision AND t.closed_at IS NULL
WHERE s.application = :number
""")


def revisions(case: Case, plan: Plan) -> dict[str, int]:
    """The revisions after going over: a name that a step leaves behind is never used again in the same revision."""
    left = {*plan.behind, *plan.mapped}
    return case.revisions | {step: case.revision(step) + 1 for step in left}


def go_over(
    connection: Connection,
    case: Case,
    wish: Wish,
    plan: Plan,
    contents: Mapping[str, bytes],
    *,
    reason: str | None,
    actor: str,
    now: datetime,
) -> str:
    """Write what a plan says. Outcomes stay as they are; those under a new name are rows of their own beside them.

    Args:
        contents: By new name, what people entered into open tasks, sealed for the task's new name.

    Returns:
        The application's state after it.

    Raises:
        CannotMigrateError: Something is in the way.
    """
    if plan.blocked:
        raise CannotMigrateError("; ".join(plan.blocked))
    renewed = revisions(case, plan)
    for old, new in plan.mapped.items():
        names = {"number": case.number, "old": old, "at": case.revision(old), "new": new, "to": renewed.get(new, 1)}
        for statement in (_MAP_OUTCOME, _MAP_RUN, _MAP_PAPER):
            connection.execute(statement, names)
        connection.execute(_MAP_TASK, {**names, "content": contents.get(new)})
    for step in (*plan.mapped, *plan.behind):
        key = {"number": case.number, "step": step, "at": case.revision(step), "now": now}
        # A signal goes to the step's new name; for one that was left behind it is a matter for an operator.
        connection.execute(_LEAVE_RUN, {**key, "forget": step in plan.mapped})
        connection.execute(_LEAVE_TASK, key)
    connection.execute(_VERSION, {"number": case.number, "version": wish.new.version, "revisions": json.dumps(renewed)})
    happened = Event(
        at=now,
        actor=actor,
        action="application.migrated",
        application=case.number,
        service=case.service,
        detail={
            "from": wish.old.version,
            "to": wish.new.version,
            "mapped": dict(plan.mapped),
            "steps": list(plan.behind),
            "dropped": [each.step for each in plan.dropped],
            "again": [each.step for each in plan.again],
            "writes": [each.step for each in plan.writes],
            "revisions": renewed,
            **({"reason": reason} if reason else {}),
        },
    )
    after = _after(case, wish, plan, renewed)
    to = settle(after, wish.new)
    moved = apply(connection, [Move(case, to, "migrated to another version")], actor=actor, now=now)
    events.record(connection, [happened, *moved])
    for step in plan.behind:
        resolve_incidents(connection, case.number, step, actor=actor, now=now)
    return to.state


def _after(case: Case, wish: Wish, plan: Plan, renewed: dict[str, int]) -> Case:
    """The case as it is in its new version, outside any wave: its wave is one of the old DAG."""
    stays = {step: step for step in plan.kept} | dict(plan.mapped)
    return replace(
        case,
        version=wish.new.version,
        state="runnable",
        wave=None,
        revisions=renewed,
        runs={new: replace(case.runs[old], revision=renewed.get(new, 1)) for old, new in stays.items()},
        outcomes={new: case.outcomes[old] for old, new in stays.items() if old in case.outcomes},
    )


_MAP_OUTCOME = text("""
INSERT INTO outcome (application, step, revision, outcome, event_id, request_id, record_schema, record, reason, at,
                     mapped_from)
SELECT application, :new, :to, outcome, event_id, request_id, record_schema, record, reason, at,
       step || '/' || revision
FROM outcome WHERE application = :number AND step = :old AND revision = :at
""")
_MAP_RUN = text("""
INSERT INTO step_run (application, step, revision, ask, state, wave, opened_at, sent_at, until, recalled, reference,
                      closed_at, look_up)
SELECT application, :new, :to, ask, state, wave, opened_at, sent_at, until, recalled, reference, closed_at, look_up
FROM step_run WHERE application = :number AND step = :old AND revision = :at
""")
_MAP_TASK = text("""
INSERT INTO task (application, step, revision, kind, "group", state, opened_at, until, escalated_at, first_by, asked,
                  content)
SELECT application, :new, :to, kind, "group", state, opened_at, until, escalated_at, first_by, asked, :content
FROM task WHERE application = :number AND step = :old AND revision = :at AND closed_at IS NULL
""")
_MAP_PAPER = text("""
UPDATE paper SET step = :new, revision = :to WHERE application = :number AND step = :old AND revision = :at
""")
_LEAVE_RUN = text("""
UPDATE step_run SET state = 'closed', recalled = false, closed_at = coalesce(closed_at, :now),
       reference = CASE WHEN :forget THEN NULL ELSE reference END
WHERE application = :number AND step = :step AND revision = :at
""")
_LEAVE_TASK = text("""
UPDATE task SET state = 'closed', closed_at = :now
WHERE application = :number AND step = :step AND revision = :at AND closed_at IS NULL
""")
_VERSION = text("""
UPDATE application SET version = :version, strikes = 0, revisions = CAST(:revisions AS jsonb) WHERE number = :number
""")
