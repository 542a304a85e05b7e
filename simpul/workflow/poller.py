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

    async def open_members(self, entries: Sequence[Entry]) -> dict[Entry, tuple[int, int]]:
        """How many members each entry still waits for, and how many are through and held up by those."""
        ...

    async def park(self, wave: str, step: str) -> int:
        """Let the members still open leave the wave."""
        ...

    async def summary(self, wave: str, step: str) -> dict[str, int]:
        """What the step came to."""
        ...


class _Wait:
    """One step that waits, and when its last answer came."""

    def __init__(self) -> None:
        self.future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._open: int | None = None
        self._since = 0.0

    def note(self, still_open: int, through: int, *, stalled_after: float) -> None:
        """Take the ledger's answer: end when nobody is open, or when those who are hold up others and nothing moves."""
        now = asyncio.get_running_loop().time()
        if still_open != self._open:
            self._open, self._since = still_open, now
        stalled = through > 0 and now - self._since >= stalled_after
        if (still_open == 0 or stalled) and not self.future.done():
            self.future.set_result(still_open == 0)


class Poller:
    """Tells steps when none of their members is open any more, or when a few hold up the others.

    Args:
        ledger: Whom to ask.
        stalled_after: Seconds without an answer after which members that are through wait no longer for the rest.
        interval: Seconds between questions.
        longest: Seconds between questions while the ledger does not answer.
    """

    def __init__(
        self, ledger: Ledger, *, stalled_after: float = 3.0, interval: float = 0.2, longest: float = 2.0
    ) -> None:
        self._ledger = ledger
        self._stalled_after = stalled_after
        self._interval = interval
        self._longest = longest
        self._waiting: dict[Entry, set[_Wait]] = {}
        self._asking: asyncio.Task[None] | None = None

    async def closed(self, wave: str, step: str, *, within: float) -> bool:
        """Wait until no member of the wave is open at the step.

        Args:
            within: Seconds to wait at most.

        Returns:
            Whether it came to that; otherwise the members still open are to be parked.
        """
        entry = (wave, step)
        wait = _Wait()
        self._waiting.setdefault(entry, set()).add(wait)
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="simpul-poller")
        try:
            async with asyncio.timeout(within):
                return await wait.future
        except TimeoutError:
            return False
        finally:
            # also on cancellation: whoever has gone is not waited for
            waits = self._waiting.get(entry, set())
            waits.discard(wait)
            if not waits:
                self._waiting.pop(entry, None)

    async def _ask(self) -> None:
        pause = self._interval
        while self._waiting:
            await asyncio.sleep(pause)
            # those who come while the question is under way are not in its answer
            asked = {entry: tuple(waits) for entry, waits in self._waiting.items()}
            if not asked:
                continue
            try:
                still_open = await self._ledger.open_members(list(asked))
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait have a deadline of their own
                pause = min(self._longest, pause * 2)
                logger.warning("the ledger did not answer (%s); asking again in %.1f s", type(error).__name__, pause)
                continue
            pause = self._interval
            for entry, waits in asked.items():
                for wait in waits:
                    wait.note(*still_open.get(entry, (0, 0)), stalled_after=self._stalled_after)
