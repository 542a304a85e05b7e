"""Checks of what calls do to the agency: reads nothing, writes once."""

from collections.abc import Iterable
from typing import Any, Final

from connectors import sandbox_app
from connectors.conformance.check import Check, Finding, check
from connectors.conformance.subject import Prepared, Subject
from connectors.toolkit.errors import AgencyError, InDoubt


@check(
    "effects.examples_work",
    proves="The sandbox answers every example with a record of the right type.",
    matters="All other checks begin with a call that is answered well.",
    remedy="Run the example by hand (`simpul connector call … --sandbox`) and see what the sandbox refuses.",
)
def examples_work(subject: Subject) -> Iterable[Finding]:
    """Calls each twice, in scenes of their own."""
    for name in subject.with_examples():
        for _ in range(2):
            try:
                record = subject.prepared(name).call()
            except AgencyError as error:
                yield Finding(name, f"its example is not answered with a record but with {error}")
                continue
            if not isinstance(record, subject.operations[name].record):
                yield Finding(name, f"brought {type(record).__name__}, not {subject.operations[name].record.__name__}")


@check(
    "effects.reads_do_nothing",
    proves="A read changes nothing at the agency.",
    matters="Reads are repeated at will, also by the live check on site.",
    remedy="Say the operation's real effect in `@operation(effect=…)`.",
)
def reads_do_nothing(subject: Subject) -> Iterable[Finding]:
    """Compares what the sandbox has written, and its people's lives, before and after."""
    for name in subject.working("read"):
        prepared = subject.prepared(name)
        before = _state(subject)
        prepared.call()
        if _state(subject) != before:
            yield Finding(name, "is a read and changed something at the agency")


@check(
    "effects.writes_are_counted",
    proves="The sandbox counts every effect by our reference.",
    matters="What is not counted cannot be proven to happen once.",
    remedy="Send the reference to the agency, and call `agency.wrote(operation, reference)` in sandbox.py where it takes effect.",
)
def writes_are_counted(subject: Subject) -> Iterable[Finding]:
    """Calls once and looks at the count."""
    for name in subject.working("write", "idempotent", "repeatable"):
        prepared = subject.prepared(name)
        prepared.call()
        if (times := _times(subject, prepared)) != 1:
            yield Finding(name, f"one call is counted {times} times under our reference")


@check(
    "effects.idempotent_is_once",
    proves="An `idempotent` operation that is repeated with its reference takes effect once, and brings a record each time.",
    matters="The gateway repeats these blindly after any doubt.",
    remedy="Send the reference as the key that the agency honours, or say `write` and add a look-up.",
)
def idempotent_is_once(subject: Subject) -> Iterable[Finding]:
    """Calls three times under one reference."""
    for name in subject.working("idempotent"):
        prepared = subject.prepared(name)
        first = prepared.call()
        again = [prepared.call() for _ in range(2)]
        if (times := _times(subject, prepared)) != 1:
            yield Finding(name, f"three calls under one reference took effect {times} times")
        if any(type(record) is not type(first) for record in again):
            yield Finding(name, "a repeated call brings something else")


@check(
    "effects.lost_writes_are_found",
    proves="A `write` whose answer is lost is in doubt, and its look-up finds what took effect.",
    matters="This is how a child is not registered twice when the line breaks at the wrong moment.",
    remedy="Let the look-up ask by our reference, and the sandbox answer it from what it has written.",
)
def lost_writes_are_found(subject: Subject) -> Iterable[Finding]:
    """Drops the connection after the write, then looks it up."""
    for name in subject.working("write"):
        prepared = subject.prepared(name)
        route = own_route(subject, name)
        script(subject, route, {"kind": "drop", "after_write": True})
        try:
            prepared.call()
        except InDoubt:
            pass
        except AgencyError as error:
            yield Finding(name, f"the answer to a write was lost: {type(error).__name__} instead of InDoubt")
        else:
            yield Finding(name, "a lost answer went unnoticed")
        subject.settle()
        if _times(subject, prepared) != 1:
            yield Finding(name, f"the write took effect {_times(subject, prepared)} times")
        elif subject.operations[name].reconcile and not isinstance(_found(prepared), subject.operations[name].record):
            yield Finding(name, "the look-up does not find what took effect")


@check(
    "effects.unknown_is_none",
    proves="The look-up of a reference that the agency does not know says None.",
    matters="None is the agency's word that nothing happened, and the only thing that lets a write be sent again.",
    remedy="Return None where the agency says that it knows no such reference; raise for every other refusal.",
)
def unknown_is_none(subject: Subject) -> Iterable[Finding]:
    """Looks a reference up that nobody used."""
    for name in subject.working():
        if subject.operations[name].reconcile is None:
            continue
        found = _found(subject.prepared(name), "NEVER-USED-1")
        if found is not None:
            what = str(found) if isinstance(found, AgencyError) else type(found).__name__
            yield Finding(name, f"the look-up of an unknown reference says {what}")


@check(
    "effects.look_up_in_trouble",
    proves="A look-up that gets no answer never says None.",
    matters="'The agency is down' read as 'nothing happened' makes a write happen twice.",
    remedy="Return None for the agency's own 'not found' alone; let every other error through.",
)
def look_up_in_trouble(subject: Subject) -> Iterable[Finding]:
    """Looks up while the agency answers with errors and web pages."""
    for name in subject.working():
        if subject.operations[name].reconcile is None:
            continue
        prepared = subject.prepared(name)
        for fault in (
            {"kind": "status", "status": 503},
            {"kind": "status", "status": 404},
            {"kind": "html"},
            {"kind": "drop"},
        ):
            script(subject, "*", fault, forever=True)
            if _found(prepared, "NEVER-USED-2") is None:
                yield Finding(name, f"the look-up says None under {fault}")
            subject.settle()


@check(
    "effects.repeatable_says_why",
    proves="The README says what a repeat of a `repeatable` operation leaves behind.",
    matters="The gateway repeats it after doubt: a site must know what it will see at the agency.",
    remedy="Say it in the operation's row: '`create_bill` | repeatable: a bill made twice lapses unpaid'.",
)
def repeatable_says_why(subject: Subject) -> Iterable[Finding]:
    """Reads the README's row."""
    for name, operation in subject.operations.items():
        row = next((line for line in subject.readme.splitlines() if f"`{name}`" in line), "")
        _, said, words = row.partition("repeatable")
        if operation.effect == "repeatable" and not (said and words.split("|")[0].strip(" :;,.*`")):
            yield Finding(name, "its row does not say what a repeat leaves behind")


def script(subject: Subject, route: str, fault: dict[str, Any], *, forever: bool = False, seed: int = 0) -> None:
    """The next request on this route meets a fault; or all do."""
    entry = {"operation": route, "faults": [fault], "forever": forever, "seed": seed}
    sandbox_app.script(subject.running.app, {subject.agency: [entry]})


def own_route(subject: Subject, name: str) -> str:
    """The sandbox's name for what carries an operation out: its own, or the last that a good call of it asks."""
    prepared = subject.prepared(name)
    before = subject.at.calls.copy()
    prepared.call()
    asked = [route for route, times in subject.at.calls.items() if times > before[route]]
    return name if name in asked or not asked else asked[-1]


def _state(subject: Subject) -> tuple[Any, ...]:
    return subject.written(), tuple(subject.running.app.world.life)


def _times(subject: Subject, prepared: Prepared) -> int:
    """How often anything took effect under a call's reference."""
    written = subject.written()
    return max((times for (_, reference), times in written.items() if reference == prepared.reference), default=0)


def _found(prepared: Prepared, reference: str | None = None) -> Any:
    """What a look-up says, or its error."""
    try:
        return prepared.look_up(reference)
    except AgencyError as error:
        return error


CHECKS: Final[tuple[Check, ...]] = (
    examples_work,
    reads_do_nothing,
    writes_are_counted,
    idempotent_is_once,
    lost_writes_are_found,
    unknown_is_none,
    look_up_in_trouble,
    repeatable_says_why,
)
