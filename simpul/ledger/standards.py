"""Service standards: when an application is due, what of its time is used up, and what happens when it runs out.

The promise is stored with the application when it is filed (`standard`, `due_at`). The engine looks at one only at the moment
at which it could be warned or breached (`standard_at`), reads whose time it was from the events, and puts the moment off by
what did not count. So nothing has to be told when a clock stops, and nothing can be missed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from simpul.ledger import events, tasks
from simpul.ledger.definitions import DefinitionError, definition
from simpul.ledger.elapsed import Away, Elapsed, Rules, outages, split
from simpul.ledger.events import Event
from simpul.ledger.queries import timelines
from simpul.ledger.transitions import Incident, open_incidents
from simpul.worktime import Calendar, CalendarError, span

_LEAST = timedelta(minutes=1)
"""Between two looks at a clock that stands still while its application goes on."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an application stands against its standard.

    Attributes:
        due: When it is over, if the clock runs from now on.
        warn: The same for the share at which a warning goes out.
        used: What counted, in working time where the standard is one of working days or hours.
        allowed: What may be used in all.
        by: Digest of the calendar.
    """

    due: datetime
    warn: datetime
    used: timedelta
    allowed: timedelta
    by: str


def standing(elapsed: Elapsed, standard: str, calendar: Calendar, *, share: float) -> Standing:
    """Measure an application's time against its standard. Pure.

    Raises:
        CalendarError: The standard is no span.
    """
    over = calendar.after(elapsed.began, standard)
    length, after = _measure(calendar, working=span(standard).unit.startswith("working"))
    allowed = length(elapsed.began, over)
    counted = [each for each in elapsed.intervals if each.counts and each.since >= elapsed.began]
    parts = [(each.since, length(each.since, each.until)) for each in counted]

    def reached(budget: timedelta) -> datetime:
        left = budget
        for since, part in parts:
            if part >= left:
                return after(since, left)
            left -= part
        return after(elapsed.until, left)

    used = sum((part for _, part in parts), timedelta())
    return Standing(reached(allowed), reached(allowed * share), used, allowed, calendar.digest)


def _measure(
    calendar: Calendar, *, working: bool
) -> tuple[Callable[[datetime, datetime], timedelta], Callable[[datetime, timedelta], datetime]]:
    """How long a span is, and when a length from a moment on is over."""
    if working:
        return calendar.worked, calendar.after_work
    return (lambda since, until: until - since), (lambda since, left: since + left)


def at_filing(standard: str, calendar: Calendar, *, share: float, now: datetime) -> Standing | None:
    """What an application's standard is when it is filed; None where the service promises none that can be counted."""
    try:
        return standing(Elapsed(now, now, now, False, ()), standard, calendar, share=share)  # noqa: FBT003 - not closed
    except CalendarError:
        return None


@dataclass(frozen=True, slots=True)
class Told:
    """Whose time an application's time was, and how it stands against its standard, for people to see."""

    elapsed: Elapsed
    standard: str | None
    standing: Standing | None
    parts: dict[str, tuple[timedelta, timedelta]]
    warned_at: datetime | None
    breached_at: datetime | None


def told(connection: Connection, number: str, *, calendar: Calendar, share: float, now: datetime) -> Told | None:
    """The clock of one application, None when there is no such application.

    Raises:
        DefinitionError: Its workflow cannot be had.
    """
    row = connection.execute(_ONE, {"number": number}).first()
    if row is None:
        return None
    spec = definition(connection, row.service, row.version)
    story = timelines(connection, [number])[number]
    elapsed = split(story, Rules.of(spec), until=now, away=_away(connection, {number: story}))
    standard = row.standard or spec.standard
    try:
        found = standing(elapsed, standard, calendar, share=share)
    except CalendarError:
        found = None
    return Told(elapsed, standard if found else None, found, elapsed.by_owner(calendar), row.warned_at, row.breached_at)


_ONE = text("SELECT service, version, standard, warned_at, breached_at FROM application WHERE number = :number")
_OUTAGES = "action IN ('agency.unreachable', 'agency.reachable', 'agency.stopped', 'agency.resumed')"
_AWAY = text(f"""
SELECT at, actor, action, agency FROM (
    SELECT sequence, at, actor, action, agency FROM event
    WHERE {_OUTAGES} AND agency = ANY(CAST(:agencies AS text[])) AND at >= :since
    UNION ALL
    (SELECT DISTINCT ON (agency) sequence, at, actor, action, agency FROM event
     WHERE {_OUTAGES} AND agency = ANY(CAST(:agencies AS text[])) AND at < :since
     ORDER BY agency, at DESC, sequence DESC)
) told ORDER BY at, sequence
""")  # noqa: S608  # a constant


def _away(connection: Connection, stories: dict[str, list[Event]]) -> list[Away]:
    """The outages of the agencies that these applications had to do with, as far back as they go."""
    happened = [event for story in stories.values() for event in story]
    agencies = sorted({event.agency for event in happened if event.agency})
    if not agencies:
        return []
    since = min(event.at for event in happened)
    rows = connection.execute(_AWAY, {"agencies": agencies, "since": since})
    return outages(Event(at=row.at, actor=row.actor, action=row.action, agency=row.agency) for row in rows)


_ROW = """
SELECT a.number, a.service, a.version, a.state, a.waiting_for, a.waiting_step, a.standard, a.due_at, a.warned_at, a.breached_at
FROM application a
"""
_DUE = text(f"""{_ROW}
WHERE a.standard_at <= :now AND a.number IN (
    SELECT number FROM application WHERE standard_at <= :now ORDER BY standard_at LIMIT :limit)
ORDER BY a.number FOR UPDATE SKIP LOCKED
""")  # noqa: S608  # a constant
_NEVER = text(f"""{_ROW}
WHERE a.closed_at IS NULL AND a.due_by = '' AND a.number IN (
    SELECT number FROM application WHERE closed_at IS NULL AND due_by = '' ORDER BY number LIMIT :limit)
ORDER BY a.number FOR UPDATE SKIP LOCKED
""")  # noqa: S608  # a constant
_OTHERWISE = text(f"""{_ROW}
WHERE a.closed_at IS NULL AND a.due_by <> :digest AND a.number IN (
    (SELECT number FROM application WHERE closed_at IS NULL AND due_by < :digest ORDER BY due_by LIMIT :limit)
    UNION ALL
    (SELECT number FROM application WHERE closed_at IS NULL AND due_by > :digest ORDER BY due_by LIMIT :limit))
ORDER BY a.number FOR UPDATE SKIP LOCKED
""")  # noqa: S608  # a constant


@dataclass(frozen=True, slots=True)
class _Turn:
    """One look of the engine."""

    connection: Connection
    calendar: Calendar
    share: float
    now: datetime
    told: list[Event] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)


def look(connection: Connection, *, calendar: Calendar, share: float, now: datetime, limit: int = 200) -> int:
    """Look at the applications whose standard may have come to its warning or its end, and at those never looked at.

    Returns:
        How many there were.
    """
    rows = connection.execute(_DUE, {"now": now, "limit": limit}).all()
    if len(rows) < limit:
        found = {row.number for row in rows}
        rows = [*rows, *(row for row in connection.execute(_NEVER, {"limit": limit}) if row.number not in found)]
    return _look(_Turn(connection, calendar, share, now), rows)


def recount(connection: Connection, *, calendar: Calendar, share: float, now: datetime, limit: int = 500) -> int:
    """The calendar was edited: count open applications anew that were counted by another one.

    Returns:
        How many were; 0 when all are counted by this one.
    """
    rows = connection.execute(_OTHERWISE, {"digest": calendar.digest, "limit": limit}).all()
    return _look(_Turn(connection, calendar, share, now), rows)


def _look(turn: _Turn, rows: Sequence[Any]) -> int:
    if not rows:
        return 0
    stories = timelines(turn.connection, [row.number for row in rows])
    away = _away(turn.connection, stories)
    for row in sorted(rows, key=lambda row: row.number):
        _one(turn, row, stories[row.number], away)
    _keep(turn)
    return len(rows)


def _one(turn: _Turn, row: Any, story: Sequence[Event], away: Sequence[Away]) -> None:
    try:
        spec = definition(turn.connection, row.service, row.version)
        elapsed = split(story, Rules.of(spec), until=turn.now, away=away)
        standard = row.standard or spec.standard
        found = standing(elapsed, standard, turn.calendar, share=turn.share)
    except DefinitionError:
        # This process is too old or the service is not published yet: somebody will be able to.
        _set(turn, row, row.standard, None, next_look=turn.now + _LEAST, warned=row.warned_at, breached=row.breached_at)
        return
    except CalendarError:
        _set(turn, row, None, None, next_look=None, warned=None, breached=None)
        return
    warned, breached = (_since(moment, elapsed.began) for moment in (row.warned_at, row.breached_at))
    if warned is None and found.warn <= elapsed.until:
        warned = turn.now
        turn.told.append(_event(turn, row, elapsed, standard, due=found.due, what="warning"))
    if breached is None and found.due <= elapsed.until:
        breached = turn.now
        turn.told.append(_event(turn, row, elapsed, standard, due=found.due, what="breached"))
        if not elapsed.closed:
            _escalate(turn, row, elapsed, standard)
    if elapsed.closed:
        turn.ended.append(row.number)
    next_look = _next(turn, row, elapsed, found, warned=warned is not None, breached=breached is not None)
    _set(turn, row, standard, found.due, next_look=next_look, warned=warned, breached=breached)


def _since(moment: datetime | None, began: datetime) -> datetime | None:
    """What was said before the clock was started again counts no more."""
    return None if moment is None or moment < began else moment


def _next(turn: _Turn, row: Any, elapsed: Elapsed, found: Standing, *, warned: bool, breached: bool) -> datetime | None:
    """When to look next; None where nothing can happen before the application moves."""
    if elapsed.closed or breached or (elapsed.stopped and row.state == "waiting"):
        return None
    moment = found.due if warned else found.warn
    return max(moment, turn.now + _LEAST) if elapsed.stopped else moment


def _event(turn: _Turn, row: Any, elapsed: Elapsed, standard: str, *, due: datetime, what: str) -> Event:
    parts = elapsed.by_owner(turn.calendar)
    return Event(
        # One for each run of the clock, whichever engine says it.
        id=f"{row.number}/standard/{elapsed.began:%Y%m%dT%H%M%S}/{what}",
        at=turn.now,
        actor="engine",
        action=f"standard.{what}",
        application=row.number,
        service=row.service,
        step=row.waiting_step,
        detail={
            "standard": standard,
            "due": due.isoformat(),
            "whose": elapsed.owner,
            "worked_seconds": {owner: round(worked.total_seconds()) for owner, (_, worked) in parts.items()},
        },
    )


_MOVES_NEXT: dict[str, tuple[str, str, str]] = {
    "agency": (
        "agency",
        "Standar pelayanan ({0}) terlampaui saat menunggu {1}: tanyakan kepada instansi itu.",
        "The service standard ({0}) ran out while waiting for {1}: ask that agency.",
    ),
    "outage": (
        "network",
        "Standar pelayanan ({0}) terlampaui saat {1} tidak dapat dihubungi: tanyakan kapan pulih.",
        "The service standard ({0}) ran out while {1} could not be reached: ask when it comes back.",
    ),
    "bus": (
        "us",
        "Standar pelayanan ({0}) terlampaui di bus ini sendiri: periksa antrean, gelombang dan insiden lain.",
        "The service standard ({0}) ran out on this bus itself: look at queues, waves and other incidents.",
    ),
}


def _escalate(turn: _Turn, row: Any, elapsed: Elapsed, standard: str) -> None:
    """Time with officers goes to their supervisor, who has as long as the task; with an agency or the bus to an operator."""
    if elapsed.owner == "officer":
        for task in tasks.of_application(turn.connection, row.number):
            if task.escalated_at is None:
                because = "the service standard is over"
                tasks.escalate(turn.connection, task, until=task.until, now=turn.now, because=because)
        return
    kind, _, agency = elapsed.owner.partition(":")
    if kind not in _MOVES_NEXT:
        return
    agency = agency or str(row.waiting_for or "").partition("agency:")[2]
    owner, indonesian, english = _MOVES_NEXT[kind]
    told = {"id": indonesian.format(standard, agency), "en": english.format(standard, agency)}
    turn.incidents.append(
        Incident(
            kind="standard_breached",
            diagnosis=told,
            owner=owner,
            application=row.number,
            service=row.service,
            agency=agency or None,
            step=row.waiting_step,
        )
    )


def _set(
    turn: _Turn,
    row: Any,
    standard: str | None,
    due: datetime | None,
    *,
    next_look: datetime | None,
    warned: datetime | None,
    breached: datetime | None,
) -> None:
    turn.kept.append(
        {
            "number": row.number,
            "standard": standard,
            "due": due,
            "next": next_look,
            "warned": warned,
            "breached": breached,
        }
    )


_KEEP = text("""
UPDATE application a
SET standard = n.standard, due_at = n.due, due_by = :digest, standard_at = n.next, warned_at = n.warned,
    breached_at = n.breached
FROM unnest(CAST(:number AS text[]), CAST(:standard AS text[]), CAST(:due AS timestamptz[]), CAST(:next AS timestamptz[]),
            CAST(:warned AS timestamptz[]), CAST(:breached AS timestamptz[]))
     AS n(number, standard, due, next, warned, breached)
WHERE a.number = n.number
""")
_RESOLVE = text("""
UPDATE incident SET resolved_at = :now, resolved_by = 'engine'
WHERE application = ANY(CAST(:numbers AS text[])) AND kind = 'standard_breached' AND resolved_at IS NULL
RETURNING application, service, step, kind
""")


def _keep(turn: _Turn) -> None:
    events.record(turn.connection, turn.told)
    open_incidents(turn.connection, turn.incidents, actor="engine", now=turn.now)
    columns = {name: [each[name] for each in turn.kept] for name in turn.kept[0]}
    turn.connection.execute(_KEEP, {**columns, "digest": turn.calendar.digest})
    if turn.ended:
        settled = turn.connection.execute(_RESOLVE, {"now": turn.now, "numbers": turn.ended})
        events.record(
            turn.connection,
            [
                Event(
                    at=turn.now,
                    actor="engine",
                    action="incident.resolved",
                    application=row.application,
                    service=row.service,
                    step=row.step,
                    detail={"kind": row.kind},
                )
                for row in settled
            ],
        )
