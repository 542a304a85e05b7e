"""An application as the state machine sees it, and the rule that says which state it comes to.

`load` locks; `settle` is pure. The projector, the signals and the commands all go through `settle`, so that
there is one place where "what now?" is answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from simpul.definition import Definition

CLOSED: frozenset[str] = frozenset({"completed", "rejected", "withdrawn", "lapsed"})


@dataclass(slots=True)
class StepRun:
    """A step of the application in its current revision."""

    revision: int
    ask: int
    state: str
    until: datetime | None
    reference: str | None
    recalled: bool
    returned: bool = False
    """An officer sent it back to the citizen."""


@dataclass(slots=True)
class Case:
    """One application, locked, with its current step runs and outcomes."""

    number: str
    subject: str
    service: str
    version: int
    state: str
    wave: str | None
    waiting_for: str | None
    waiting_step: str | None
    until: datetime | None
    strikes: int
    learnt: int
    learnt_at_claim: int
    pending: str | None
    revisions: dict[str, int]
    undoes: str | None = None
    """The application that this one undoes, where it is a compensation."""
    calls: dict[str, Any] = field(default_factory=dict)
    """Of a compensation, by step: the `operation` it calls, and whose `steps` of the other application that undoes."""
    runs: dict[str, StepRun] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        """Whether the case has ended."""
        return self.state in CLOSED

    @property
    def operations(self) -> dict[str, str]:
        """Which operations its `compensate` steps call."""
        return {step: call["operation"] for step, call in self.calls.items()}

    def revision(self, step: str) -> int:
        """The current revision of a step."""
        return self.revisions.get(step, 1)

    def steps_in(self, *states: str) -> list[str]:
        """The steps whose current run is in one of these states."""
        return [step for step, run in self.runs.items() if run.state in states and step not in self.outcomes]

    def enterable(self, definition: Definition) -> list[str]:
        """The steps that a wave can enter now: never entered, or recalled from waiting.

        What waits was entered in its turn, so it does not wait for a step before it that a migration brought in later.
        """
        first = [step for step in definition.frontier(self.outcomes) if step not in self.runs]
        again = [step for step in self.steps_in("waiting") if self.runs[step].recalled]
        return [step.name for step in definition.steps if step.name in first or step.name in again]


@dataclass(frozen=True, slots=True)
class Settled:
    """The state that an application comes to."""

    state: str
    next_step: str | None = None
    waiting_for: str | None = None
    waiting_step: str | None = None
    until: datetime | None = None


def settle(case: Case, definition: Definition) -> Settled:
    """The state that follows from a case's outcomes and step runs (design: the state machine). Pure.

    A case that is closed stays closed. While its wave still has something to do for it, it stays in the wave.
    """
    if case.closed:
        return Settled(case.state)
    in_flight = case.steps_in("open", "in_flight")
    if case.pending == "withdraw" and not in_flight:
        return Settled("withdrawn")
    closing = definition.closing_state(case.outcomes, case.steps_in("open", "in_flight", "waiting", "failed"))
    if closing:
        return Settled(closing)
    enterable = case.enterable(definition)
    if case.state == "in_wave" and (enterable or in_flight):
        return Settled("in_wave", next(iter(enterable), None))
    if enterable:
        return Settled("runnable", enterable[0])
    return _held_up(case, definition)


def _held_up(case: Case, definition: Definition) -> Settled:
    """Nothing can be entered: the case waits for an agency or a signal, or needs an operator."""
    if in_flight := case.steps_in("open", "in_flight"):
        step = in_flight[0]
        return Settled("waiting", None, definition.by_name[step].asked_of, step)
    if failed := case.steps_in("failed"):
        return Settled("incident", waiting_step=failed[0])
    step = min(case.steps_in("waiting"), key=lambda name: (case.runs[name].until is None, case.runs[name].until))
    run = case.runs[step]
    waits_for = "citizen" if run.returned else definition.by_name[step].waits_for
    return Settled("waiting", None, waits_for, step, run.until)


def load(connection: Connection, numbers: Sequence[str]) -> dict[str, Case]:
    """Lock applications in number order and read them as cases. Unknown numbers are left out."""
    parameters = {"numbers": sorted(set(numbers))}
    cases = {row.number: Case(*row) for row in connection.execute(_LOCK, parameters)}
    _read_steps(connection, parameters, cases)
    return cases


def _read_steps(connection: Connection, parameters: dict[str, Any], cases: dict[str, Case]) -> None:
    for row in connection.execute(_RUNS, parameters):
        case = cases[row.application]
        if row.revision == case.revision(row.step):
            case.runs[row.step] = StepRun(
                row.revision, row.ask, row.state, row.until, row.reference, row.recalled, row.returned
            )
    for row in connection.execute(_OUTCOMES, parameters):
        case = cases[row.application]
        if row.revision == case.revision(row.step):
            case.outcomes[row.step] = row.outcome


# the columns stand in the order of the fields of Case
_LOCK = text("""
SELECT number, subject, service, version, state, wave, waiting_for, waiting_step, until, strikes, learnt,
       learnt_at_claim, pending, revisions, undoes, calls
FROM application WHERE number = ANY(CAST(:numbers AS text[])) ORDER BY number FOR UPDATE
""")
_RUNS = text("""
SELECT application, step, revision, ask, state, until, reference, recalled,
       EXISTS (SELECT FROM task t WHERE t.application = s.application AND t.step = s.step AND t.revision = s.revision
               AND t.state = 'returned') AS returned
FROM step_run s WHERE application = ANY(CAST(:numbers AS text[]))
""")
_OUTCOMES = text("""
SELECT application, step, revision, outcome FROM outcome WHERE application = ANY(CAST(:numbers AS text[]))
""")
