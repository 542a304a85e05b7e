"""Looking into a topic without a group: where its partitions end, and which messages came after such an end."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from pydantic import ValidationError

from schemas.envelope import Envelope
from simpul.bus.client import connection, physical, require_reachable
from simpul.bus.errors import BusError
from simpul.config import Settings

_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Ends:
    """Where a topic ends.

    Attributes:
        topic_id: Kafka's id of the topic: one made anew under its old name has another.
        offsets: By partition, of the next message that will be written.
    """

    topic_id: str
    offsets: Mapping[int, int]


def ends(settings: Settings, topic: str) -> Ends:
    """Where a topic ends now.

    Raises:
        BusError: The cluster is not reached, or has no such topic.
    """
    with _consumer(settings) as consumer:
        return _ends(settings, consumer, topic)


def ids_since(settings: Settings, topic: str, since: Ends) -> set[str]:
    """The ids of the envelopes that were written after such an end; of all that are there when the topic is another.

    Raises:
        BusError: The cluster is not reached, has no such topic, or does not give what it has.
    """
    found: set[str] = set()
    with _consumer(settings) as consumer:
        now = _ends(settings, consumer, topic)
        same = now.topic_id == since.topic_id
        places = {TopicPartition(physical(settings, topic), number): end for number, end in now.offsets.items()}
        consumer.assign(list(places))
        first = consumer.beginning_offsets(list(places))
        left = {}
        for place, end in places.items():
            begin = max(first[place], since.offsets.get(place.partition, 0) if same else 0)
            consumer.seek(place, begin)
            if begin < end:
                left[place] = end
        over = time.monotonic() + _PATIENCE_SECONDS
        while left:
            if time.monotonic() > over:
                raise BusError(f"{topic} did not give what was written to it")
            for messages in consumer.poll(timeout_ms=500).values():
                found.update(filter(None, (_id(message.value) for message in messages)))
            left = {place: end for place, end in left.items() if consumer.position(place) < end}
    return found


def _id(value: bytes | None) -> str | None:
    try:
        return Envelope.from_bytes(value or b"").id
    except ValidationError:
        return None


@contextmanager
def _consumer(settings: Settings) -> Iterator[Any]:
    require_reachable(settings)
    try:
        consumer = KafkaConsumer(**connection(settings), enable_auto_commit=False, bootstrap_timeout_ms=10_000)
        try:
            yield consumer
        finally:
            consumer.close(autocommit=False)
    except KafkaError as error:
        raise BusError(f"Kafka does not show what it has: {type(error).__name__}") from error


def _ends(settings: Settings, consumer: Any, topic: str) -> Ends:
    name = physical(settings, topic)
    with KafkaAdminClient(**connection(settings), bootstrap_timeout_ms=10_000) as admin:
        (described,) = admin.describe_topics([name])
    if described["error_code"]:
        raise BusError(f"there is no topic {topic}: run `simpul topics apply`")
    places = [TopicPartition(name, each["partition_index"]) for each in described["partitions"]]
    return Ends(
        str(described["topic_id"]), {place.partition: end for place, end in consumer.end_offsets(places).items()}
    )
