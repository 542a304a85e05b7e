"""The consumer loop: batches to a handler, offsets committed only after the effect is durable, nothing lost on the way.

How far each partition is done is kept in `simpul.bus.assignment`; what cannot be read goes to `simpul.bus.dead_letters`.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from kafka import AsyncConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import (
    AuthorizationError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidTopicError,
    KafkaConfigurationError,
    KafkaError,
    SaslAuthenticationFailedError,
    UnsupportedVersionError,
)
from kafka.structs import MemberState

from simpul.bus.assignment import Assignment, Partition, Placed
from simpul.bus.client import connection, logical, physical, require_fast_codecs, require_reachable
from simpul.bus.dead_letters import DeadLetter, bury
from simpul.bus.errors import BusMisconfiguredError, BusUnreachableError
from simpul.bus.message import Coordinates, Message, UnreadableError, read_envelope, read_key
from simpul.bus.producer import Producer
from simpul.config import Settings

log = structlog.get_logger(__name__)

Handler = Callable[[list[Message]], None]

_HOPELESS = (
    AuthorizationError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidTopicError,
    KafkaConfigurationError,
    SaslAuthenticationFailedError,
    UnsupportedVersionError,
)
_POLL_MS = 200
_PAUSED_POLL_MS = 10
_JOINING_POLL_MS = 1000
_COMMIT_EVERY_SECONDS = 0.2
_COMMIT_LOST_AFTER_SECONDS = 15.0
_BACK_OFF_SECONDS = (0.1, 5.0)
_CLOSING_MS = 1500
_EPOCH = datetime.fromtimestamp(0, UTC)


class NewPartitions(NamedTuple):
    """What the hook `on_assign` is given: partitions that came to this consumer, before anything of them is read.

    Attributes:
        partitions: Topics, without the installation's prefix, and numbers.
        seek: Called with topic, partition and offset: start there instead of at the group's committed offset.
        cluster_id: Kafka's id of the cluster.
        topic_ids: Kafka's id of each topic, a UUID: a topic made anew under its old name has another.
    """

    partitions: list[Partition]
    seek: Callable[[str, int, int], None]
    cluster_id: str
    topic_ids: dict[str, str]

    def topic_id(self, topic: str) -> str:
        """The id of one of the topics."""
        return self.topic_ids[topic]


class Status(NamedTuple):
    """How a loop is doing, for metrics.

    Attributes:
        partitions: How many it holds.
        in_flight: Messages handed over and not acknowledged.
        paused: Whether it stands still because too much is in flight.
        lag: Messages in its partitions not handed over yet, as far as known.
    """

    partitions: int
    in_flight: int
    paused: bool
    lag: int


class _Work(NamedTuple):
    """What one poll brought: kept until it is handled, however often that fails."""

    messages: list[Message]
    poison: list[DeadLetter]


class ConsumerLoop:
    """Reads topics as a member of a group and hands batches to a handler, in the thread that calls `run`.

    A message is done when it is acknowledged: by `ack`, later and from any thread, or with `auto_ack` when the handler
    returns. The group's offset moves up to the lowest message not acknowledged, so a restart or rebalance repeats what
    was not done, and now and then a little of what was.

    While a handler is at work the client's own thread keeps up the heartbeat. A handler that takes longer than
    `stuck_after` is taken for stuck: the consumer leaves the group, others get its messages, and it gets them or
    others anew when it returns. A handler that raises is called again with the same messages after a pause, growing to
    5 s; nothing behind them is read meanwhile. What it can never handle it gives to `dead_letter`.

    Args:
        settings: Where the cluster is, and the prefix of topics and groups.
        group: Name of the consumer group, without prefix.
        topics: Names of topics, without prefix.
        handler: Called with 1 to `max_batch` messages, in order within a partition.
        auto_ack: Acknowledge what the handler was given when it returns.
        max_batch: Most messages at once.
        max_in_flight: With so many messages not acknowledged the partitions are paused, until half of them are.
        on_assign: Called in the loop's thread with partitions that are new here. Where it raises, it is called again.
        on_revoke: Called in the loop's thread with partitions that are gone: they may be at work elsewhere already.
        session_seconds: How long the group waits for a sign of life before it gives the partitions away.
        stuck_after: See above, in seconds.
        drain_seconds: How long `run` waits for acknowledgements after `stop`.

    Raises:
        BusMisconfiguredError: The C extensions are missing.
    """

    def __init__(
        self,
        settings: Settings,
        group: str,
        topics: Sequence[str],
        handler: Handler,
        *,
        auto_ack: bool = False,
        max_batch: int = 500,
        max_in_flight: int = 2000,
        on_assign: Callable[[NewPartitions], None] | None = None,
        on_revoke: Callable[[list[Partition]], None] | None = None,
        session_seconds: float = 10.0,
        stuck_after: float = 120.0,
        drain_seconds: float = 4.0,
    ) -> None:
        require_fast_codecs()
        self._settings = settings
        self._group = group
        self._topics = list(topics)
        self._handler = handler
        self._auto_ack = auto_ack
        self._max_batch = max_batch
        self._max_in_flight = max_in_flight
        self._on_assign = on_assign
        self._on_revoke = on_revoke
        self._session_seconds = session_seconds
        self._stuck_after = stuck_after
        self._drain_seconds = drain_seconds

        self._assignment = Assignment()
        self._fresh: set[Partition] = set()
        self._work: _Work | None = None
        self._paused = False
        self._stopping = False
        self._acknowledged = threading.Event()
        self._trouble = _BackOff()
        self._failing = _BackOff()
        self._commit_at = 0.0
        self._committing_since: float | None = None
        self._consumer: Any = None
        self._listener = _Rebalances(self)
        self._graveyard: Producer | None = None
        self._burying = threading.Lock()

    # What others call, from any thread.

    def stop(self) -> None:
        """Make `run` return: within 10 s, provided that the handler does. May be called in a signal handler."""
        self._stopping = True

    def ack(self, messages: Iterable[Placed]) -> None:
        """Say that the effect of these messages is durable. Their coordinates will do."""
        self._assignment.acknowledge(messages)
        self._acknowledged.set()

    def dead_letter(self, message: Message, reason: str) -> None:
        """Lay a message aside for good, and acknowledge it.

        Args:
            message: What cannot be handled.
            reason: Why, without anything of what it says.

        Raises:
            NotPublishedError: It may not be laid aside; it is not acknowledged.
        """
        origin = Coordinates(message.topic, message.partition, message.offset)
        self._bury([self._letter(origin, message.timestamp, message.key.encode() or None, message.raw, reason)])
        self.ack([origin])

    def status(self) -> Status:
        """How the loop is doing."""
        held = self._assignment.held()
        return Status(
            partitions=len(held),
            in_flight=self._assignment.unacknowledged(),
            paused=self._paused,
            lag=sum(self._lag(partition) for partition in held),
        )

    # What only the handler and the hooks call, in the loop's thread.

    def seek(self, topic: str, partition: int, offset: int) -> None:
        """Go on from another offset, if the partition is held; what was handed over of it before is forgotten."""
        if (topic, partition) in self._assignment.held():
            self._consumer.seek(self._physical((topic, partition)), offset)
            self._assignment.seek((topic, partition), offset)

    def run(self) -> None:
        """Read and handle until `stop`. A broker that is away is waited for.

        Raises:
            BusMisconfiguredError: The cluster refuses us, and waiting will not help.
        """
        try:
            while not self._stopping:
                try:
                    self._turn()
                except _HOPELESS as error:
                    raise BusMisconfiguredError(
                        f"Kafka refuses group {self._group} on {', '.join(self._topics)}: {type(error).__name__}"
                    ) from error
                except (BusUnreachableError, KafkaError) as error:
                    log.warning("kafka is in trouble", group=self._group, error=type(error).__name__)
                    self._rest(self._trouble)
        finally:
            self._finish()

    # One turn of the loop.

    def _turn(self) -> None:
        if self._consumer is None:
            # A client that cannot reach the cluster leaves its thread behind: look first.
            require_reachable(self._settings)
            self._consumer = self._connect()
        self._keep_pace()
        if self._paused or self._work or self._fresh:
            # Nothing more is wanted now, but the group must hear of us. Wait for acknowledgements, not for messages.
            if self._paused and not self._work:
                self._acknowledged.wait(_POLL_MS / 1000)
                self._acknowledged.clear()
            self._pause_all()
            records = self._poll(_PAUSED_POLL_MS, 1)
        else:
            room = self._max_in_flight - self._assignment.unacknowledged()
            records = self._poll(_POLL_MS, max(1, min(self._max_batch, room)))
        self._trouble.reset()
        self._settle()
        if records:
            self._work = self._received(records, self._work)
        if self._work:
            self._try(self._work)
        self._commit_when_due()

    def _keep_pace(self) -> None:
        """Pause when too much is in flight, go on when half of it is done."""
        unacknowledged = self._assignment.unacknowledged()
        if not self._paused and unacknowledged >= self._max_in_flight:
            self._paused = True
            log.debug("paused", group=self._group, in_flight=unacknowledged)
        elif self._paused and unacknowledged <= self._max_in_flight // 2:
            self._paused = False
            if not self._fresh and not self._work:
                self._resume_all()

    def _settle(self) -> None:
        """Take over what the last poll may have brought of a new assignment."""
        news = self._listener.take()
        if news is not None:
            assigned = {self._logical(place) for place in news.assigned}
            lost = self._assignment.replace(())[1] if news.lost else set()
            added, gone = self._assignment.replace(assigned)
            gone |= lost
            self._fresh = (self._fresh & assigned) | added
            for partition in assigned - added:
                # A partition that stays goes on where it was; what the client thinks of it does not matter.
                if (position := self._assignment.position(partition)) is not None:
                    self._consumer.seek(self._physical(partition), position)
            if gone and self._on_revoke:
                self._on_revoke(sorted(gone))
            if not self._fresh:
                self._resume_when_free()
        if self._fresh:
            self._introduce()

    def _introduce(self) -> None:
        """Let the hook say where the new partitions start, then read them."""
        if self._on_assign:
            try:
                self._on_assign(self._new_partitions(sorted(self._fresh)))
            except Exception as error:  # noqa: BLE001  # whatever it is, it is tried again
                log.warning("partitions wait", group=self._group, **_what(error))
                self._rest(self._failing)
                return
        log.info("partitions assigned", group=self._group, partitions=sorted(self._fresh))
        self._fresh = set()
        self._failing.reset()
        self._resume_when_free()

    def _new_partitions(self, partitions: list[Partition]) -> NewPartitions:
        names = {physical(self._settings, topic) for topic, _ in partitions}
        with KafkaAdminClient(**connection(self._settings), bootstrap_timeout_ms=5000) as admin:
            cluster_id = str(admin.describe_cluster()["cluster_id"])
            topic_ids = {
                logical(self._settings, topic["name"]): str(topic["topic_id"])
                for topic in admin.describe_topics(sorted(names))
            }
        return NewPartitions(partitions, self.seek, cluster_id, topic_ids)

    def _received(self, records: dict[TopicPartition, list[Any]], waiting: _Work | None) -> _Work:
        work = waiting or _Work([], [])
        for place, found in records.items():
            partition = (logical(self._settings, place.topic), place.partition)
            self._assignment.deliver(partition, [record.offset for record in found])
            for record in found:
                try:
                    envelope, key = read_envelope(record.value), read_key(record.key)
                except UnreadableError as error:
                    origin = Coordinates(*partition, record.offset)
                    work.poison.append(self._letter(origin, record.timestamp, record.key, record.value, str(error)))
                else:
                    epoch = -1 if record.leader_epoch is None else record.leader_epoch
                    work.messages.append(
                        Message(*partition, record.offset, key, envelope, record.value, epoch, record.timestamp)
                    )
        return work

    def _try(self, work: _Work) -> None:
        """Bury the poison and hand over the rest; on failure keep what is not done for the next turn."""
        try:
            if work.poison:
                self._bury(work.poison)
                self.ack(letter.origin for letter in work.poison)
                work.poison.clear()
            messages = self._assignment.awaited(work.messages)
            if messages:
                self._handler(messages)
                if self._auto_ack:
                    self.ack(messages)
        except Exception as error:  # noqa: BLE001  # whatever it is, the messages must not be lost
            # Some may have been done, or have gone with their partition.
            self._work = _Work(self._assignment.awaited(work.messages), work.poison)
            log.warning(
                "batch not handled, will be tried again", group=self._group, size=len(work.messages), **_what(error)
            )
            self._rest(self._failing)
            return
        self._work = None
        self._failing.reset()
        self._resume_when_free()

    # Kafka's side.

    def _connect(self) -> Any:
        consumer = KafkaConsumer(
            **connection(self._settings),
            group_id=physical(self._settings, self._group),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(self._session_seconds * 1000),
            heartbeat_interval_ms=int(self._session_seconds * 1000 / 4),
            max_poll_interval_ms=int(self._stuck_after * 1000),
            request_timeout_ms=8000,
            bootstrap_timeout_ms=3000,
            fetch_max_bytes=16 * 1024 * 1024,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        self._listener.consumer = consumer
        consumer.subscribe([physical(self._settings, topic) for topic in self._topics], listener=self._listener)
        return consumer

    def _poll(self, milliseconds: int, most: int) -> dict[TopicPartition, list[Any]]:
        state = self._consumer.group_metadata().state
        if state != MemberState.STABLE:
            # A join that ends between two polls is thrown away and begun anew: give it time within one.
            milliseconds = _JOINING_POLL_MS
        if state == MemberState.REBALANCING:
            # kafka-python 3.0.12 forgets that it is joining when a poll's time is up just then and the cause was a
            # change of metadata: it would stay outside the group for good.
            self._consumer._coordinator.request_rejoin()  # noqa: SLF001  # the public interface offers no way out
        found: dict[TopicPartition, list[Any]] = self._consumer.poll(timeout_ms=milliseconds, max_records=most)
        return found

    def _commit_when_due(self) -> None:
        now = time.monotonic()
        if now < self._commit_at:
            return
        if self._committing_since is not None and now < self._committing_since + _COMMIT_LOST_AFTER_SECONDS:
            return
        offsets = self._assignment.to_commit()
        if offsets:
            self._commit_at = now + _COMMIT_EVERY_SECONDS
            self._committing_since = now
            self._consumer.commit_async(self._offsets(offsets), callback=self._on_commit)

    def _on_commit(self, offsets: dict[TopicPartition, OffsetAndMetadata], result: Any) -> None:
        self._committing_since = None
        if isinstance(result, Exception):
            # Usual in a rebalance; the next turn tries again with what is then held.
            log.debug("offsets not committed", group=self._group, error=type(result).__name__)
        else:
            self._assignment.committed({self._logical(place): offset.offset for place, offset in offsets.items()})

    async def commit_before_rebalance(self, partitions: set[TopicPartition]) -> None:
        """Commit what is done of partitions that may go elsewhere. Called by the client in its own thread."""
        wanted = {self._logical(place) for place in partitions}
        offsets = {held: offset for held, offset in self._assignment.to_commit().items() if held in wanted}
        if not offsets or self._stopping:
            return
        try:
            await self._consumer.commit_async(self._offsets(offsets))
        except KafkaError as error:
            log.info("offsets not committed before a rebalance", group=self._group, error=type(error).__name__)
        else:
            self._assignment.committed(offsets)

    def _finish(self) -> None:
        """Wait for what is in flight, commit, leave the group so that others take over at once."""
        deadline = time.monotonic() + self._drain_seconds
        while self._assignment.unacknowledged() > self._unhandled() and time.monotonic() < deadline:
            self._acknowledged.wait(0.05)
            self._acknowledged.clear()
        if self._consumer is not None:
            with suppress(KafkaError):
                offsets = self._assignment.to_commit()
                if offsets:
                    self._consumer.commit(self._offsets(offsets), timeout_ms=_CLOSING_MS)
            with suppress(KafkaError):
                self._consumer.close(autocommit=False, timeout_ms=_CLOSING_MS)
        with self._burying:
            if self._graveyard:
                with suppress(Exception):
                    self._graveyard.close()
        log.info("stopped", group=self._group, in_flight=self._assignment.unacknowledged())

    def _unhandled(self) -> int:
        """How many messages nobody works on, because their handler failed."""
        return len(self._work.messages) + len(self._work.poison) if self._work else 0

    # Small parts.

    def _bury(self, letters: list[DeadLetter]) -> None:
        with self._burying:
            if self._graveyard is None:
                self._graveyard = Producer(self._settings, delivery_seconds=5.0)
            bury(self._graveyard, letters)
        for letter in letters:
            log.error("dead letter", group=self._group, reason=letter.reason, **letter.origin._asdict())

    def _letter(
        self, origin: Coordinates, timestamp: int, key: bytes | None, value: bytes | None, reason: str
    ) -> DeadLetter:
        return DeadLetter(
            origin=origin,
            key=key,
            value=value,
            reason=reason,
            group=self._group,
            written_at=_EPOCH + timedelta(milliseconds=max(0, timestamp)),
        )

    def _rest(self, back_off: "_BackOff") -> None:
        """Wait a little longer each time, but not past `stop`."""
        until = time.monotonic() + back_off.longer()
        while not self._stopping and time.monotonic() < until:
            time.sleep(min(0.1, max(0.0, until - time.monotonic())))

    def _pause_all(self) -> None:
        self._consumer.pause(*self._consumer.assignment())

    def _resume_all(self) -> None:
        self._consumer.resume(*self._consumer.paused())

    def _resume_when_free(self) -> None:
        if not self._paused and not self._work and not self._fresh:
            self._resume_all()

    def _lag(self, partition: Partition) -> int:
        place, position = self._physical(partition), self._assignment.position(partition)
        if self._consumer is None or position is None:
            return 0
        try:
            end = self._consumer.highwater(place)
        except KafkaError:
            return 0
        return max(0, end - position) if end is not None else 0

    def _physical(self, partition: Partition) -> TopicPartition:
        return TopicPartition(physical(self._settings, partition[0]), partition[1])

    def _logical(self, place: TopicPartition) -> Partition:
        return logical(self._settings, place.topic), place.partition

    def _offsets(self, offsets: dict[Partition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {self._physical(partition): OffsetAndMetadata(offset, "", -1) for partition, offset in offsets.items()}


class _News(NamedTuple):
    """What a rebalance brought: all partitions now held, and whether the former ones were lost on the way."""

    assigned: set[TopicPartition]
    lost: bool


class _Rebalances(AsyncConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python is untyped
    """Hears of rebalances in the client's thread, while the loop's thread waits in `poll`, and keeps word for it."""

    def __init__(self, loop: ConsumerLoop) -> None:
        self._loop = loop
        self._lock = threading.Lock()
        self._news: _News | None = None
        self.consumer: Any = None

    def take(self) -> _News | None:
        """What happened since the last call; none if nothing did."""
        with self._lock:
            news, self._news = self._news, None
            return news

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Commit while the partitions are still ours. Most of them stay, so nothing is forgotten yet."""
        await self._loop.commit_before_rebalance(revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Hold still until the loop's thread has said where to start."""
        self.consumer.pause(*assigned)
        self._keep(set(self.consumer.assignment()), lost=False)

    async def on_partitions_lost(self, lost: set[TopicPartition]) -> None:
        """Too late to commit: others own them already."""
        log.warning("partitions lost", partitions=len(lost))
        self._keep(set(), lost=True)

    def _keep(self, assigned: set[TopicPartition], *, lost: bool) -> None:
        with self._lock:
            self._news = _News(assigned, lost or (self._news is not None and self._news.lost))


class _BackOff:
    """Pauses that double from one failure to the next."""

    def __init__(self) -> None:
        self._seconds = _BACK_OFF_SECONDS[0]

    def longer(self) -> float:
        """The next pause, in seconds."""
        seconds, self._seconds = self._seconds, min(2 * self._seconds, _BACK_OFF_SECONDS[1])
        return seconds

    def reset(self) -> None:
        """Start over: it went well."""
        self._seconds = _BACK_OFF_SECONDS[0]


def _what(error: BaseException) -> dict[str, str]:
    """An error for the log: its class and where it arose, but not its text, which may show input."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    at = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return {"error": type(error).__name__, "at": at}
