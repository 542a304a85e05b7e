"""Checks of how answers become records: total over answers that are not as the contract says, stable over recorded ones."""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Final

from connectors.conformance import recorded
from connectors.conformance.check import Check, Finding, check
from connectors.conformance.inside import inside
from connectors.conformance.leaks import telling
from connectors.conformance.subject import Prepared, Subject, listening
from connectors.toolkit.asgi import Answer
from connectors.toolkit.errors import AgencyError

EXAMPLES_EACH: Final = 40
"""Changed answers per route that an operation asks."""

CANARY: Final = "9999010101909999 Rahasia Simpul"
ODD: Final[tuple[Any, ...]] = (
    None,
    "",
    " ",
    "-",
    "0",
    "00000000",
    "0000-00-00",
    CANARY,
    CANARY[:16],
    "31-02-2026",
    0,
    -1,
    1.5,
    10**40,
    True,
    [],
    {},
    [None],
    [CANARY],
    {"value": CANARY},
)
"""What agencies put where something else belongs, and what no agency should."""


@check(
    "mapping.total",
    proves="Whatever shape an answer has, a call ends in a valid record or in an AgencyError that quotes nothing of it.",
    matters="Agencies change shapes without notice; a surprise must be quarantined, not crash or leak.",
    remedy="Read wire fields with connectors/toolkit/reading.py, and name fields, never values, in errors.",
)
def total(subject: Subject) -> Iterable[Finding]:
    """Changes the sandbox's own answers in every place, and encodes them as the agency would."""
    for name in subject.working():
        for route in shaped_routes(subject, name):
            yield from _totally(subject, name, route)


@check(
    "mapping.recorded",
    proves="Every recorded answer still becomes the record that was recorded with it.",
    matters="A change of the mapping that nobody meant shows here before it shows in a citizen's file.",
    remedy="If the change is meant: `simpul connector record AGENCY`, and look at the difference before committing it.",
)
def stable(subject: Subject) -> Iterable[Finding]:
    """Replays recorded/<operation>.json through the connector."""
    for name in subject.working():
        path = recorded.path(subject, name)
        if not path.exists():
            yield Finding(
                name, f"has no {path.parent.name}/{path.name}: run `simpul connector record {subject.agency}`"
            )
            continue
        for field in recorded.differences(subject, name):
            yield Finding(name, f"{field} is not what was recorded")


def shaped_routes(subject: Subject, name: str) -> list[str]:
    """The routes that a good call of an operation asks and whose answers have a shape, in order."""
    asked: list[str] = []

    def look(route: str, answer: Answer) -> Answer:
        if answer.encode is not None and route not in asked:
            asked.append(route)
        return answer

    # One that has asked nothing yet, so that a token is asked for as well.
    with subject.connector_class(subject.settings) as fresh:
        prepared = subject.prepared(name)
        if not hasattr(fresh, "transport"):
            return []
        with inside(fresh, subject.at) as there:
            there.change = look
            prepared.call(fresh)
    return asked


def _totally(subject: Subject, name: str, route: str) -> Iterator[Finding]:
    from hypothesis import HealthCheck, Phase, given, settings, strategies  # noqa: PLC0415  (slow to import)

    found: set[Finding] = set()
    json_values = strategies.recursive(
        strategies.one_of(strategies.none(), strategies.booleans(), strategies.integers(), strategies.text(max_size=8)),
        lambda inner: strategies.one_of(
            strategies.lists(inner, max_size=3), strategies.dictionaries(strategies.text(max_size=8), inner, max_size=3)
        ),
        max_leaves=6,
    )

    @settings(
        max_examples=EXAMPLES_EACH,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        seed=strategies.integers(0, 2**32),
        how=strategies.sampled_from(("replaced", "replaced", "replaced", "missing", "added", "renamed", "whole")),
        odd=strategies.one_of(strategies.sampled_from(ODD), strategies.sampled_from(ODD), json_values),
    )
    def one(seed: int, how: str, odd: Any) -> None:
        chance = random.Random(seed)
        problem = _met(subject, name, route, lambda value: changed(value, how, odd, chance))
        if problem is not None:
            found.add(Finding(name, f"{route}, a field {how}: {problem}"))

    one()
    yield from sorted(found, key=lambda finding: finding.what)[:5]


def _met(subject: Subject, name: str, route: str, change: Callable[[Any], Any]) -> str | None:
    """What is wrong with how a call ends whose answer was changed; None when nothing is."""
    with ExitStack() as stack:
        # Where it is not the operation's own answer, a connector of its own: a token that was changed must not live on.
        used = subject.connector()
        if route != name:
            used = stack.enter_context(subject.connector_class(subject.settings))
        there, logs = stack.enter_context(inside(used, subject.at)), stack.enter_context(listening())
        prepared: Prepared = subject.prepared(name, used)
        seen = [CANARY, CANARY[:16]]

        def changing(asked: str, answer: Answer) -> Answer:
            if asked != route or answer.encode is None:
                return answer
            seen.extend(telling(answer.value))
            try:
                return replace(answer, body=answer.encode(change(answer.value)))
            except (ValueError, TypeError, AttributeError, OverflowError):
                # The agency could not send that: XML has no such character, an element no such content.
                return answer

        there.change = changing
        words = subject.words(prepared.request)
        try:
            record = prepared.call()
        except AgencyError as error:
            words |= seen
            place = next(iter(words.leaks(error, logs.said())), None)
            return None if place is None else f"{place} quotes the answer or the request"
        except Exception as error:  # noqa: BLE001  (that is what is looked for)
            return f"ended in a bare {type(error).__name__}"
        model = subject.operations[name].record
        if not isinstance(record, model):
            return f"brought {type(record).__name__}"
        try:
            model.model_validate_json(record.model_dump_json())
        except ValueError:
            return "brought a record that is not valid"
        return "the request or the answer is in a log" if any(map((words | seen).in_text, logs.said())) else None


def changed(value: Any, how: str, odd: Any, chance: random.Random) -> Any:
    """A copy of an answer with one place changed, or the whole of it."""
    places = list(_places(value))
    if how == "whole" or not places:
        return odd
    return _at(value, list(chance.choice(places)), how, odd)


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in items:
        yield (*above, name)
        yield from _places(below, (*above, name))


def _at(value: Any, place: list[Any], how: str, odd: Any) -> Any:
    first, *rest = place
    items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    made: list[tuple[Any, Any]] = []
    for name, below in items:
        if name != first:
            made.append((name, below))
        elif rest:
            made.append((name, _at(below, rest, how, odd)))
        elif how == "renamed":
            made.append((f"{name}_baru", below))
        elif how == "added":
            made += [(name, below), (f"{name}_baru", odd)]
        elif how == "replaced":
            made.append((name, odd))
    return dict(made) if isinstance(value, dict) else [below for _, below in made]


CHECKS: Final[tuple[Check, ...]] = (total, stable)
