"""The mixed benchmark: all services at once, some agencies failing, people deciding, each case judged by its own scenario."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from connectors.toolkit.population import WIB, Population
from simpul.clock import SystemClock
from simpul.embedded.bench import duplicate_writes
from simpul.embedded.scenarios import SERVICES, deal, mixed
from simpul.embedded.scenarios.play import SCOPES, Case, Play
from simpul.embedded.stack import Stack
from simpul.ledger import api_keys, connect, transaction

_POLL = 0.5


@dataclass(frozen=True)
class Result:
    """What one run came to.

    Attributes:
        faulty: Applications whose agencies failed on the way.
        as_expected: Applications in the state, and refused at the step and with the reason, that their scenario says.
        lost: Applications that had not ended when patience was over.
        duplicate_writes: Writes that took effect more than once at a sandbox agency.
        seconds: From the first filing to the last end.
        unexpected: How those that are not as expected are, by scenario.
    """

    applications: int
    faulty: int
    as_expected: int
    lost: int
    duplicate_writes: int
    seconds: float
    applications_per_minute: float
    by_service: Mapping[str, int]
    by_state: Mapping[str, int]
    unexpected: Mapping[str, str]

    @property
    def is_right(self) -> bool:
        """Whether all ended as they should, and nothing happened twice."""
        return self.as_expected == self.applications and self.lost == self.duplicate_writes == 0

    def as_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)


def run(
    stack: Stack, applications: int, faults: float, *, patience: float, told: Callable[[int, int], None] | None = None
) -> Result:
    """File a mix, be everybody outside, wait for the end.

    Args:
        faults: Per cent of the applications that meet a fault.
        patience: Seconds after which what has not ended counts as lost.
        told: Called now and then with how many have ended, of how many.
    """
    play = Play(stack.console_url, stack.sandbox_url, _api_key(stack))
    dealt = list(deal(mixed(applications, faults), SystemClock().now().astimezone(WIB), Population()))
    began = time.monotonic()
    cases = play.file(dealt)
    while not all(case.has_ended for case in cases) and time.monotonic() < began + patience:
        play.round()
        if told:
            told(sum(case.has_ended for case in cases), len(cases))
        time.sleep(_POLL)
    seconds = time.monotonic() - began
    play.round()
    return _judged(cases, seconds, duplicate_writes(stack.sandbox_url))


def _judged(cases: list[Case], seconds: float, duplicates: int) -> Result:
    problems = [(case, case.problem if case.has_ended else f"has not ended: {case.summary}") for case in cases]
    unexpected = [(f"{case.dealt.scenario.id} ({case.number})", problem) for case, problem in problems if problem]
    by_service = Counter(case.dealt.scenario.service for case in cases)
    return Result(
        applications=len(cases),
        faulty=sum(case.dealt.scenario.faulty for case in cases),
        as_expected=len(cases) - len(unexpected),
        lost=sum(not case.has_ended for case in cases),
        duplicate_writes=duplicates,
        seconds=round(seconds, 2),
        applications_per_minute=round(len(cases) / seconds * 60, 1),
        by_service={service: by_service[service] for service in SERVICES},
        by_state=dict(Counter(case.state for case in cases)),
        unexpected=dict(unexpected),
    )


def _api_key(stack: Stack) -> str:
    database = connect(stack.database_url)
    try:
        with transaction(database) as connection:
            name = f"bench-{time.time_ns()}"
            return api_keys.issue(connection, name, SCOPES, actor="simpul bench", now=SystemClock().now())
    finally:
        database.dispose()
