"""When a call may go out: rate limit and circuit breaker of one gateway process, as plain state over a given time.

Not thread-safe by itself; `queue` guards it. Concurrency is the number of worker threads.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Circuit = Literal["closed", "open", "probing"]

_CATCH_UP = 0.05
_WHILE_PROBING = timedelta(seconds=0.1)


@dataclass(frozen=True)
class Ticket:
    """Leave to make one call; handed back with how it went."""

    generation: int


class Governor:
    """Lets calls through.

    Args:
        rate: Calls per second; None for no limit. Calls are spread evenly: in any t seconds no more than `rate * t`,
            plus one (or what 50 ms allow, for rates above 20 per second).
        failures: Transport failures in a row that open the circuit.
        pause: How long it stays open before one call probes.
    """

    def __init__(self, *, rate: float | None, failures: int, pause: timedelta) -> None:
        self._rate = rate
        self._burst = max(1.0, (rate or 0.0) * _CATCH_UP)
        self._tokens = self._burst
        self._filled_at: datetime | None = None
        self._failures = failures
        self._pause = pause
        self._in_a_row = 0
        self._generation = 0
        self._probe_at: datetime | None = None
        self.circuit: Circuit = "closed"

    def admit(self, now: datetime) -> Ticket | timedelta:
        """Leave to call now, or how long to wait before asking again."""
        if self.circuit == "probing":
            return _WHILE_PROBING
        if self._probe_at is not None and now < self._probe_at:
            return self._probe_at - now
        if (shortage := self._take_token(now)) is not None:
            return shortage
        if self.circuit == "open":
            self._turn("probing")
        return Ticket(self._generation)

    def report(self, ticket: Ticket, now: datetime, *, ok: bool | None) -> None:
        """How a call went: True for any answer of the agency, False for a transport failure, None for never sent.

        A call from before the circuit's last change says nothing about the present and is passed over.
        """
        if ticket.generation != self._generation:
            return
        if self.circuit == "probing":
            if ok:
                self.close()
            else:
                self._open(now if ok is None else now + self._pause)
        elif ok:
            self._in_a_row = 0
        elif ok is False:
            self._in_a_row += 1
            if self._in_a_row >= self._failures:
                self._open(now + self._pause)

    def blocked_until(self, now: datetime) -> datetime | None:
        """The moment of the next probe, while the circuit is open and that moment has not come."""
        return self._probe_at if self._probe_at is not None and now < self._probe_at else None

    def close(self) -> None:
        """Let calls through again."""
        self._turn("closed")
        self._in_a_row = 0
        self._probe_at = None

    def _open(self, probe_at: datetime) -> None:
        self._turn("open")
        self._probe_at = probe_at

    def _turn(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self._generation += 1

    def _take_token(self, now: datetime) -> timedelta | None:
        if self._rate is None:
            return None
        if self._filled_at is not None:
            elapsed = max(0.0, (now - self._filled_at).total_seconds())
            self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        self._filled_at = now
        if self._tokens < 1.0 - 1e-6:  # rounding, after a wait of exactly the shortage
            return timedelta(seconds=(1.0 - self._tokens) / self._rate)
        self._tokens -= 1.0
        return None
