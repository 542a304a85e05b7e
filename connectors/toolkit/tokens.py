"""Access tokens: fetched once for all threads, kept until shortly before they end, fetched anew once when refused.

How a token is asked for, and what a refusal looks like, is each connector's.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Token:
    """A token and how long it lives.

    Attributes:
        seconds: From when it was asked for; none where the agency does not say.
    """

    value: str
    seconds: float | None = None


class TokenRefusedError(Exception):
    """The agency says that the token is expired or unknown: it was not carried out, so asking once more is safe."""


class Tokens:
    """The present token of one account; safe to use from several threads.

    Args:
        fetch: Asks the agency for a new one.
        early: Seconds before its end at which a token is not used any more.
        clock: Monotonic seconds.
    """

    def __init__(
        self, fetch: Callable[[], Token], *, early: float = 30.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._early = early
        self._clock = clock
        self._lock = threading.Lock()
        self._value: str | None = None
        self._until = 0.0

    def current(self) -> str:
        """The token, fetched when there is none that is good.

        Raises:
            AgencyError: None was to be had.
        """
        with self._lock:
            if self._value is None or self._clock() >= self._until:
                asked = self._clock()
                token = self._fetch()
                self._value = token.value
                lives = float("inf") if token.seconds is None else token.seconds
                # A token that lives no longer than `early` is used for half its life.
                self._until = asked + max(lives - self._early, lives / 2)
            return self._value

    def drop(self, value: str) -> None:
        """This one is good no more; another that came meanwhile stays."""
        with self._lock:
            if self._value == value:
                self._value = None

    def using(self, call: Callable[[str], T]) -> T:
        """Calls with the token; when it is refused, once more with a new one.

        Raises:
            TokenRefusedError: The new one was refused as well.
            AgencyError: As `call` or the fetching of the token raised it.
        """
        token = self.current()
        try:
            return call(token)
        except TokenRefusedError:
            self.drop(token)
        token = self.current()
        try:
            return call(token)
        except TokenRefusedError:
            self.drop(token)
            raise
