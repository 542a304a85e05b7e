"""How often somebody without a key may ask."""

from datetime import datetime, timedelta
from threading import Lock

A_MINUTE = 120
"""Checks that one address may ask for in a minute, of one console process."""


class Limit:
    """So many a minute from each address; forgotten with the minute."""

    def __init__(self, most: int = A_MINUTE) -> None:
        self._most = most
        self._lock = Lock()
        self._began: datetime | None = None
        self._counts: dict[str, int] = {}

    def takes(self, address: str, now: datetime) -> bool:
        """Whether one more may come from this address now."""
        with self._lock:
            if self._began is None or not timedelta() <= now - self._began < timedelta(minutes=1):
                self._began, self._counts = now, {}
            self._counts[address] = self._counts.get(address, 0) + 1
            return self._counts[address] <= self._most
