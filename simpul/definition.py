"""A service's workflow as plain data: its steps, their order, its form and standard.

Published to the ledger by `simpul service publish`; the engine, the projector and the console read it from
there. Knows nothing of Airflow: the DAG is made from the same facts in `simpul.workflow`.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from schemas.decisions import Answers, Decision
from schemas.documents import IssuedDocument
from simpul.papers.documents import DocumentTemplate
from simpul.papers.notices import NoticeTemplate

OutcomeKind = Literal["done", "skipped", "rejected", "lapsed"]
PASSABLE: frozenset[str] = frozenset({"done", "skipped"})
"""Outcomes after which the steps that follow can be entered."""


_OURS: dict[str, type[BaseModel]] = {"officer": Decision, "citizen": Answers, "document": IssuedDocument}
"""Records that no agency brings, by kind of step."""


class Want(BaseModel):
    """One thing that people are asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = Field(min_length=1, description="As the citizen reads it, in Indonesian")
    kind: Literal["text", "date", "number", "yes_no", "paper"] = "text"
    required: bool = True


class StepDefinition(BaseModel):
    """One node of a workflow."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["agency", "payment", "officer", "citizen", "notify", "document", "compensate"]
    operation: str = ""
    """Empty where people are asked and no agency, and where each application says itself what is called (`compensate`)."""
    request: dict[str, Any]
    after: tuple[str, ...] = ()
    title: str = ""
    when: str | None = None
    accept: str | None = None
    """Condition over `record`; while it is false the answer means "not yet" and the application waits."""
    expires: str | None = None
    """Path to the moment at which a wait for this step lapses."""
    reference: str | None = None
    """Path to what a signal for this step refers to, such as a billing code."""
    group: str | None = None
    """Which officers decide."""
    within: str | None = None
    """Span after which a wait for people is over: "3 working days", see `simpul.worktime`."""
    overdue: Literal["lapse", "escalate", "approve"] | None = None
    """What is over then comes to: the step lapses, the group's supervisor is called, or silence counts as a yes."""
    four_eyes: bool = False
    wants: tuple["Want", ...] = ()
    """What an officer may enter, or the citizen must answer."""
    template: str | None = None
    """What is written goes by: its name. `request` then holds the values that it takes."""
    wording: NoticeTemplate | DocumentTemplate | None = None
    """What the template says. May be corrected within a version, so it does not count for the digest."""

    consent: str | None = None
    """The step that fetches a record if this task of the citizen is answered with yes, and is skipped otherwise."""
    issuer: str | None = None
    """In whose name a document is issued."""

    @property
    def agency(self) -> str:
        """The agency whose operation this step calls; empty where people are asked."""
        return self.operation.partition(".")[0]

    @property
    def asks_people(self) -> bool:
        """Whether the step is a task for an officer or the citizen."""
        return self.kind in ("officer", "citizen")

    @property
    def waits_for(self) -> str:
        """What an application that is held up by this step waits for."""
        if self.kind in ("agency", "notify", "compensate"):
            return f"agency:{self.agency}"
        return {"officer": f"officer:{self.group}", "document": "engine"}.get(self.kind, self.kind)

    @property
    def asked_of(self) -> str:
        """Whose answer is outstanding while the step is open: the agency's, also for a bill, people's, or our own."""
        return f"agency:{self.agency}" if self.agency else self.waits_for

    @property
    def record_fields(self) -> tuple[str, ...] | None:
        """The fields of a record that no agency brings; None where the operation says."""
        return tuple(_OURS[self.kind].model_fields) if self.kind in _OURS else None


_ADDED: dict[str, Any] = {
    "group": None,
    "within": None,
    "overdue": None,
    "four_eyes": False,
    "wants": [],
    "template": None,
    "issuer": None,
    "consent": None,
}


def _counts(name: str, value: Any) -> bool:
    return name not in _ADDED or value != _ADDED[name]


class Definition(BaseModel):
    """One version of one service's workflow. Steps stand in topological order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: int = Field(ge=1)
    title: str
    standard: str
    owner: str
    stops: tuple[Literal["citizen", "payment", "outage"], ...] = ("citizen", "payment")
    """Whose waits do not count towards the standard."""
    clock: dict[str, Literal["stop", "run", "restart"]] = Field(default_factory=dict)
    """Steps after which the standard's clock stands still, runs on, or begins again."""
    form: dict[str, Any]
    steps: tuple[StepDefinition, ...] = Field(min_length=1)
    renamed: dict[str, str] = Field(default_factory=dict)
    """Steps of the version before, by the names that they have here: their outcomes go along in a migration."""

    @model_serializer(mode="wrap")
    def _said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # Left out where it says nothing: what was published before stays as it is, and older processes can read it.
        return {name: value for name, value in write(self).items() if name != "renamed" or value}

    @property
    def dag_id(self) -> str:
        """The Airflow DAG: the service's name, with the version from 2 on."""
        return self.service if self.version == 1 else f"{self.service}_v{self.version}"

    @property
    def can_be_applied_for(self) -> bool:
        """Whether citizens apply for it; what undoes their applications is filed by the engine."""
        return all(step.kind != "compensate" for step in self.steps)

    def calling(self, operations: Mapping[str, str]) -> "Definition":
        """The workflow for one application that says itself which operations its `compensate` steps call.

        Args:
            operations: By step. Steps of this kind that are not named have nothing to do for it and are left out.
        """
        steps = tuple(
            step.model_copy(update={"operation": operations[step.name]}) if step.kind == "compensate" else step
            for step in self.steps
            if step.kind != "compensate" or step.name in operations
        )
        # Made anew: a copy would keep what was worked out for the other steps.
        return Definition(**{**{name: getattr(self, name) for name in Definition.model_fields}, "steps": steps})

    @cached_property
    def by_name(self) -> dict[str, StepDefinition]:
        """Steps by name."""
        return {step.name: step for step in self.steps}

    @cached_property
    def digest(self) -> str:
        """SHA-256 over what must not change within a version: the steps. Titles, forms and what templates say may be corrected."""
        # What was added to steps later counts only where it is used: definitions published before keep their digest.
        steps = [
            {
                name: value
                for name, value in step.model_dump(mode="json", exclude={"title", "wording"}).items()
                if _counts(name, value)
            }
            for step in self.steps
        ]
        return hashlib.sha256(json.dumps(steps, sort_keys=True).encode()).hexdigest()

    @cached_property
    def ancestors(self) -> dict[str, frozenset[str]]:
        """By step: all the steps that come before it, near and far."""
        found: dict[str, frozenset[str]] = {}
        for step in self.steps:
            found[step.name] = frozenset(step.after).union(*(found[name] for name in step.after))
        return found

    @cached_property
    def consents(self) -> dict[str, str]:
        """The steps that fetch something if the citizen agrees, each with the step that asks."""
        return {step.consent: step.name for step in self.steps if step.consent}

    def descendants(self, name: str) -> list[str]:
        """The steps that come after `name`, in topological order."""
        reached = {name}
        for step in self.steps:
            if reached.intersection(step.after):
                reached.add(step.name)
        reached.discard(name)
        return [step.name for step in self.steps if step.name in reached]

    def frontier(self, outcomes: Mapping[str, str]) -> list[str]:
        """The steps without an outcome that can be entered: all that comes before them is done or skipped.

        Far predecessors count too: after a migration a step may be done although one before it, new in this version, is not.

        Args:
            outcomes: Step name to outcome, of the current revisions.
        """
        return [
            step.name
            for step in self.steps
            if step.name not in outcomes and all(outcomes.get(name) in PASSABLE for name in self.ancestors[step.name])
        ]

    def closing_state(self, outcomes: Mapping[str, str], in_flight: Collection[str]) -> str | None:
        """The closed state these outcomes come to, or None while something is open or can still be entered."""
        if in_flight or self.frontier(outcomes):
            return None
        found = set(outcomes.values())
        return next((state for state in ("rejected", "lapsed") if state in found), "completed")
