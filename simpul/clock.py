"""The one source of time. Everything that reads a clock takes one of these; no SQL statement calls `now()`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Tells the time; tests turn it."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The machine's present moment."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is turned."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The moment to which the clock was last turned."""
        return self._now

    def turn(self, by: timedelta) -> None:
        """Move the clock forward (or, with a negative span, back)."""
        self._now += by


class FileClock:
    """The machine's clock plus an offset in seconds read from a file: several processes are turned together.

    Meant for acceptance tests and training, where a bill must lapse now and not in two hours. A missing or
    empty file means no offset.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        """The machine's moment, moved by the file's offset."""
        try:
            offset = float(self._path.read_text() or 0)
        except FileNotFoundError:
            offset = 0.0
        return datetime.now(UTC) + timedelta(seconds=offset)


def clock_from(offset_file: Path | None) -> Clock:
    """The clock that the configuration asks for."""
    return FileClock(offset_file) if offset_file else SystemClock()
