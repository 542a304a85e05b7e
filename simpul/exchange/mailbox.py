"""Where replies come in: one partition of the topic, leased by this process, read by a thread of its own."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog
from pydantic import ValidationError

from schemas.envelope import Envelope
from schemas.messages import REPLY, ReplyData
from simpul.bus.errors import BusError
from simpul.bus.replies import TailReader
from simpul.bus.topics import REPLIES, REPLY_PARTITIONS
from simpul.clock import Clock
from simpul.config import Settings
from simpul.ledger import TROUBLE, Database, exchanges, transaction

log = structlog.get_logger(__name__)

_TROUBLE: tuple[type[Exception], ...] = (BusError, *TROUBLE)

LEASE = timedelta(seconds=60)
_RENEW_SECONDS = 15.0
_POLL_SECONDS = 0.5
_PAUSE = 0.5


class Mailbox:
    """Replies to one console process.

    Args:
        instance: Names this process; what is addressed to another is dropped, as on a partition that a dead one left.
        deliver: Given each reply, in the mailbox's thread. False where nobody waits for it.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        clock: Clock,
        instance: str,
        deliver: Callable[[ReplyData], bool],
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._instance = instance
        self._deliver = deliver
        self._partition: int | None = None
        self._open = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replies", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    @property
    def address(self) -> int | None:
        """The partition to answer on; None while replies cannot be heard."""
        return self._partition if self._open.is_set() else None

    def close(self) -> None:
        """Stop listening and give the partition back."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(3.0)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._listen()
            except _TROUBLE as error:
                log.warning("replies cannot be heard", error=type(error).__name__)
            except Exception:
                # A mistake of ours; who waits is told that the bus is away, and this thread must live on.
                log.exception("the mailbox stumbled")
            finally:
                self._open.clear()
            self._closing.wait(_PAUSE)
        try:
            with transaction(self._database) as connection:
                exchanges.release_partitions(connection, self._instance)
        except TROUBLE as error:
            log.info("the partition stays ours until its lease ends", error=type(error).__name__)

    def _listen(self) -> None:
        with transaction(self._database) as connection:
            partition = exchanges.claim_partition(
                connection, self._instance, REPLY_PARTITIONS, lease=LEASE, now=self._clock.now()
            )
        if partition is None:
            log.error("every partition of replies is taken: more console processes than partitions")
            return
        with TailReader(self._settings, REPLIES, partition) as reader:
            self._partition = partition
            self._open.set()
            log.info("replies are heard", partition=partition)
            renew_at = time.monotonic() + _RENEW_SECONDS
            while not self._closing.is_set():
                for envelope in reader.poll(_POLL_SECONDS):
                    self._take(envelope)
                if time.monotonic() >= renew_at:
                    renew_at = time.monotonic() + _RENEW_SECONDS
                    if not self._still_ours(partition):
                        return

    def _still_ours(self, partition: int) -> bool:
        with transaction(self._database) as connection:
            return exchanges.renew_partition(connection, self._instance, partition, lease=LEASE, now=self._clock.now())

    def _take(self, envelope: Envelope) -> None:
        if envelope.type != REPLY:
            return
        try:
            reply = ReplyData.model_validate(envelope.data)
        except ValidationError:
            log.warning("a reply cannot be read, dropped", source=envelope.source)
            return
        if reply.instance != self._instance or not self._deliver(reply):
            log.info("a reply that nobody waits for, dropped", ours=reply.instance == self._instance)
