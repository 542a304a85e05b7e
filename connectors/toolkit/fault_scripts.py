"""Fault scripts: which requests to a sandbox agency meet which fault, how often, and in what order.

A script file is TOML, one array of tables for each agency; `"*"` stands for every agency that is served:

    [[bpjs_kesehatan]]
    operation = "get_membership"
    probability = 0.2
    forever = true
    faults = [{ kind = "status", status = 503 }]

The kinds of faults live in `faults`.
"""

import json
import random
import tomllib
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from connectors.toolkit.faults import Fault, ScriptedFault

EVERY: Final = "*"


class FaultScriptError(ValueError):
    """A script that cannot be followed; the message names file, entry and field."""


class FaultScript(BaseModel):
    """Faults for the next matching requests, one each (or `times` each), in order.

    Attributes:
        operation: The connector's name of the operation; `*` for any.
        match: Values that the request's fields must have, compared as text; empty matches every request.
        probability: That a matching request meets the next fault; the others are answered as ever.
        seed: Of everything in this script that is left to chance.
        forever: Begin again at the end of the list, instead of going back to good behaviour.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: str = EVERY
    match: dict[str, str | int] = {}
    faults: list[Fault] = Field(min_length=1)
    probability: float = Field(default=1.0, gt=0, le=1)
    seed: int = 0
    forever: bool = False


_SCRIPTS: TypeAdapter[list[FaultScript]] = TypeAdapter(list[FaultScript])


class _Armed:
    """A script and what is left of it."""

    def __init__(self, script: FaultScript) -> None:
        self.script = script
        self.chance = random.Random(script.seed)
        self.left = deque((fault, fault.times) for fault in script.faults)

    def meets(self, operation: str, known: Mapping[str, Any]) -> bool:
        script = self.script
        return (
            script.operation in {EVERY, operation}
            and all(str(known.get(name)) == str(value) for name, value in script.match.items())
            and (script.probability == 1 or self.chance.random() < script.probability)
        )

    def next(self) -> Fault:
        fault, times = self.left.popleft()
        if times > 1:
            self.left.appendleft((fault, times - 1))
        elif self.script.forever:
            self.left.append((fault, fault.times))
        return fault


class Faults:
    """The faults still to come at one agency."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, scripts: Iterable[FaultScript]) -> None:
        """More faults, after those there already are."""
        self._armed += [_Armed(script) for script in scripts]

    def clear(self) -> None:
        """Good behaviour from now on."""
        self._armed.clear()

    def next(self, operation: str, fields: Callable[[], Mapping[str, Any]]) -> tuple[Fault, random.Random] | None:
        """The fault that this request meets, and the chance of its script.

        Args:
            operation: What is called.
            fields: What scripts match; called only when there are faults at all.
        """
        if not self._armed:
            return None
        known = fields()
        for position, armed in enumerate(self._armed):
            if armed.meets(operation, known):
                fault = armed.next()
                if not armed.left:
                    del self._armed[position]
                return fault, armed.chance
        return None


def scripts(found: Any, special: Container[str], where: str) -> list[FaultScript]:
    """Scripts of one agency from plain values.

    Args:
        found: A list of tables, as TOML or JSON holds it, or bytes of JSON.
        special: Names of the agency's own faults.
        where: What messages begin with: file and agency.

    Raises:
        FaultScriptError: It is no list of scripts, or names a fault that the agency does not have.
    """
    try:
        made = _SCRIPTS.validate_json(found) if isinstance(found, bytes) else _SCRIPTS.validate_python(found)
    except ValidationError as error:
        raise FaultScriptError("; ".join(f"{where}{problem}" for problem in _problems(error))) from None
    for entry, script in enumerate(made, 1):
        for number, fault in enumerate(script.faults, 1):
            if isinstance(fault, ScriptedFault) and fault.name not in special:
                raise FaultScriptError(f"{where}entry {entry}, fault {number}, name: no such fault at this agency")
    return made


def special(script: FaultScript) -> set[str]:
    """Names of agencies' own faults that a script calls."""
    return {fault.name for fault in script.faults if isinstance(fault, ScriptedFault)}


class Anything(Container[str]):
    """For `scripts` where it is not known which faults of their own the agencies have."""

    def __contains__(self, name: object) -> bool:
        return True


def load(path: Path) -> dict[str, Any]:
    """The entries of a script file by agency, TOML or (by its name) JSON.

    Raises:
        FaultScriptError: It is neither.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except ValueError as error:
        raise FaultScriptError(f"{path.name}: {error}") from None
    if not isinstance(found, dict):
        raise FaultScriptError(f"{path.name}: not a table of agencies")
    return found


def _problems(error: ValidationError) -> Iterable[str]:
    """Which entry and which field is wrong, and how."""
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        words = {0: "entry {}", 2: "fault {}"}
        parts, place = [], list(problem["loc"])
        if len(place) > 3 and place[1] == "faults":
            # What stands behind a fault's number is its kind.
            place[3] = f"({place[3]})"
        for depth, part in enumerate(place):
            if isinstance(part, int):
                parts.append(words.get(depth, "{}").format(part + 1))
            elif depth == 1 and part == "faults" and len(place) > 2:
                continue
            else:
                parts.append(str(part))
        message = problem["msg"].removeprefix("Value error, ")
        yield f"{', '.join(parts).replace(', (', ' (')}: {message}" if parts else message
