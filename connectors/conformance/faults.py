"""Checks of what becomes of every fault: the right error, in time, and nothing personal said.

The table of ordeals covers each kind of fault that the sandbox kit has; a kind that is not in the table yet is met all the
same, with its defaults. Ordeals of different routes run at once: they are made of waiting.
"""

import contextlib
import time
import typing
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, Final

from connectors.conformance.check import Check, Finding, check
from connectors.conformance.effects import own_route, script
from connectors.conformance.mapping import shaped_routes
from connectors.conformance.subject import Logs, Prepared, Subject, listening
from connectors.toolkit.errors import AgencyError
from connectors.toolkit.faults import Fault

DEADLINE: Final = 0.8
"""Seconds that a call may take under examination; short, because several ordeals wait for its end."""

PATIENCE: Final = 10.0
"""Seconds after which a call counts as hanging: far more than a few exchanges under the deadline take on a busy machine."""

MAX_BYTES: Final = 512 * 1024

RECORD: Final = "record"
_LOST = frozenset({"retriable"})
_BROKEN = frozenset({"retriable", "bad_data"})
_REFUSED = frozenset({"misconfigured", "bad_data", "retriable"})
_EITHER = _BROKEN | {RECORD}
_ANY = frozenset({RECORD, "retriable", "bad_data", "misconfigured", "rejected"})


@dataclass(frozen=True)
class Ordeal:
    """A fault and what may come of it.

    Attributes:
        name: What findings call it.
        ends: Kinds of errors that are right, and `record`; for a write whose fate is open, `in_doubt` in place of an error.
        open: The request may have taken effect, as far as we can tell: an error of a write must be `in_doubt`.
        seed: Of what the fault leaves to chance.
        own: A fault of the agency's own.
    """

    name: str
    fault: Mapping[str, Any] = field(hash=False)
    ends: frozenset[str]
    open: bool = True
    seed: int = 0
    own: bool = False


def _ordeal(name: str, ends: frozenset[str], /, *, open: bool = True, **fault: Any) -> Ordeal:  # noqa: A002
    return Ordeal(name, fault, ends, open)


_DROP_LATE: Final = {"after_write": True}

ORDEALS: Final[tuple[Ordeal, ...]] = (
    *(_ordeal(f"HTTP {code}", _LOST, kind="status", status=code) for code in (500, 502, 503, 504)),
    _ordeal("HTTP 503 after the write", _LOST, kind="status", status=503, **_DROP_LATE),
    _ordeal(
        "HTTP 429", frozenset({"retriable", "misconfigured"}), kind="status", status=429, retry_after=2, open=False
    ),
    # A token that is refused may be fetched anew, once; without a word of the agency's own it may be a proxy that refused.
    *(
        _ordeal(
            f"HTTP {code}", frozenset({"misconfigured", "retriable", RECORD}), kind="status", status=code, open=False
        )
        for code in (401, 403)
    ),
    _ordeal("HTTP 404 and a web page", _REFUSED, kind="status", status=404, body="<html>404</html>", open=False),
    _ordeal("HTTP 400 and a web page", _REFUSED, kind="status", status=400, body="<html>400</html>", open=False),
    _ordeal("HTTP 302", frozenset({"misconfigured", "bad_data"}), kind="status", status=302),
    _ordeal("a web page with HTTP 200", _BROKEN, kind="html"),
    _ordeal("nothing with HTTP 200", _BROKEN, kind="status", status=200, media_type="application/json"),
    _ordeal("silence", _LOST, kind="timeout", seconds=60.0),
    _ordeal("silence after the write", _LOST, kind="timeout", seconds=60.0, **_DROP_LATE),
    _ordeal("a dropped connection", _LOST, kind="drop"),
    _ordeal("a dropped connection after the write", _LOST, kind="drop", **_DROP_LATE),
    _ordeal("a little latency", frozenset({RECORD}), kind="latency", seconds=0.02),
    _ordeal("more latency than the deadline bears", _LOST, kind="latency", seconds=1.6),
    _ordeal("a connection dropped in mid-body", _BROKEN, kind="cut"),
    _ordeal("a truncated answer", _BROKEN, kind="truncated"),
    _ordeal("a malformed answer", _EITHER, kind="malformed"),
    _ordeal("the wrong content type", _EITHER, kind="media_type"),
    *(
        Ordeal(f"a field {change}", {"kind": "drift", "change": change}, _ANY, open=False, seed=seed)
        for change in ("renamed", "retyped", "missing", "added")
        for seed in range(3)
    ),
    _ordeal("an answer twice in one body", _EITHER, kind="duplicate", of="body"),
    _ordeal("a second answer that nobody asked for", _EITHER, kind="duplicate", of="answer"),
    _ordeal("an answer byte by byte", _EITHER, kind="slow_loris", every_ms=1000.0),
    _ordeal("an oversized answer", _BROKEN, kind="oversized", size=4 * MAX_BYTES),
    _ordeal("an oversized answer of unknown length", _BROKEN, kind="oversized", size=4 * MAX_BYTES, announced=False),
)

OWN: Final[Mapping[str, frozenset[str]]] = {
    "expired_token": frozenset({RECORD, "misconfigured", "retriable"}),
    "quota": frozenset({"misconfigured", "retriable"}),
    "clock_skew": frozenset({"misconfigured"}),
}
"""What may come of the faults that agencies register themselves, by their usual names."""


def kinds() -> set[str]:
    """Every kind of fault that the sandbox kit has."""
    union = typing.get_args(Fault)[0]
    return {typing.get_args(model.model_fields["kind"].annotation)[0] for model in typing.get_args(union)}


def ordeals() -> Iterator[Ordeal]:
    """The table, and kinds that are not in it yet."""
    yield from ORDEALS
    for kind in sorted(kinds() - {ordeal.fault["kind"] for ordeal in ORDEALS} - {"scripted"}):
        yield Ordeal(kind, {"kind": kind}, _ANY, open=False)


@dataclass(frozen=True)
class _Trial:
    ordeal: Ordeal
    route: str
    prepared: Prepared


@dataclass(frozen=True)
class Outcome:
    """What became of one call under a fault.

    Attributes:
        end: `record`, the kind of the error, or `bare` for an exception that is no `AgencyError`.
        wrote: It took effect at the agency.
        leaks: Where something personal or secret was said.
    """

    operation: str
    ordeal: Ordeal
    end: str
    wrote: bool
    seconds: float
    leaks: tuple[str, ...]
    shown: str


def outcomes(subject: Subject) -> list[Outcome]:
    """Every ordeal of every operation that has an example; made once, because three checks look at them."""
    if "outcomes" not in vars(subject):
        subject.outcomes = list(_outcomes(subject))  # type: ignore[attr-defined]
    made: list[Outcome] = subject.outcomes  # type: ignore[attr-defined]
    return made


def _outcomes(subject: Subject) -> Iterator[Outcome]:
    # Made ready without faults first: an example may have to call what another operation is being tried with.
    connector = subject.connector(call_deadline=DEADLINE, max_response_bytes=MAX_BYTES)
    trials: defaultdict[str, list[_Trial]] = defaultdict(list)
    special: list[_Trial] = []
    for name in subject.working():
        route = own_route(subject, name)
        # A document, say, that is whole or not for all that anybody can tell, from wherever it is kept.
        shapeless = route not in shaped_routes(subject, name)
        for ordeal in ordeals():
            if shapeless:
                ordeal = replace(ordeal, ends=ordeal.ends | {RECORD, "bad_data"})  # noqa: PLW2901
            trials[route].append(_Trial(ordeal, route, _ready(subject, name, connector)))
        for own in subject.at.special:
            fault = {"kind": "scripted", "name": own}
            special.append(
                _Trial(
                    Ordeal(own, fault, OWN.get(own, _ANY), open=False, own=True),
                    route,
                    _ready(subject, name, connector),
                )
            )
    with listening() as logs:
        with ThreadPoolExecutor(16) as pool:
            for made in pool.map(lambda some: [_tried(subject, trial, logs) for trial in some], trials.values()):
                yield from made
        # Those may change what the agency knows, for everybody who calls meanwhile.
        for trial in special:
            yield _tried(subject, trial, logs)


def _ready(subject: Subject, name: str, connector: Any) -> Prepared:
    """A call that is made ready patiently, and will be made by the connector with little patience."""
    prepared = subject.prepared(name)
    prepared.scene.connector = connector
    return prepared


def _tried(subject: Subject, trial: _Trial, logs: Logs) -> Outcome:
    prepared, ordeal = trial.prepared, trial.ordeal
    said = len(logs.said())
    script(subject, trial.route, dict(ordeal.fault), seed=ordeal.seed)
    began, end, shown = time.monotonic(), RECORD, ""
    leaks: tuple[str, ...] = ()
    try:
        record = prepared.call()
        words = subject.words(prepared.request, record)
    except Exception as error:  # noqa: BLE001  (that is what is looked for)
        end = error.kind if isinstance(error, AgencyError) else "bare"
        shown = str(error) if isinstance(error, AgencyError) else type(error).__name__
        words = subject.words(prepared.request)
        leaks = tuple(words.leaks(error))
    seconds = time.monotonic() - began
    if any(map(words.in_text, logs.said()[said:])):
        leaks = (*leaks, "a log message")
    wrote = any(reference == prepared.reference for _, reference in subject.written())
    return Outcome(prepared.operation.name, ordeal, end, wrote, seconds, leaks, shown)


def _right(subject: Subject, outcome: Outcome) -> bool:
    if outcome.ordeal.own and outcome.end == "bad_data":
        # A refusal of one of its services may be no answer of another: enough that those understand it whose it is.
        return any(_right(subject, other) for other in outcomes(subject) if _same_but_understood(other, outcome))
    ends, write = outcome.ordeal.ends, subject.operations[outcome.operation].effect == "write"
    if not write:
        return outcome.end in ends
    if outcome.ordeal.open:
        return outcome.end in ((ends & {RECORD}) | {"in_doubt"})
    return outcome.end in ends | {"in_doubt"}


def _same_but_understood(other: Outcome, outcome: Outcome) -> bool:
    return other.ordeal.name == outcome.ordeal.name and other.end not in {"bad_data", "in_doubt"}


@check(
    "faults.right_error",
    proves="Every fault of the sandbox kit ends in a record or in the error that says what to do next, never a bare exception.",
    matters="The gateway repeats, refuses, stops or calls an operator by the error's class alone.",
    remedy="Let exchanges go through the toolkit, which names trouble; name the agency's own codes in verdicts.py.",
)
def right_error(subject: Subject) -> Iterable[Finding]:
    """Meets every ordeal with every operation."""
    for outcome in outcomes(subject):
        if not _right(subject, outcome):
            seen = f"{outcome.end} ({outcome.shown})" if outcome.shown else outcome.end
            yield Finding(outcome.operation, f"{outcome.ordeal.name}: ended in {seen}")


@check(
    "faults.written_is_in_doubt",
    proves="A `write` that took effect without a good answer is always InDoubt.",
    matters="Any other error lets the same thing be sent again, or tells the citizen that it was refused.",
    remedy="Raise errors that leave the fate open with `doubtful=True`; answer-reading errors do it by themselves.",
)
def written_is_in_doubt(subject: Subject) -> Iterable[Finding]:
    """Compares every ordeal's end with what the sandbox has written."""
    for outcome in outcomes(subject):
        write = subject.operations[outcome.operation].effect == "write"
        if write and outcome.wrote and outcome.end not in {RECORD, "in_doubt"}:
            yield Finding(outcome.operation, f"{outcome.ordeal.name}: took effect, and ended in {outcome.end}")


@check(
    "faults.in_time",
    proves="No fault makes a call hang.",
    matters="One agency that answers a byte a second would tie up the gateway.",
    remedy="Let every exchange go through `self.exchange` or `self.soap`: they keep `call_deadline` as a whole.",
)
def in_time(subject: Subject) -> Iterable[Finding]:
    """Looks at how long each ordeal took; generous, because a busy machine must not decide."""
    for outcome in outcomes(subject):
        if outcome.seconds > PATIENCE:
            yield Finding(
                outcome.operation, f"{outcome.ordeal.name}: took more than {PATIENCE:.0f} s under {DEADLINE} s"
            )


@check(
    "faults.silence",
    proves="No error, traceback or log of a call in trouble says anything personal or secret.",
    matters="Errors are stored, logged and shown to operators who may not see personal data (UU 27/2022 art. 35-39).",
    remedy="Put codes and places into errors, never what was sent or received; log nothing of either.",
)
def silence(subject: Subject) -> Iterable[Finding]:
    """Searches each ordeal's error and logs for what the request, the record and the settings hold."""
    for outcome in outcomes(subject):
        for place in outcome.leaks:
            yield Finding(outcome.operation, f"{outcome.ordeal.name}: something personal or secret is in {place}")


@check(
    "faults.next_call",
    proves="After any fault the next call is answered as ever, with its own answer.",
    matters="An answer left over on a kept connection would be taken for somebody else's.",
    remedy="Use the toolkit's transport: it keeps no connection that was not read to its end.",
)
def next_call(subject: Subject) -> Iterable[Finding]:
    """Calls twice after each fault that leaves something on the line."""
    connector = subject.connector(call_deadline=5.0)
    faults = ({"kind": "duplicate", "of": "answer"}, {"kind": "cut"}, {"kind": "drop"})
    for name in subject.working("read"):
        route = own_route(subject, name)
        wanted = subject.prepared(name, connector)
        good = wanted.call()
        for fault in faults:
            other = subject.prepared(name, connector)
            script(subject, route, fault)
            with contextlib.suppress(AgencyError):
                other.call()
            subject.settle()
            try:
                same = wanted.call()
            except AgencyError:
                # The line was dropped when the leftover showed; the one after has a new one.
                same = wanted.call()
            if type(same) is not type(good) or _subjects(same) != _subjects(good):
                yield Finding(name, f"after {fault['kind']} another call's answer was taken for this one's")


def _subjects(record: Any) -> Any:
    """What tells two records of the same kind apart, without what changes from call to call."""
    shown = record.model_dump(mode="json")
    return {key: value for key, value in shown.items() if key in {"nik", "nkk", "name", "npwp", "nop", "nib"}}


CHECKS: Final[tuple[Check, ...]] = (right_error, written_is_in_doubt, in_time, silence, next_call)
