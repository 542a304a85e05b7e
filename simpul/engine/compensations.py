"""Filing what undoes an application: an application of the service `compensation`, with the undoing requests as its form.

The ledger has written down what is to be undone when the application ended; the requests are built here, because here are the
keys. From then on it is an application like any other: carried in waves, each step at most once, in doubt looked up.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from connectors import catalogue
from simpul import expressions, tracing
from simpul.clock import Clock
from simpul.crypto import CannotDecryptError, DataKey, Keys
from simpul.definition import Definition
from simpul.engine.requests import open_form, open_record, plain_request
from simpul.expressions import ExpressionError
from simpul.ledger import Connection, Database, compensations, definitions, intake, transaction, transitions
from simpul.ledger.compensations import Call, Due, Effect
from simpul.ledger.definitions import DefinitionError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Undo:
    """One undoing request, and the steps that it undoes."""

    operation: str
    request: Mapping[str, Any]
    steps: Sequence[str]


class Compensator:
    """Files compensations for what the ledger says is to be undone.

    Args:
        installation: The region code that application numbers begin with.
    """

    def __init__(self, database: Database, keys: Keys, clock: Clock, installation: str) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._installation = installation

    def once(self) -> int:
        """File what is due; returns for how many applications."""
        with transaction(self._database) as connection:
            numbers = compensations.due(connection)
        done = 0
        for number in numbers:
            try:
                with transaction(self._database) as connection:
                    done += self._undo(connection, number)
            except DefinitionError as error:
                log.error("definition cannot be had", application=number, why=str(error))  # noqa: TRY400
        return done

    def _undo(self, connection: Connection, number: str) -> bool:
        due = compensations.take(connection, number)
        if due is None:
            return False
        workflow = definitions.latest(connection, compensations.SERVICE)
        undos, left = self._plan(connection, due, len(workflow.steps))
        by = self._file(connection, due, workflow, undos) if undos else None
        now = self._clock.now()
        calls = {step.name: Call(undo.operation, undo.steps) for step, undo in zip(workflow.steps, undos, strict=False)}
        compensations.opened(connection, number, by, calls, now=now)
        incidents = [transitions.uncompensated(effect, due.state) for effect in left]
        transitions.open_incidents(connection, incidents, actor="engine", now=now)
        return True

    def _plan(self, connection: Connection, due: Due, most: int) -> tuple[list[Undo], list[Effect]]:
        spec = definitions.definition(connection, due.service, due.version)
        try:
            key = self._keys.data_key(due.data_key, due.subject)
        except CannotDecryptError:
            return [], list(due.effects)
        return plan(due, spec, key, most)

    def _file(self, connection: Connection, due: Due, workflow: Definition, undos: Sequence[Undo]) -> str:
        asked = intake.Intake(
            definition=workflow,
            channel="engine",
            form={step.name: undo.request for step, undo in zip(workflow.steps, undos, strict=False)},
            received_by="engine",
            traceparent=tracing.child(due.traceparent),
        )
        return intake.file(connection, asked, self._keys, self._clock, self._installation).number


def plan(due: Due, spec: Definition, key: DataKey, most: int) -> tuple[list[Undo], list[Effect]]:
    """The requests that undo an application, in the order in which they are to be sent, and what they leave.

    Steps that the same request would undo are undone by one, sent when it is the turn of the earliest of them.

    Args:
        most: As many requests as a compensation has steps.
    """
    found: dict[str, tuple[Undo, list[Effect]]] = {}
    left = []
    for effect in due.effects:
        try:
            operation, request = _undoing(effect, due, spec, key)
        except (CannotDecryptError, LookupError, ValueError) as error:
            log.warning("cannot be undone", application=due.number, step=effect.step, error=type(error).__name__)
            left.append(effect)
            continue
        same = json.dumps([operation, request], sort_keys=True)
        undone = [*found.pop(same)[1], effect] if same in found else [effect]
        found[same] = (Undo(operation, request, [each.step for each in undone]), undone)
    chosen = list(found.values())
    left += [effect for _, undone in chosen[most:] for effect in undone]
    return [undo for undo, _ in chosen[:most]], left


def _undoing(effect: Effect, due: Due, spec: Definition, key: DataKey) -> tuple[str, dict[str, Any]]:
    compensate = catalogue.load()[effect.operation]["compensate"]
    scope = {"record": open_record(*due.records[effect.step, effect.revision], key)}
    if "request" in expressions.roots(compensate["request"].values()):
        scope["request"] = _request(effect, due, spec, key)
    request = expressions.build(compensate["request"], scope)
    if missing := [name for name, value in request.items() if value is None]:
        raise ExpressionError(f"what undoes {effect.operation} lacks {', '.join(missing)}")
    return compensate["operation"], request


def _request(effect: Effect, due: Due, spec: Definition, key: DataKey) -> dict[str, Any]:
    """What the step had asked for. Of an older revision the form is gone, and what it had asked for with it."""
    if effect.revision != due.revisions.get(effect.step, 1) or effect.step not in spec.by_name:
        raise ExpressionError(f"the request of {effect.step}, revision {effect.revision}, is not known any more")
    current = {
        step: sealed for (step, revision), sealed in due.records.items() if revision == due.revisions.get(step, 1)
    }
    records = {step: open_record(*sealed, key) for step, sealed in current.items()}
    form = open_form(due.form, due.form_version, key)
    request = plain_request(spec.by_name[effect.step], form, records)
    if request is None:
        raise ExpressionError(f"the request of {effect.step} cannot be built any more")
    return request
