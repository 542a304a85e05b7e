"""An application's story: its state rebuilt from events alone, and the timeline that people read. Pure functions.

What the tables say is not asked here; that both say the same is what the tests of the state machine check.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schemas.identifiers import display_number
from simpul.ledger.cases import CLOSED
from simpul.ledger.events import ACTIONS, Event

OUTCOMES: frozenset[str] = frozenset({"done", "skipped", "rejected", "lapsed"})


@dataclass(slots=True)
class Rebuilt:
    """An application as its events tell it.

    Attributes:
        outcomes: Of the current revisions, by step.
        runs: States of the current revisions' runs, by step.
        incidents: Step and kind of those that are open.
        asks: How often each step was entered in its current revision.
    """

    number: str = ""
    service: str = ""
    version: int = 0
    channel: str = ""
    state: str = ""
    since: datetime | None = None
    waiting_for: str | None = None
    waiting_step: str | None = None
    until: datetime | None = None
    pending: str | None = None
    form_version: int = 0
    received_at: datetime | None = None
    closed_at: datetime | None = None
    revisions: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    incidents: set[tuple[str | None, str]] = field(default_factory=set)
    asks: dict[str, int] = field(default_factory=dict)

    def revision(self, step: str) -> int:
        """The current revision of a step."""
        return self.revisions.get(step, 1)


def rebuild(events: Sequence[Event]) -> Rebuilt:
    """The application that these events come to.

    Args:
        events: All events of one application, in the order in which they were written.
    """
    told = Rebuilt()
    for event in events:
        _RULES.get(event.action, _nothing)(told, event)
        group, _, what = event.action.partition(".")
        if group == "step":
            _step(told, event, what)
        if event.state is not None:
            _state(told, event)
    return told


def _nothing(told: Rebuilt, event: Event) -> None:
    """Most events leave the state as it is."""


def _received(told: Rebuilt, event: Event) -> None:
    told.number = event.application or ""
    told.service = event.service or ""
    told.version = event.detail["version"]
    told.channel = event.detail["channel"]
    told.form_version = event.detail["form_version"]
    told.received_at = event.at


def _pending(what: str | None) -> Callable[[Rebuilt, Event], None]:
    def rule(told: Rebuilt, _event: Event) -> None:
        told.pending = what

    return rule


def _amended(told: Rebuilt, event: Event) -> None:
    told.pending = None
    told.form_version += 1
    _renewed(told, event)


def _renewed(told: Rebuilt, event: Event) -> None:
    told.revisions = dict(event.detail["revisions"])
    for step in event.detail["steps"]:
        told.outcomes.pop(step, None)
        told.runs.pop(step, None)
        told.asks.pop(step, None)


def _migrated(told: Rebuilt, event: Event) -> None:
    told.version = event.detail["to"]
    moved = event.detail["mapped"]
    for table in (told.outcomes, told.runs):
        carried = {new: table[old] for old, new in moved.items() if old in table}
        for step in (*moved, *event.detail["steps"]):
            table.pop(step, None)
        table.update(carried)
    told.revisions = dict(event.detail["revisions"])


def _asked(told: Rebuilt, event: Event) -> None:
    if event.step and event.revision == told.revision(event.step):
        told.runs[event.step] = "waiting"


def _called(told: Rebuilt, event: Event) -> None:
    told.incidents.add((event.step, event.detail["kind"]))


def _dealt_with(told: Rebuilt, event: Event) -> None:
    told.incidents.discard((event.step, event.detail["kind"]))


_RULES: dict[str, Callable[[Rebuilt, Event], None]] = {
    "application.received": _received,
    "application.withdrawal_requested": _pending("withdraw"),
    "application.amendment_requested": _pending("amend"),
    "application.amendment_dropped": _pending(None),
    "application.amended": _amended,
    "application.rerun": _renewed,
    "application.migrated": _migrated,
    "task.opened": _asked,
    "incident.opened": _called,
    "incident.resolved": _dealt_with,
}
_RUNS: dict[str, str] = {
    "entered": "open",
    "requested": "in_flight",
    "pending": "waiting",
    "failed": "failed",
    "recalled": "waiting",
}


def _step(told: Rebuilt, event: Event, what: str) -> None:
    step = event.step or ""
    if event.revision is not None and event.revision != told.revision(step):
        return
    if what == "entered":
        told.asks[step] = event.detail.get("ask", 1)
    # an engine that died after it had sent a request notes it down later: the answer may have come before
    if what == "requested" and (told.runs.get(step), event.detail.get("ask", 1)) != ("open", told.asks.get(step)):
        return
    if what in OUTCOMES:
        told.outcomes[step] = what
        told.runs[step] = "closed"
    elif what in _RUNS:
        told.runs[step] = _RUNS[what]


def _state(told: Rebuilt, event: Event) -> None:
    state = event.state or ""
    if state != told.state:
        told.since = event.at
    told.state = state
    waiting = state == "waiting"
    told.waiting_for = event.detail.get("for") if waiting else None
    told.waiting_step = event.step if waiting or state == "incident" else None
    if told.waiting_for == "payment" and event.step:
        told.runs[event.step] = "waiting"
    until = event.detail.get("until") if waiting else None
    told.until = datetime.fromisoformat(until) if until else None
    if state in CLOSED:
        told.closed_at = event.at
        told.pending = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a timeline, ready to be shown."""

    elapsed: float
    at: datetime
    actor: str
    what: str
    about: str
    basis: str
    digest: str


def tell(events: Sequence[Event]) -> list[Line]:
    """The timeline in plain words.

    Returns:
        A line for each event; `elapsed` counts seconds from the first.
    """
    return [
        Line(
            elapsed=(event.at - events[0].at).total_seconds(),
            at=event.at,
            actor=event.actor,
            what=ACTIONS.get(event.action, event.action),
            about=_about(event),
            basis=_basis(event),
            digest=event.digest[:12] if event.digest else "",
        )
        for event in events
    ]


def _about(event: Event) -> str:
    step = event.step or ""
    if event.revision is not None and event.revision > 1:
        step += f" (revision {event.revision})"
    where = event.operation or event.agency or ""
    facts = [f"{name} {_short(value)}" for name, value in event.detail.items() if name in _TOLD and value is not None]
    return " · ".join(part for part in (step, where, ", ".join(facts)) if part)


_TOLD = frozenset(
    {
        "for",
        "until",
        "because",
        "reason",
        "failure",
        "diagnosis",
        "kind",
        "channel",
        "version",
        "wave",
        "ask",
        "tries",
        "steps",
        "by",
        "missing",
        "group",
        "did",
        "of",
        "writes",
        "standard",
        "due",
        "whose",
    }
)
"""What of an event's details a reader of the timeline is told; `--json` shows all."""


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("code") or value.get("en") or ", ".join(value))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _basis(event: Event) -> str:
    if event.purpose and event.legal_basis:
        return f"{event.purpose} ({event.legal_basis})"
    return event.purpose or event.legal_basis or ""


def headline(told: Rebuilt) -> str:
    """Who it is and where it stands, in one line."""
    name = f"Application {display_number(told.number)}: {told.service} v{told.version}, by {told.channel}"
    stands = told.state
    if told.state == "waiting":
        stands += f" for {told.waiting_for}" + (f" until {told.until:%Y-%m-%d %H:%M:%S %Z}" if told.until else "")
    if told.closed_at and told.received_at:
        stands += f" after {(told.closed_at - told.received_at).total_seconds():.1f} s"
    return f"{name}. {stands[:1].upper()}{stands[1:]}."
