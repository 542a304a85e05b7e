"""Whose time an application's time was: agency, officer, citizen, payment, outage or bus. Pure, from events alone.

Every moment between filing and end belongs to one of them, so the parts add up to the whole. Where several are asked at once,
it belongs to the one who stands first in `_RANKS`: while anybody of ours works on it, the citizen does not hold it up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from simpul.definition import Definition
from simpul.ledger.cases import CLOSED
from simpul.ledger.events import Event
from simpul.worktime import Calendar

_RANKS: dict[str, int] = {
    "officer": 0,
    "call": 1,
    "outage": 2,
    "us": 3,
    "failed": 4,
    "wait": 5,
    "payment": 6,
    "citizen": 7,
    "told": 8,
}
"""An officer; an agency's answer that is under way; the same while the agency cannot be reached; the bus; a step that needs an
operator; an agency that said "not yet"; the citizen's payment; the citizen; what the application is said to wait for, where no more is known."""

OUTAGE_ACTIONS: tuple[str, ...] = ("agency.unreachable", "agency.reachable", "agency.stopped", "agency.resumed")
_AWAY: dict[str, str | None] = {"agency.unreachable": "outage", "agency.stopped": "bus"}
_FAILED_OWNERS: dict[str, str] = {"network": "outage", "citizen": "citizen"}


@dataclass(frozen=True, slots=True)
class Rules:
    """What of the time counts towards the service standard.

    Attributes:
        stops: Whose waits do not count: `citizen`, `payment`, `outage`.
        clock: Steps that stop the clock, let it run on, or start it again, by name.
    """

    stops: frozenset[str] = frozenset({"citizen", "payment"})
    clock: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, definition: Definition) -> "Rules":
        """The rules of a workflow."""
        return cls(frozenset(definition.stops), definition.clock)


@dataclass(frozen=True, slots=True)
class Away:
    """A span in which an agency could not be asked. `owner` is `outage`, or `bus` where our own set-up was refused."""

    agency: str
    owner: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Interval:
    """A span of an application's time with one owner; `counts` towards the service standard."""

    owner: str
    since: datetime
    until: datetime
    counts: bool


@dataclass(frozen=True, slots=True)
class Elapsed:
    """An application's time, without gaps.

    Attributes:
        began: When the clock of the service standard began; after filing where a step started it again.
        closed: Whether it has ended.
    """

    since: datetime
    until: datetime
    began: datetime
    closed: bool
    intervals: Sequence[Interval]

    @property
    def owner(self) -> str:
        """Whose the time is at its end."""
        return self.intervals[-1].owner if self.intervals else "bus"

    @property
    def stopped(self) -> bool:
        """Whether the clock stands still at its end."""
        return bool(self.intervals) and not self.intervals[-1].counts

    def by_owner(self, calendar: Calendar) -> dict[str, tuple[timedelta, timedelta]]:
        """Wall time and working time of each owner; bus, officer, agencies, outage, payment, citizen where they had any."""
        sums: dict[str, tuple[timedelta, timedelta]] = {}
        for each in self.intervals:
            wall, worked = sums.get(each.owner, (timedelta(), timedelta()))
            sums[each.owner] = (wall + (each.until - each.since), worked + calendar.worked(each.since, each.until))
        return sums


def split(events: Sequence[Event], rules: Rules, *, until: datetime, away: Iterable[Away] = ()) -> Elapsed:
    """Split an application's time by owner.

    Args:
        events: All events of one application, in the order in which they were written.
        until: Up to when, where it has not ended before.
        away: The outages of the agencies, see `outages`.
    """
    reader = _Reader(rules, until)
    for event in events:
        reader.take(event)
    return reader.elapsed(list(away))


def outages(events: Iterable[Event]) -> list[Away]:
    """The outages that events of agencies tell of."""
    open_: dict[str, Away] = {}
    found = []
    for event in events:
        if event.agency is None or event.action not in OUTAGE_ACTIONS:
            continue
        if before := open_.pop(event.agency, None):
            found.append(Away(before.agency, before.owner, before.since, max(before.since, event.at)))
        if owner := _AWAY.get(event.action):
            open_[event.agency] = Away(event.agency, owner, event.at, None)
    return [*found, *open_.values()]


@dataclass(slots=True)
class _Span:
    """Somebody had something to do."""

    kind: str
    owner: str
    since: datetime
    until: datetime | None = None


@dataclass(slots=True)
class _Reader:
    """Reads events into spans that may overlap, and cuts those into intervals that do not."""

    rules: Rules
    end: datetime
    now: datetime | None = None
    start: datetime | None = None
    began: datetime | None = None
    closed: bool = False
    spans: list[_Span] = field(default_factory=list)
    steps: dict[str, _Span] = field(default_factory=dict)
    state: _Span | None = None
    paused: _Span | None = None
    pauses: list[_Span] = field(default_factory=list)
    payments: set[str] = field(default_factory=set)

    def take(self, event: Event) -> None:
        # Clocks of several machines: a moment never lies before the one that was written before it.
        self.now = max(self.now or event.at, event.at)
        if self.closed:
            return
        if self.start is None:
            self.start = self.began = self.now
        group, _, what = event.action.partition(".")
        if group in ("step", "task") and event.step:
            self._step(event, event.step, what)
        elif event.action in ("application.amended", "application.rerun"):
            for step in event.detail.get("steps", ()):
                self._over(step)
        elif event.action == "application.migrated":
            self._migrated(event.detail["mapped"], event.detail["steps"])
        if event.state is not None:
            self._state(event, event.state)

    def _migrated(self, mapped: Mapping[str, str], behind: Iterable[str]) -> None:
        """Another version of the workflow: what was asked under an old name is asked under a new one."""
        carried = {new: self.steps.pop(old) for old, new in mapped.items() if old in self.steps}
        for step in behind:
            self._over(step)
        self.steps.update(carried)
        self.payments.update(new for old, new in mapped.items() if old in self.payments)

    def elapsed(self, away: Sequence[Away]) -> Elapsed:
        start = self.start or self.end
        end = max(start, self.now if self.closed and self.now else self.end)
        spans = [piece for span in self.spans for piece in _pieces(span, away, end)]
        edges = {start, end, *(moment for span in (*spans, *self.pauses) for moment in (span.since, span.until or end))}
        began = min(self.began or start, end)
        moments = sorted(moment for moment in {*edges, began} if start <= moment <= end)
        intervals: list[Interval] = []
        for since, until in pairwise(moments):
            owner = _first(spans, since, end)
            counts = owner not in self.rules.stops and not any(_covers(pause, since, end) for pause in self.pauses)
            last = intervals[-1] if intervals else None
            if last and (last.owner, last.counts) == (owner, counts) and since != began:
                intervals[-1] = Interval(owner, last.since, until, counts)
            else:
                intervals.append(Interval(owner, since, until, counts))
        return Elapsed(start, end, began, self.closed, intervals)

    def _step(self, event: Event, step: str, what: str) -> None:
        match event.action:
            case "step.requested":
                self._asks(step, "call", f"agency:{event.agency}")
            case "step.pending":
                self._answered(event, step)
                paid = step in self.payments
                self._asks(step, "payment" if paid else "wait", "payment" if paid else f"agency:{event.agency}")
            case "step.failed":
                self._answered(event, step)
                self._asks(step, "failed", _blamed(event))
            case "task.opened" | "task.supplied" | "task.returned":
                citizen = event.detail.get("for") == "citizen" or what == "returned"
                self._asks(step, *(("citizen", "citizen") if citizen else ("officer", "officer")))
            case "step.entered" | "step.recalled":
                self._over(step)
            case "step.done" | "step.skipped" | "step.rejected" | "step.lapsed":
                self._answered(event, step)
                self._over(step)
                if what == "done":
                    self._clock(self.rules.clock.get(step))

    def _answered(self, event: Event, step: str) -> None:
        """An answer tells when the gateway had the request, and when the agency's answer: the rest was the bus's time."""
        span = self.steps.get(step)
        if span is None or span.kind != "call":
            return
        now = self.now or event.at
        received = _moment(event.detail.get("received_at"))
        answered = _moment(event.detail.get("answered_at"))
        if received is not None:
            span.since = min(max(span.since, received), now)
        if answered is not None:
            span.until = min(max(span.since, answered), now)

    def _clock(self, does: str | None) -> None:
        if does is None:
            return
        if self.paused is not None:
            self.paused.until = self.now
            self.paused = None
        if does == "stop" and self.now is not None:
            self.paused = _Span("pause", "", self.now)
            self.pauses.append(self.paused)
        elif does == "restart":
            self.began = self.now

    def _asks(self, step: str, kind: str, owner: str) -> None:
        self._over(step)
        if self.now is not None:
            self.steps[step] = _Span(kind, owner, self.now)
            self.spans.append(self.steps[step])

    def _over(self, step: str) -> None:
        span = self.steps.pop(step, None)
        if span is not None and span.until is None:
            span.until = self.now

    def _state(self, event: Event, state: str) -> None:
        if self.state is not None:
            self.state.until = self.now
            self.state = None
        waits_for = str(event.detail.get("for") or "")
        if state in ("runnable", "in_wave"):
            self._stands("us", "bus")
        elif state == "waiting" and waits_for == "payment":
            self.payments.update([event.step] if event.step else [])
            self._stands("payment", "payment")
        elif state == "waiting" and waits_for:
            self._stands("told", "officer" if waits_for.startswith("officer:") else waits_for)
        elif state in CLOSED:
            self.closed = True

    def _stands(self, kind: str, owner: str) -> None:
        if self.now is not None:
            self.state = _Span(kind, owner, self.now)
            self.spans.append(self.state)


def _blamed(event: Event) -> str:
    owner = str((event.detail.get("failure") or {}).get("owner", "us"))
    return f"agency:{event.agency}" if owner == "agency" else _FAILED_OWNERS.get(owner, "bus")


def _pieces(span: _Span, away: Sequence[Away], end: datetime) -> list[_Span]:
    """A call with the agency's outages cut out of it; any other span as it is."""
    if span.kind != "call":
        return [span]
    until = span.until or end
    pieces, since = [], span.since
    for gone in away:
        if f"agency:{gone.agency}" != span.owner:
            continue
        first, last = max(gone.since, since), min(gone.until or end, until)
        if first < last:
            pieces += [_Span("call", span.owner, since, first), _Span("outage", gone.owner, first, last)]
            since = last
    return [*pieces, _Span("call", span.owner, since, until)]


def _covers(span: _Span, moment: datetime, end: datetime) -> bool:
    return span.since <= moment < (span.until or end)


def _first(spans: Sequence[_Span], moment: datetime, end: datetime) -> str:
    """Who had the move at a moment; the bus where nobody else had it."""
    covering = [span for span in spans if _covers(span, moment, end)]
    return min(covering, key=lambda span: _RANKS[span.kind]).owner if covering else "bus"


def _moment(told: Any) -> datetime | None:
    return datetime.fromisoformat(told) if told else None
