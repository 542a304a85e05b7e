"""Where questions go out: one thread publishes what has come meanwhile, so that one flush serves all."""

import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

import structlog

from schemas.envelope import Envelope
from simpul.bus.errors import BusError
from simpul.bus.producer import Producer
from simpul.config import Settings

log = structlog.get_logger(__name__)

_LOOK_AGAIN = 0.5
_MOST_AT_ONCE = 200


class _Letter(NamedTuple):
    topic: str
    envelope: Envelope


class Outgoing:
    """Publishes questions.

    Args:
        lost: Told the id of each that may not have been published.
    """

    def __init__(self, settings: Settings, lost: Callable[[str], None]) -> None:
        # Who waits is told sooner than that; what Kafka takes later is too late for the gateway too.
        self._producer = Producer(settings, delivery_seconds=5.0, linger=0)
        self._lost = lost
        self._letters: queue.SimpleQueue[_Letter] = queue.SimpleQueue()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="questions", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def put(self, topic: str, envelope: Envelope) -> None:
        """Publish soon; from any thread."""
        self._letters.put(_Letter(topic, envelope))

    def close(self) -> None:
        """Publish nothing more."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(3.0)

    def _run(self) -> None:
        while not self._closing.is_set():
            letters = self._waiting()
            try:
                for letter in letters:
                    self._producer.send(letter.topic, letter.envelope.subject, letter.envelope)
                self._producer.flush()
            except Exception as error:  # noqa: BLE001  # whatever it is, who waits must not wait in vain
                log.warning("questions are not published", count=len(letters), error=type(error).__name__)
                for letter in letters:
                    self._lost(letter.envelope.id)
        try:
            self._producer.close()
        except BusError as error:
            log.info("not everything was published", error=type(error).__name__)

    def _waiting(self) -> list[_Letter]:
        found = []
        try:
            found.append(self._letters.get(timeout=_LOOK_AGAIN))
            while len(found) < _MOST_AT_ONCE:
                found.append(self._letters.get_nowait())
        except queue.Empty:
            pass
        return found
