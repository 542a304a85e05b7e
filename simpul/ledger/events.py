"""Events: everything that happened, append only (design rule 9). An event never carries personal data in clear."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection

from simpul.ledger import bulk
from simpul.ledger.tables import event


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Args:
        id: Deterministic where the cause is (a repeat is dropped); random by default.
        actor: API key name, operating-system user (`user:<name>`), or a process's role (`engine`).
        state: The application's state after it, where it changed.
        digest: SHA-256 of the ciphertext it speaks of.
        detail: Small facts: wave, outcome, reason code, the four timestamps of a call.
    """

    at: datetime
    actor: str
    action: str
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    application: str | None = None
    service: str | None = None
    step: str | None = None
    revision: int | None = None
    agency: str | None = None
    operation: str | None = None
    purpose: str | None = None
    legal_basis: str | None = None
    digest: str | None = None
    state: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)


ACTIONS: dict[str, str] = {
    "application.received": "An application was filed",
    "application.prioritised": "Its applicant is of a vulnerable group: it goes first",
    "application.claimed": "A wave took it along",
    "application.runnable": "It can go on",
    "application.waiting": "It waits for something from outside",
    "application.incident": "It cannot go on without an operator",
    "application.completed": "Every step is done",
    "application.rejected": "An agency said no",
    "application.lapsed": "A deadline passed",
    "application.withdrawn": "The citizen withdrew it",
    "application.withdrawal_requested": "The citizen asks to withdraw it",
    "application.amendment_requested": "The citizen asks to change it",
    "application.amendment_dropped": "A change could not be put into effect; it was taken back",
    "application.amended": "A change took effect; the steps it touches have a new revision",
    "application.rerun": "An operator made a step start afresh; it and what follows it have a new revision",
    "application.migrated": "It goes by another version of its workflow; detail says what became of its steps",
    "step.entered": "A step was opened",
    "step.recalled": "An operator has the step asked again",
    "step.requested": "The step's request went out to the agency's gateway",
    "step.pending": "The agency's answer is: not yet",
    "step.failed": "The step cannot go on without an operator",
    "step.done": "The step has its record",
    "step.skipped": "The step does not apply",
    "step.rejected": "The agency said no",
    "step.lapsed": "The step's deadline passed",
    "task.opened": "An officer or the citizen is asked",
    "task.viewed": "An officer looked at the application's data",
    "task.confirming": "An officer decided, and a second one has to confirm",
    "task.returned": "An officer sent it back to the citizen: something is missing",
    "task.supplied": "The citizen brought what was missing",
    "task.escalated": "The deadline passed, and the supervisor is called",
    "consent.given": "The citizen agreed that a record is fetched from its agency",
    "consent.refused": "The citizen did not agree, and brings the paper",
    "record.viewed": "Records that were fetched with consent were shown to the citizen",
    "document.issued": "A document was made; anybody who has it can check it",
    "document.fetched": "Somebody was handed a copy of a document",
    "document.withdrawn": "An operator declared a document void",
    "compensation.started": "It ended in nothing, and what took effect at agencies is being undone",
    "compensation.undone": "What a step did at its agency is undone",
    "compensation.refused": "The agency refused to undo what a step did; an operator is called",
    "compensation.completed": "Everything that could be undone is dealt with",
    "outcome.late": "An answer came after the case was closed or for an older revision",
    "signal.received": "Something from outside came in",
    "signal.matched": "It concerns this application",
    "signal.late": "It came after the case was closed",
    "incident.opened": "An operator is called",
    "incident.noted": "An operator wrote something down about it",
    "incident.resolved": "An operator has dealt with it",
    "standard.warning": "Most of the service standard's time is used up",
    "standard.breached": "The service standard's time is over",
    "agency.unreachable": "The agency does not answer; the circuit is open",
    "agency.reachable": "The agency answers again",
    "agency.stopped": "The connector was stopped: the agency refuses our set-up",
    "agency.resumed": "The connector runs again",
    "feed.pulled": "Changes at the agency were taken in and published",
    "feed.failed": "The agency's changes could not be pulled",
    "exchange.requested": "Somebody asked an agency from a counter, or an agency asked another",
    "exchange.done": "The agency answered, and its record was shown to who asked",
    "exchange.rejected": "The agency said no to who asked",
    "exchange.failed": "Who asked got no answer",
    "service.published": "A workflow's definition was published",
    "key.issued": "An API key was issued",
    "key.revoked": "An API key was revoked",
}
"""Every action there is, with its meaning."""


_COLUMNS = tuple(f.name for f in fields(Event))
_row = attrgetter(*_COLUMNS)


def record(connection: Connection, events: Iterable[Event]) -> None:
    """Append events; one that is there already (same id) is passed over.

    Raises:
        KeyError: An action that `ACTIONS` does not list.
    """
    bulk.insert(connection, event, _COLUMNS, [_row(e) for e in events if ACTIONS[e.action]])
