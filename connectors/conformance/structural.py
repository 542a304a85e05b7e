"""Checks of what a connector says of itself: files, settings, operations, examples. Nothing is called."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from connectors import catalogue
from connectors.conformance.check import Check, Finding, check
from connectors.conformance.subject import Subject
from connectors.toolkit.feed import Feed
from connectors.toolkit.operation import Operation
from connectors.toolkit.settings import ConnectorSettings
from schemas.registry import RECORDS

FILES: Final = ("__init__.py", "connector.py", "settings.py", "sandbox.py", "README.md", "operations.json")
TOPICS: Final = ("owner", "hours", "quota", "legal basis")

_SECRET_NAME: Final = re.compile(r"(^|_)(password|passwd|secret|token|key|pin|passphrase)(_|$)")
_SECRET_WORD: Final = re.compile(
    r"\b(password|passphrase|secret|PIN|private key|bearer token|api key)\b", re.IGNORECASE
)
_NO_SECRET_NAME: Final = re.compile(r"(^|_)public_key$|_(id|file|url|path|seconds|name|header|lifetime|networks)$")
_PLAIN: Final = frozenset({int, float, bool})


@check(
    "structural.files",
    proves="The folder holds the files that every connector has.",
    matters="Whoever knows one connector finds their way in all of them.",
    remedy="Add the file; CONTRIBUTING.md, 'Add an agency', shows each.",
)
def files(subject: Subject) -> Iterable[Finding]:
    """Looks into the folder."""
    for name in FILES:
        if not (subject.folder / name).exists():
            yield Finding(name, "is missing")


@check(
    "structural.settings",
    proves="Every setting says what it is, and the environment variables carry the agency's name.",
    matters="Settings are what a site's IT team reads first, and often all it reads.",
    remedy="Give the field a `description` that says what it is and from whom to get it; set `env_prefix`.",
)
def settings(subject: Subject) -> Iterable[Finding]:
    """Reads the settings model."""
    model = subject.connector_class.settings_class()
    if model.model_config.get("env_prefix") != f"SIMPUL_{subject.agency.upper()}_":
        yield Finding("settings.py", f"env_prefix is not SIMPUL_{subject.agency.upper()}_")
    for name, field in model.model_fields.items():
        if len((field.description or "").strip()) < 10:
            yield Finding(name, "has no description that says what it is")


@check(
    "structural.secrets",
    proves="Secrets are marked as such and have no default.",
    matters="A password that is plain text ends up in a log; one with a default ends up on every site.",
    remedy="Make the field a `SecretStr` without a default (or None where it is optional).",
)
def secrets(subject: Subject) -> Iterable[Finding]:
    """Reads the settings model's names, descriptions, types and defaults."""
    for name, field in subject.connector_class.settings_class().model_fields.items():
        secret = SecretStr in _types(field)
        if not secret and _smells(name, field):
            yield Finding(name, "sounds like a secret and is not a SecretStr")
        if secret and isinstance(field.default, SecretStr):
            yield Finding(name, "has a default: a secret comes from the site, never from the code")


@check(
    "structural.silence",
    proves="Neither the settings nor the connector show a secret when they are printed.",
    matters="Objects are printed by debuggers, test runners and careless log lines.",
    remedy="Keep secrets in `SecretStr` until the moment they are sent, and out of `__repr__`.",
)
def silence(subject: Subject) -> Iterable[Finding]:
    """Prints both."""
    found, connector = subject.secrets(), subject.connector()
    shown: list[tuple[str, Any]] = [("the settings", subject.settings), ("the connector", connector)]
    for what, thing in shown:
        if any(secret in text for secret in found for text in (repr(thing), str(thing))):
            yield Finding(what, "shows a secret in repr() or str()")


@check(
    "structural.operations",
    proves="Every operation is typed, documented, and says what for and by what right.",
    matters="UU 27/2022 asks for purpose and legal basis of every processing; the record of processing is made from here.",
    remedy="Complete `@operation(...)` and the docstring; where the public task alone is the basis, say `PUBLIC_TASK`.",
)
def operations(subject: Subject) -> Iterable[Finding]:
    """Reads what `@operation` and the signatures say."""
    if not subject.operations:
        yield Finding("connector.py", "has no operation")
    for name, operation in subject.operations.items():
        if not operation.doc.endswith("."):
            yield Finding(name, "its docstring does not begin with a sentence")
        if not operation.purpose.strip():
            yield Finding(name, "says no purpose")
        if not (operation.legal_basis or "").strip():
            yield Finding(name, "says no legal basis")
        for key, wanted in (("hide_input_in_errors", True), ("extra", "forbid")):
            if operation.request.model_config.get(key) != wanted:
                yield Finding(name, f"its request model does not have {key}={wanted!r}")
    for name, feed in subject.connector_class.feeds().items():
        if not (feed.doc.endswith(".") and feed.purpose.strip() and (feed.legal_basis or "").strip()):
            yield Finding(name, "the feed lacks a sentence, a purpose or a legal basis")


@check(
    "structural.look_up",
    proves="Every `write` can be looked up by our reference.",
    matters="Without a look-up, each doubtful write waits for an operator to telephone the agency.",
    remedy="Add `@operation_name.reconcile`, or say `repeatable` or `idempotent` where that is what the agency offers.",
)
def look_up(subject: Subject) -> Iterable[Finding]:
    """Looks for the reconcilers."""
    for name, operation in subject.operations.items():
        if operation.effect == "write" and operation.reconcile is None:
            yield Finding(name, "is a write without a look-up by our reference")


@check(
    "structural.compensation",
    proves="What undoes an operation is a write of the same agency, and its request can be built from the undone call.",
    matters="When an application ends in nothing after a write took effect, it is undone without an operator.",
    remedy="Name an operation with `compensate`, and in `compensate_with` what neither request nor record know; "
    "say `lasts` only where what was done may stay.",
)
def compensation(subject: Subject) -> Iterable[Finding]:
    """Compares the fields of both requests and of the record."""
    for name, operation in subject.operations.items():
        if operation.lasts and (operation.compensate or operation.effect not in _UNDONE):
            yield Finding(name, "has nothing to undo, and says so with `lasts` or `compensate` all the same")
        if operation.compensate is None:
            continue
        undo = subject.operations.get(operation.compensate)
        if undo is None:
            yield Finding(name, f"is undone by {operation.compensate}, which this agency does not offer")
        elif operation.effect not in _UNDONE or undo.effect not in _UNDONE:
            yield Finding(
                name, f"is a {operation.effect}, undone by a {undo.effect}: only writes are undone, by writes"
            )
        else:
            yield from _unbuilt(operation, undo)


_UNDONE: Final = frozenset({"write", "idempotent"})


def _unbuilt(operation: Operation, undo: Operation) -> Iterator[Finding]:
    built, fields = catalogue.undoing(operation, undo), undo.request.model_fields
    for name in sorted(operation.compensate_with.keys() - fields.keys()):
        yield Finding(operation.name, f"{undo.name} has no field {name}")
    for name, field in fields.items():
        if field.is_required() and name not in built:
            yield Finding(operation.name, f"{undo.name} needs {name}, which neither its record nor its request knows")
        root, _, where = built.get(name, "=").partition(".")
        source = {"record": operation.record, "request": operation.request}.get(root)
        if source and _sort(source.model_fields[where]) != _sort(field):
            yield Finding(operation.name, f"{undo.name} takes another sort of {name} than its {root} holds")


def _sort(field: FieldInfo) -> Any:
    """A field's type without what it is allowed to hold: text is text, whatever its pattern."""
    return {part for part in _types(field) if not getattr(part, "__args__", ())} - {type(None)}


@check(
    "structural.records",
    proves="Every operation brings a record that is in the shared registry.",
    matters="What is not in the registry has no frozen schema, no classification and no topic.",
    remedy="Add the record to its module's RECORDS and run `simpul schema publish`.",
)
def records(subject: Subject) -> Iterable[Finding]:
    """Compares with the registry."""
    described: list[Operation | Feed] = [*subject.operations.values(), *subject.connector_class.feeds().values()]
    for operation in described:
        schema_id = operation.record.schema_id()
        if RECORDS.get(schema_id) is not operation.record:
            yield Finding(operation.name, f"brings {operation.record.__name__}, which is not in schemas/registry.py")


@check(
    "structural.readme",
    proves="The README has a row with the contract's tag for every operation, feed and callback, and the agency's rules.",
    matters="The tag tells a site what is documented and what is a guess to be confirmed.",
    remedy="Add the row `| `name` | effect | **[G]** … |`, and owner, service hours, quota and legal basis.",
)
def readme(subject: Subject) -> Iterable[Finding]:
    """Reads the README."""
    tagged: list[tuple[str, str]] = [(name, found.contract) for name, found in subject.operations.items()]
    tagged += [(name, feed.contract) for name, feed in subject.connector_class.feeds().items()]
    tagged += [(callback.name, callback.contract) for callback in subject.connector_class.callbacks]
    for name, contract in tagged:
        if not re.search(rf"^\|.*`{re.escape(name)}`.*\b{contract}\b.*$", subject.readme, re.MULTILINE):
            yield Finding(name, f"has no row with its tag {contract}")
    for topic in TOPICS:
        if topic not in subject.readme.lower():
            yield Finding("README.md", f"does not speak of {topic}")


@check(
    "structural.examples",
    proves="The sandbox has an example of every operation and of every callback.",
    matters="What has no example is not exercised by this kit, by benchmarks or in training.",
    remedy="Add it to EXAMPLES or CALLS in sandbox.py; connectors/toolkit/examples.py says what it is given.",
)
def examples(subject: Subject) -> Iterable[Finding]:
    """Compares the names, both ways."""
    wanted = {callback.name for callback in subject.connector_class.callbacks}
    for table, names, there in (
        ("EXAMPLES", set(subject.operations), set(subject.examples)),
        ("CALLS", wanted, set(subject.calls)),
    ):
        for name in sorted(names - there):
            yield Finding(name, f"is not in {table}")
        for name in sorted(there - names):
            yield Finding(name, f"is in {table} and nowhere else")


@check(
    "structural.catalogue",
    proves="operations.json says what the code says.",
    matters="Services are checked against the catalogue, not against the code.",
    remedy="Run `simpul connector catalogue`.",
)
def catalogued(subject: Subject) -> Iterable[Finding]:
    """Builds the catalogue anew."""
    path = catalogue.path(subject.agency)
    if not path.exists() or path.read_text(encoding="utf-8") != catalogue.written(catalogue.build(subject.agency)):
        yield Finding("operations.json", "is out of date")


def _types(field: FieldInfo) -> set[Any]:
    return set(_parts(field.annotation))


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _parts(argument)


def _smells(name: str, field: FieldInfo) -> bool:
    if name in ConnectorSettings.model_fields or _PLAIN & _types(field) or _NO_SECRET_NAME.search(name):
        return False
    if any(getattr(kind, "__name__", "") == "Path" for kind in _types(field)):
        # Where a secret is kept is none.
        return False
    return bool(_SECRET_NAME.search(name) or _SECRET_WORD.search((field.description or "").split(";")[0].split(",")[0]))


CHECKS: Final[tuple[Check, ...]] = (
    files,
    settings,
    secrets,
    silence,
    operations,
    look_up,
    compensation,
    records,
    readme,
    examples,
    catalogued,
)
