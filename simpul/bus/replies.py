"""Reading one partition from its present end on, without a group: what came before the reader is nobody's any more."""

from types import TracebackType
from typing import Self

import structlog
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from schemas.envelope import Envelope
from simpul.bus.client import connection, physical, require_fast_codecs, require_reachable
from simpul.bus.errors import BusError
from simpul.bus.message import UnreadableError, read_envelope
from simpul.config import Settings

log = structlog.get_logger(__name__)


class TailReader:
    """Reads a partition for one thread. Once it is made, everything that is written after that moment will be seen.

    Raises:
        BusError: The cluster is not reached, or has no such partition.
    """

    def __init__(self, settings: Settings, topic: str, partition: int) -> None:
        require_fast_codecs()
        require_reachable(settings)
        self._topic = topic
        place = TopicPartition(physical(settings, topic), partition)
        try:
            self._consumer = KafkaConsumer(
                **connection(settings),
                enable_auto_commit=False,
                auto_offset_reset="latest",
                bootstrap_timeout_ms=3000,
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        except KafkaError as error:
            raise _trouble(topic, error) from error
        try:
            if partition not in (self._consumer.partitions_for_topic(place.topic) or ()):
                raise BusError(f"{topic} has no partition {partition}: run `simpul topics apply`")
            self._consumer.assign([place])
            self._consumer.seek(place, self._consumer.end_offsets([place])[place])
        except KafkaError as error:
            self.close()
            raise _trouble(topic, error) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def poll(self, seconds: float) -> list[Envelope]:
        """What has come, as soon as anything has; nothing after so many seconds. What cannot be read is passed over.

        Raises:
            BusError: The cluster is in trouble: close this reader and make another.
        """
        try:
            found = self._consumer.poll(timeout_ms=int(seconds * 1000))
        except KafkaError as error:
            raise _trouble(self._topic, error) from error
        envelopes = []
        for records in found.values():
            for record in records:
                try:
                    envelopes.append(read_envelope(record.value))
                except UnreadableError as error:
                    log.warning("passed over", topic=self._topic, offset=record.offset, reason=str(error))
        return envelopes

    def close(self) -> None:
        """Let go of the cluster."""
        try:
            self._consumer.close(autocommit=False, timeout_ms=1000)
        except KafkaError as error:
            log.debug("not closed well", topic=self._topic, error=type(error).__name__)


def _trouble(topic: str, error: KafkaError) -> BusError:
    return BusError(f"{topic} cannot be read: {type(error).__name__}")
