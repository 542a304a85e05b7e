"""What a scenario is: who files what, what people do on the way, what goes wrong at an agency, and how it must end.

Pure data about generated people; `play` files it and does what people do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from connectors.toolkit.population import WIB, Population, SyntheticFamily
from schemas.text import Text

UNKNOWN_NIK: Final = "9999990101900001"
"""A NIK of a district that does not exist: nobody has it."""
UNKNOWN_CARD: Final = "9999990101900002"
CASES: Final = 1_000
"""So many cases of one scenario have people of their own."""

DROPPED: Final = {"kind": "drop", "after_write": True}
"""The line breaks after the write took effect: whether it did is in doubt."""
SILENT: Final = {"kind": "timeout", "seconds": 15, "after_write": True}
BUSY: Final = {"kind": "status", "status": 503}


@dataclass(frozen=True)
class Fault:
    """What an agency is told to do wrong, once per entry of `faults`, to requests that match."""

    agency: str
    operation: str
    match: Mapping[str, str]
    faults: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Decide:
    """The officer of a step decides."""

    step: str
    decision: Literal["approve", "reject", "return"] = "approve"
    findings: Mapping[str, Any] = field(default_factory=dict)
    reason: Text | None = None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The citizen answers, or brings what an officer found missing."""

    step: str
    answers: Mapping[str, Any]


@dataclass(frozen=True)
class Pay:
    """The citizen pays the bill that the status shows.

    Attributes:
        at: Whose bill it is.
        tells: What the sandbox tax office is told of before its bank's news reach us: the property's number.
    """

    step: str = "payment"
    at: Literal["simponi", "bank"] = "simponi"
    tells: str | None = None


@dataclass(frozen=True)
class Withdraw:
    """The citizen takes the application back while it waits at a step."""

    step: str


@dataclass(frozen=True)
class Amend:
    """The form is put right while the application waits at a step."""

    step: str
    form: Mapping[str, Any]


Act = Decide | Answer | Pay | Withdraw | Amend


@dataclass(frozen=True)
class Filing:
    """One case of a scenario.

    Attributes:
        acts: What people do, each once, when the application waits for it there.
        faults: What goes wrong at the agencies that this case asks.
    """

    form: Mapping[str, Any] = field(repr=False)
    acts: tuple[Act, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class End:
    """How a case must end.

    Attributes:
        step: Where it must have been refused or have lapsed.
        reason: What the citizen must be told there.
        outcomes: What further steps must have come to; `None`: nothing was asked there.
    """

    state: str
    step: str | None = None
    reason: Text | None = None
    outcomes: Mapping[str, str | None] = field(default_factory=dict)


COMPLETED: Final = End("completed")


@dataclass(frozen=True)
class Lot:
    """Who a case is about.

    Attributes:
        number: Different for every case of one service.
        case: Different for every case of one scenario, from 0.
        now: At the agencies, in western Indonesian time.
    """

    number: int
    case: int = 0
    now: datetime = field(default_factory=lambda: datetime.now(UTC).astimezone(WIB))
    population: Population = field(default_factory=Population, repr=False)

    @property
    def today(self) -> str:
        """The agencies' date."""
        return self.now.date().isoformat()

    def family(self, base: int) -> SyntheticFamily:
        """The family of this case, counted from a service's first."""
        return self.population.family(base + self.number)


Make = Callable[[Lot], Filing]
"""Makes one case of a scenario."""


@dataclass(frozen=True)
class Scenario:
    """A way through a service's workflow.

    Attributes:
        name: In a few words, unique in its service.
        make: One case of it.
        faulty: Something goes wrong at an agency that has nothing to do with the citizen.
        lapses: It ends because nobody does anything until a deadline is over: somebody has to turn the clock.
        usual: What most citizens meet.
    """

    service: str
    name: str
    make: Make
    end: End = COMPLETED
    faulty: bool = False
    lapses: bool = False
    usual: bool = False

    @property
    def id(self) -> str:
        """Service and name."""
        return f"{self.service}: {self.name}"


Match = Callable[[Lot, Mapping[str, Any]], Mapping[str, str]]


def of_form(field: str, value: str) -> Match:
    """Requests whose field is what the form has in another."""
    return lambda _lot, form: {field: form[value]}


def failing(usual: Make, agency: str, operation: str, match: Match, *faults: Mapping[str, Any]) -> Make:
    """A way on which an agency fails, once per entry of `faults`, on the requests of this case alone."""

    def make(lot: Lot) -> Filing:
        filing = usual(lot)
        return replace(filing, faults=(Fault(agency, operation, match(lot, filing.form), faults),))

    return make


def refused(step: str, reason: Text, **outcomes: str | None) -> End:
    """It ends rejected at a step, and the citizen is told why."""
    return End("rejected", step, reason, outcomes)


OFFICERS_NO: Final = Text(
    id="Berkas tidak sesuai dengan data yang diajukan.", en="The papers do not agree with what was applied for."
)
