"""Publishing: confirmed by all replicas, without repeats within a session, and never more in flight than allowed."""

import threading
import zlib
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from schemas.envelope import Envelope
from simpul.bus.client import connection, physical, require_fast_codecs, require_reachable
from simpul.bus.errors import BusError, BusUnreachableError, NotPublishedError
from simpul.config import Settings


class _InFlight(NamedTuple):
    future: Any
    size: int


class Producer:
    """Publishes envelopes, and says in `flush` whether all of them are durable.

    `send` may be called from several threads. `flush` answers for everything sent since the last flush, whoever sent
    it: give each unit of work that must know about its own messages a producer of its own, or one flushing thread.

    A broker that is away for less than `delivery_seconds` goes unnoticed. After a failure the producer starts afresh
    with the next `send`; send again what the failed flush covered.

    Args:
        settings: Where the cluster is, and the prefix of topics.
        max_records: `send` blocks while so many messages are not confirmed.
        max_bytes: The same for their values' bytes.
        delivery_seconds: How long a message may take to be confirmed before it counts as failed.
        linger: Milliseconds for which a message waits for others to travel with; 0 where somebody waits for it.

    Raises:
        BusMisconfiguredError: The C extensions are missing.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        max_records: int = 10_000,
        max_bytes: int = 32 * 1024 * 1024,
        delivery_seconds: float = 30.0,
        linger: int = 5,
    ) -> None:
        require_fast_codecs()
        self._settings = settings
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._delivery_seconds = delivery_seconds
        self._linger = linger
        self._lock = threading.Lock()
        self._connecting = threading.Lock()
        self._client: KafkaProducer | None = None
        self._in_flight: deque[_InFlight] = deque()
        self._bytes = 0
        self._failures: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except BusError:
            # What broke the block matters more than what it could not publish any more.
            if error is None:
                raise

    @property
    def in_flight(self) -> int:
        """How many messages are not known to be confirmed."""
        return len(self._in_flight)

    def send(self, topic: str, key: str, envelope: Envelope, *, partition: int | None = None) -> None:
        """Give a message to the producer; it is durable only once `flush` has returned.

        Blocks while too much is in flight.

        Args:
            partition: By default that of the key.

        Raises:
            NotPublishedError: It could not even be taken: the cluster is not reached, the topic is missing, or the
                message is too large.
        """
        self.send_bytes(topic, key.encode(), envelope.to_bytes(), partition=partition)

    def send_bytes(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        headers: Sequence[tuple[str, bytes]] = (),
        *,
        partition: int | None = None,
    ) -> None:
        """As `send`, with bytes that are passed on as they are."""
        self._make_room(len(value))
        name = physical(self._settings, topic)
        try:
            client = self._connected()
            if partition is None:
                # Choosing the partition here spares the client's pure-Python hash.
                partition = partition_for(key, len(client.partitions_for(name)))
            future = client.send(name, value=value, key=key, headers=list(headers), partition=partition)
        except (BusUnreachableError, KafkaError) as error:
            raise NotPublishedError(1, type(error).__name__) from error
        with self._lock:
            self._in_flight.append(_InFlight(future, len(value)))
            self._bytes += len(value)

    def flush(self) -> None:
        """Wait until everything sent is confirmed.

        Raises:
            NotPublishedError: Something sent since the last flush is not. It may be durable all the same.
        """
        client = self._client
        if client is not None and self._in_flight:
            # Whatever is wrong shows in the messages' own results.
            with suppress(KafkaError):
                client.flush(timeout=self._delivery_seconds + 5)
        with self._lock:
            waiting = list(self._in_flight)
        for each in waiting:
            _settle(each, self._delivery_seconds)
        with self._lock:
            self._reap(also_unfinished=len(waiting))
            failures, self._failures = self._failures, []
        if failures:
            self._start_afresh()
            raise NotPublishedError(len(failures), failures[0])

    def close(self) -> None:
        """Flush and let go of the cluster.

        Raises:
            NotPublishedError: As `flush`.
        """
        try:
            self.flush()
        finally:
            self._start_afresh()

    def _connected(self) -> KafkaProducer:
        with self._connecting:
            if self._client is None:
                require_reachable(self._settings)
                milliseconds = int(self._delivery_seconds * 1000)
                self._client = KafkaProducer(
                    **connection(self._settings),
                    enable_idempotence=True,
                    acks="all",
                    linger_ms=self._linger,
                    batch_size=64 * 1024,
                    compression_type="lz4",
                    delivery_timeout_ms=milliseconds,
                    request_timeout_ms=min(10_000, milliseconds - 10),
                    max_block_ms=min(10_000, milliseconds),
                    bootstrap_timeout_ms=min(10_000, milliseconds),
                    allow_auto_create_topics=False,
                    metrics_enabled=False,
                )
            return self._client

    def _start_afresh(self) -> None:
        """Drop the client: its sequence numbers may have gaps that the broker would refuse."""
        with self._connecting:
            client, self._client = self._client, None
        if client is not None:
            with suppress(KafkaError):
                client.close(timeout=0)

    def _make_room(self, size: int) -> None:
        while True:
            with self._lock:
                self._reap()
                full = len(self._in_flight) >= self._max_records or self._bytes + size > self._max_bytes
                if not full or not self._in_flight:
                    return
                oldest = self._in_flight[0]
            _settle(oldest, self._delivery_seconds)
            with self._lock:
                if self._in_flight and self._in_flight[0] is oldest:
                    self._reap(also_unfinished=1)

    def _reap(self, also_unfinished: int = 0) -> None:
        """Take finished messages off the front, and so many unfinished ones as failed. Call with the lock held."""
        while self._in_flight and (also_unfinished > 0 or self._in_flight[0].future.is_done):
            future, size = self._in_flight.popleft()
            self._bytes -= size
            also_unfinished -= 1
            if not future.is_done:
                self._failures.append("no answer")
            elif future.failed():
                self._failures.append(type(future.exception).__name__)


def partition_for(key: bytes | None, partitions: int) -> int:
    """The partition of a key; messages without one go to the first."""
    return zlib.crc32(key) % partitions if key else 0


def _settle(sent: _InFlight, delivery_seconds: float) -> None:
    # The client promises a result within the delivery time-out; the margin is for its own delays.
    with suppress(KafkaError):
        sent.future.get(timeout=delivery_seconds + 5)
