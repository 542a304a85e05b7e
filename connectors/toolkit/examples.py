"""Requests that an agency's sandbox answers well, for whoever exercises a connector without knowing its agency.

Those are the conformance kit, benchmarks, recorded payloads and training. Each `sandbox.py` holds `EXAMPLES`, operation name to a function that makes such a request in a scene, and, where the agency
calls us, `CALLS`, callback name to a function that makes such a call as the agency would, signed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.toolkit.callback import Received
from connectors.toolkit.connector import Connector
from connectors.toolkit.population import SandboxWorld, SyntheticFamily
from schemas.base import Record


@dataclass
class Scene:
    """One use of a connector against its sandbox.

    Attributes:
        connector: Connected to the sandbox.
        world: The sandbox's residents.
        number: Another scene has another number, so that what can happen only once to a person happens to another.
    """

    connector: Connector[Any]
    world: SandboxWorld
    number: int
    _serial: int = field(default=0, init=False)

    @property
    def family(self) -> SyntheticFamily:
        """An ordinary family of this scene's own: both parents live and nothing is wrong with them."""
        return self.world.population.family(self.number)

    def reference(self) -> str:
        """Our reference for another call in this scene."""
        self._serial += 1
        return f"EXAMPLE-{self.number}-{self._serial}"

    def call(self, operation: str, request: Mapping[str, Any], reference: str | None = None) -> Record:
        """Calls an operation of this connector first, because what is asked next depends on its record.

        Args:
            operation: Its name, without the agency.
            request: By field name, as JSON.
            reference: Ours; one is made up for an operation that needs one.
        """
        found = self.connector.operations()[operation]
        ours = None if found.effect == "read" else reference or self.reference()
        return found.invoke(self.connector, found.request.model_validate(request), ours)

    @property
    def now(self) -> datetime:
        """The time at the agency."""
        return self.world.now()


Example = Callable[[Scene], Mapping[str, Any]]
"""Makes a request, by field name as JSON, that the sandbox answers with a record."""

ExampleCall = Callable[[Any, datetime, int], Received]
"""Makes a call that the agency would make: from our settings, the time, and a number that makes it differ from others."""
