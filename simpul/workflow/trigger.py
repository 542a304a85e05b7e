"""A step at work: enter it for the wave's members, wait for their outcomes, park the rest. Runs in the triggerer.

Holds no key and no Kafka client. Nothing is raised into Airflow, which would run a worker to fail and would store
tracebacks; a log line says what happened, and Airflow's retries come again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from airflow.triggers.base import BaseTrigger, TaskFailedEvent, TaskSuccessEvent, TriggerEvent

from simpul import config
from simpul.ledger.drive import Driver
from simpul.workflow.poller import Ledger, Poller

_T = TypeVar("_T")

PATIENCE = 15.0
"""Seconds for which an unreachable ledger is tried within one try of a step."""


@dataclass(frozen=True)
class Station:
    """What all steps of one triggerer process share.

    Attributes:
        budget: Seconds a step waits before it parks.
        console: Base URL of the console.
    """

    ledger: Ledger
    poller: Poller
    budget: float
    console: str
    patience: float = PATIENCE


_stations: WeakKeyDictionary[asyncio.AbstractEventLoop, Station] = WeakKeyDictionary()


def station() -> Station:
    """The station of this process's event loop, made when the first step comes."""
    loop = asyncio.get_running_loop()
    if loop not in _stations:
        settings = config.load()
        driver = Driver(settings.database_url, settings.clock)
        _stations[loop] = Station(
            ledger=driver,
            poller=Poller(driver, stalled_after=settings.wave_patience),
            budget=settings.wave_budget,
            console=f"http://{settings.console_host}:{settings.console_port}",
        )
    return _stations[loop]


class StepTrigger(BaseTrigger):  # type: ignore[misc]
    """One step of one wave. The wave's id is the run's id.

    Args:
        service: Whose step it is.
        version: In which version.
        step: Which step.
    """

    def __init__(self, service: str, version: int, step: str) -> None:
        super().__init__()
        self.service = service
        self.version = version
        self.step = step

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Path and arguments, from which another triggerer makes it again."""
        return (
            f"{StepTrigger.__module__}.{StepTrigger.__qualname__}",
            {"service": self.service, "version": self.version, "step": self.step},
        )

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Nothing of a step is a template."""

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Drive the step once; always exactly one event, unless it is cancelled."""
        try:
            event = await self._drive(self.task_instance.run_id)
        except Exception as error:  # noqa: BLE001 - see the module's docstring
            # its text may quote what it stumbled over
            self.log.error("step %s cannot be driven: %s; Airflow tries again", self.step, type(error).__name__)  # noqa: TRY400
            event = TaskFailedEvent()
        yield event

    async def _drive(self, wave: str) -> TriggerEvent:
        here = station()
        if not await self._patiently(here, partial(here.ledger.enter, wave, self.step)):
            self.log.info("the ledger does not know the run %s: nothing to drive, so the step ends here", wave)
            return TaskSuccessEvent()
        if not await here.poller.closed(wave, self.step, within=here.budget):
            parked = await self._patiently(here, partial(here.ledger.park, wave, self.step))
            self.log.info("%d were parked: their answers did not come in time", parked)
        found = await self._patiently(here, partial(here.ledger.summary, wave, self.step))
        counts = {"done": 0, "waiting": 0, "incident": 0} | found
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        self.log.info("step %s: %s. Wave: %s/v1/waves/%s", self.step, told, here.console, wave)
        return TaskSuccessEvent(xcoms={"return_value": counts})

    async def _patiently(self, here: Station, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask the ledger, again for a while if it does not answer; everything asked of it may be repeated."""
        give_up = asyncio.get_running_loop().time() + here.patience
        pause = 0.2
        while True:
            try:
                return await ask()
            except Exception as error:
                if asyncio.get_running_loop().time() + pause > give_up:
                    raise
                self.log.warning("the ledger did not answer (%s)", type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 2)
