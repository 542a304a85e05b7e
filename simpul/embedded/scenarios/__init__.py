"""Ways through the services' workflows, each with the end that it must come to: one table for tests, benchmark and demo."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from connectors.toolkit.population import Population
from simpul.embedded.scenarios import birth, business, catalogue, death, land, marriage, move, passport
from simpul.embedded.scenarios.scenario import CASES, UNKNOWN_NIK, Filing, Lot, Scenario

__all__ = ["SERVICES", "TABLE", "UNKNOWN_NIK", "Dealt", "Scenario", "deal", "mixed"]

_MODULES = {
    "birth": birth,
    "move": move,
    "marriage": marriage,
    "death": death,
    "business": business,
    "land": land,
    "passport": passport,
}
SERVICES = tuple(_MODULES)
"""Those that touch several agencies."""
_TABLES: tuple[tuple[Scenario, ...], ...] = (
    *(module.SCENARIOS for module in _MODULES.values()),
    catalogue.SCENARIOS,
)
TABLE: tuple[Scenario, ...] = tuple(scenario for table in _TABLES for scenario in table)

_USUAL_AMONG = 4
"""Of so many cases without a fault, all but one are what most citizens meet."""


@dataclass(frozen=True)
class Dealt:
    """One case of a scenario, about people of its own."""

    scenario: Scenario
    filing: Filing


def deal(scenarios: Iterable[Scenario], now: datetime, population: Population, *, first: int = 0) -> Iterator[Dealt]:
    """A case for each; the same scenario may come again, and gets other people each time.

    Args:
        now: At the agencies, in western Indonesian time.
        first: Counts cases of a scenario from here, where earlier ones were dealt before.
    """
    taken = {scenario.id: count(first) for scenario in TABLE}
    places = {scenario.id: place for table in _TABLES for place, scenario in enumerate(table)}
    for scenario in scenarios:
        case = next(taken[scenario.id])
        if case >= CASES:
            raise ValueError(f"{scenario.id}: there are people for {CASES} cases only")
        lot = Lot(places[scenario.id] * CASES + case, case, now, population)
        yield Dealt(scenario, scenario.make(lot))


def mixed(applications: int, faults: float) -> list[Scenario]:
    """So many cases over all services in turn, of which so many per cent meet a fault that is not the citizen's.

    Those that only a turned clock ends are left out.
    """
    able = [scenario for scenario in TABLE if not scenario.lapses]
    kinds = {
        service: {
            "faulty": [each for each in able if each.service == service and each.faulty],
            "usual": [each for each in able if each.service == service and each.usual],
            "other": [each for each in able if each.service == service and not each.faulty and not each.usual],
        }
        for service in SERVICES
    }
    dealt = {(service, kind): count() for service in SERVICES for kind in ("faulty", "usual", "other")}
    found = []
    for number in range(applications):
        service = SERVICES[number % len(SERVICES)]
        # Spread evenly: one more whenever the share of faults so far falls behind.
        if int((number + 1) * faults / 100) > int(number * faults / 100):
            kind = "faulty"
        else:
            kind = "usual" if number // len(SERVICES) % _USUAL_AMONG else "other"
        choices = kinds[service][kind]
        found.append(choices[next(dealt[service, kind]) % len(choices)])
    return found
