"""One question to the ledger, every so often, for all steps that wait in this process. Knows nothing of Airflow."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

logger = logging.getLogger(__name__)

Entry = tuple[str, str]
"""A wave's id and a step's name."""


class Ledger(Protocol):
    """What a step does to the ledger: `simpul.ledger.drive.Driver`."""

    async def enter(self, wave: str, step: str) -> bool:
        """Open the step for the wave's members; False when the wave is unknown."""
        ...

    async def open_members(self, entries: Sequence[Entry]) -> dict[Entry, int]:
        """How many members each entry still waits for; zeros are left out."""
        ...

    async def park(self, wave: str, step: str) -> int:
        """Let the members still open leave the wave."""
        ...

    async def summary(self, wave: str, step: str) -> dict[str, int]:
        """What the step came to."""
        ...


class Poller:
    """Tells steps when none of their members is open any more.

    Args:
        ledger: Whom to ask.
        interval: Seconds between questions.
        longest: Seconds between questions while the ledger does not answer.
    """

    def __init__(self, ledger: Ledger, *, interval: float = 0.2, longest: float = 2.0) -> None:
        self._ledger = ledger
        self._interval = interval
        self._longest = longest
        self._waiting: dict[Entry, set[asyncio.Future[None]]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def closed(self, wave: str, step: str, *, within: float) -> bool:
        """Wait until no member of the wave is open at the step.

        Args:
            within: Seconds to wait at most.

        Returns:
            Whether it came to that in time.
        """
        entry = (wave, step)
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(entry, set()).add(future)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="simpul-poller")
        try:
            async with asyncio.timeout(within):
                await future
        except TimeoutError:
            return False
        finally:
            # also on cancellation: whoever has gone is not waited for
            futures = self._waiting.get(entry, set())
            futures.discard(future)
            if not futures:
                self._waiting.pop(entry, None)
        return True

    async def _ask(self) -> None:
        pause = self._interval
        while self._waiting:
            await asyncio.sleep(pause)
            # those who come while the question is under way are not in its answer
            asked = {entry: tuple(futures) for entry, futures in self._waiting.items()}
            if not asked:
                continue
            try:
                still_open = await self._ledger.open_members(list(asked))
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait have a deadline of their own
                pause = min(self._longest, pause * 2)
                logger.warning("the ledger did not answer (%s); asking again in %.1f s", type(error).__name__, pause)
                continue
            pause = self._interval
            for entry, futures in asked.items():
                if not still_open.get(entry):
                    for future in futures:
                        if not future.done():
                            future.set_result(None)
