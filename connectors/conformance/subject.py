"""The connector under examination: its code, its folder, and its sandbox, served once for all checks."""

import contextlib
import itertools
import json
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self

from pydantic import BaseModel, SecretStr

from connectors import registry, sandbox_app
from connectors.conformance.leaks import Words
from connectors.toolkit.connector import Connector
from connectors.toolkit.errors import AgencyError
from connectors.toolkit.examples import Example, ExampleCall, Scene
from connectors.toolkit.operation import Operation
from connectors.toolkit.sandbox import SandboxAgency
from connectors.toolkit.settings import ConnectorSettings

FIRST_SCENE: Final = 700
"""Scenes count from here: families that nobody's examples mention by number."""


class Subject:
    """One agency's connector, with its sandbox behind it; closes what it opened at its end.

    Args:
        agency: Its name in the registry.
    """

    def __init__(self, agency: str) -> None:
        self.agency = agency
        self._stack = contextlib.ExitStack()
        self._numbers = itertools.count(FIRST_SCENE)
        self._connected: dict[str, Connector[Any]] = {}
        self._works: dict[str, bool] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._connected:
            self._connected.popitem()[1].close()
        self._stack.close()

    @cached_property
    def connector_class(self) -> type[Connector[Any]]:
        """The connector."""
        return registry.connector_class(self.agency)

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """Its operations by name."""
        return self.connector_class.operations()

    @cached_property
    def sandbox(self) -> ModuleType:
        """Its `sandbox.py`."""
        return registry.module(self.agency, "sandbox")

    @property
    def examples(self) -> Mapping[str, Example]:
        """A request that the sandbox answers well, by operation."""
        return getattr(self.sandbox, "EXAMPLES", {})

    @property
    def calls(self) -> Mapping[str, ExampleCall]:
        """A call as the agency would make it, by callback."""
        return getattr(self.sandbox, "CALLS", {})

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return registry.folder(self.agency)

    @cached_property
    def readme(self) -> str:
        """Its README; empty where there is none."""
        path = self.folder / "README.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @cached_property
    def running(self) -> sandbox_app.Running:
        """Its sandbox, over HTTP."""
        return self._stack.enter_context(sandbox_app.running([self.agency]))

    @property
    def at(self) -> SandboxAgency:
        """The simulated agency itself."""
        return self.running.app.agencies[self.agency]

    @cached_property
    def settings(self) -> ConnectorSettings:
        """The settings for its sandbox."""
        return self.running.settings(self.agency)

    def settle(self) -> None:
        """Good behaviour at the sandbox again, whatever was scripted before."""
        if "running" in vars(self):
            self.at.faults.clear()

    def forget(self) -> None:
        """A new sandbox: nothing has happened, and nobody has logged in."""
        self.at.reset()
        while self._connected:
            self._connected.popitem()[1].close()

    def connector(self, **changed: Any) -> Connector[Any]:
        """A connector to the sandbox, one for each set of changed settings."""
        key = json.dumps(changed, sort_keys=True)
        if key not in self._connected:
            settings = self.settings.model_copy(update=changed)
            self._connected[key] = self.connector_class(settings)
        return self._connected[key]

    def scene(self, connector: Connector[Any] | None = None) -> Scene:
        """A scene of its own at the sandbox."""
        return Scene(connector or self.connector(), self.running.app.world, next(self._numbers))

    def prepared(self, name: str, connector: Connector[Any] | None = None) -> "Prepared":
        """A call of an operation that the sandbox would answer well, not made yet.

        Raises:
            KeyError: There is no example of it.
        """
        scene, operation = self.scene(connector), self.operations[name]
        request = operation.request.model_validate(self.examples[name](scene))
        return Prepared(scene, operation, request, None if operation.effect == "read" else scene.reference())

    def with_examples(self, *effects: str) -> Iterator[str]:
        """Operations with one of these effects, or with any, that have an example."""
        for name, operation in self.operations.items():
            if name in self.examples and (not effects or operation.effect in effects):
                yield name

    def working(self, *effects: str) -> Iterator[str]:
        """Those of `with_examples` that the sandbox answers with a record, so that one cause is one failure."""
        for name in self.with_examples(*effects):
            if name not in self._works:
                try:
                    self._works[name] = isinstance(self.prepared(name).call(), self.operations[name].record)
                except AgencyError:
                    self._works[name] = False
            if self._works[name]:
                yield name

    def words(self, *models: BaseModel | None) -> Words:
        """What no error and no log may say: these models' personal values, and the settings' secrets."""
        return Words.of(models, self.secrets())

    def secrets(self, settings: ConnectorSettings | None = None) -> list[str]:
        """The secrets in the settings."""
        found = dict(settings or self.settings)
        return [value.get_secret_value() for value in found.values() if isinstance(value, SecretStr)]

    def written(self) -> Counter[tuple[str, str]]:
        """What has happened at the agency, by operation and our reference."""
        return Counter(
            {
                (operation, reference): times
                for operation, counts in list(self.at.writes.items())
                for reference, times in list(counts.items())
            }
        )


class Prepared:
    """A call that can be made, more than once."""

    def __init__(self, scene: Scene, operation: Operation, request: BaseModel, reference: str | None) -> None:
        self.scene = scene
        self.operation = operation
        self.request = request
        self.reference = reference

    def call(self, connector: Connector[Any] | None = None, reference: str | None = None) -> Any:
        """Makes the call.

        Raises:
            AgencyError: Whatever went wrong.
        """
        connector = connector or self.scene.connector
        return self.operation.invoke(connector, self.request, reference or self.reference)

    def look_up(self, reference: str | None = None) -> Any:
        """Asks what became of it.

        Raises:
            AgencyError: No answer was to be had.
        """
        return self.operation.look_up(self.scene.connector, self.request, reference or self.reference or "")


class Logs(logging.Handler):
    """Everything that is logged meanwhile, at any level, by thread."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._said: dict[int, list[str]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps what the record would say."""
        self._said.setdefault(threading.get_ident(), []).append(self.format(record))

    def said(self) -> list[str]:
        """What this thread logged."""
        return self._said.get(threading.get_ident(), [])


@contextlib.contextmanager
def listening() -> Iterator[Logs]:
    """Listens to all logs while the block runs."""
    root, logs = logging.getLogger(), Logs()
    level = root.level
    root.addHandler(logs)
    root.setLevel(logging.DEBUG)
    try:
        yield logs
    finally:
        root.setLevel(level)
        root.removeHandler(logs)
