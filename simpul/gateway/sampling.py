"""Samples of what agencies' answers look like: shapes only, a few per operation, kept in the ledger for `connector drift`."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from connectors.toolkit import shapes
from connectors.toolkit.shapes import Shape
from connectors.toolkit.transport import watching
from simpul.clock import Clock
from simpul.ledger.attempts import Attempts, UnavailableError

log = structlog.get_logger(__name__)

EVERY_SECONDS = 10.0
"""Of an operation's calls one in so many seconds is looked at: a shape costs as much as reading the answer."""

STORED_AFTER_SECONDS = 60.0


class Sampler:
    """Collects shapes of one agency's answers.

    Args:
        store: Keeps shapes by operation; raises `UnavailableError` while the ledger is away.
    """

    def __init__(self, store: Callable[[dict[str, Shape]], None], *, every: float = EVERY_SECONDS) -> None:
        self._store = store
        self._every = every
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._found: dict[str, Shape] = {}
        self._store_at = time.monotonic() + STORED_AFTER_SECONDS

    @contextmanager
    def watching(self, operation: str) -> Iterator[None]:
        """Around a call: its last answer's shape is kept, when it is this operation's turn."""
        if not self._turn(operation):
            yield
            return
        last: list[bytes] = []
        with watching(last.append):
            yield
        if last and (shape := shapes.of_body(last[-1])) is not None:
            with self._lock:
                known = self._found.get(operation)
                self._found[operation] = shapes.merged(known, shape) if known else shape

    def flush(self, *, at_once: bool = False) -> None:
        """Store what was found, from time to time."""
        with self._lock:
            if not self._found or not (at_once or time.monotonic() >= self._store_at):
                return
            self._store_at = time.monotonic() + STORED_AFTER_SECONDS
            found, self._found = self._found, {}
        try:
            self._store(found)
        except UnavailableError as error:
            # There will be others.
            log.info("samples of shapes were dropped", error=str(error))

    def _turn(self, operation: str) -> bool:
        now = time.monotonic()
        with self._lock:
            if now < self._next.get(operation, 0.0):
                return False
            self._next[operation] = now + self._every
            return True


def into(attempts: Attempts, clock: Clock) -> Callable[[dict[str, Shape]], None]:
    """Stores samples in the ledger."""
    return lambda found: attempts.keep_shapes(found, now=clock.now())
