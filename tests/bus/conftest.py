"""What tests of the bus share: a topic of their own, envelopes, a loop in a thread, and a look at what is committed."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import RetriableError

from schemas.envelope import Envelope
from simpul.bus import admin
from simpul.bus.client import connection, physical
from simpul.bus.consumer import ConsumerLoop
from simpul.bus.errors import NotPublishedError
from simpul.bus.producer import Producer
from simpul.bus.topics import DEAD_LETTERS, Topic


def envelope(number: int, size: int = 0) -> Envelope:
    return Envelope(
        id=f"event-{number}",
        source="/simpul/99/test",
        type="id.simpul.test.v1",
        subject=f"case{number}",
        time=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
        data={"number": number, "fill": "x" * size},
    )


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


class Bench:
    """One topic on the cluster, and ways to use it."""

    topic = "things"

    def __init__(self, settings, partitions: int):
        self.settings = settings
        self.partitions = partitions
        declared = [
            Topic(name, "key", "test/1", count, timedelta(days=1), "tests", "testing")
            for name, count in ((self.topic, partitions), (DEAD_LETTERS, 1))
        ]
        admin.apply(settings, declared)

    def publish(self, numbers, size: int = 0) -> None:
        with Producer(self.settings) as producer:
            for number in numbers:
                producer.send(self.topic, f"case{number}", envelope(number, size))

    def publish_when_back(self, numbers) -> None:
        """As `publish`, as often as it takes."""
        for _ in range(60):
            try:
                return self.publish(numbers)
            except NotPublishedError:
                time.sleep(0.5)
        raise AssertionError("the broker did not come back")

    def publish_bytes(self, value: bytes, key: bytes | None = b"case") -> None:
        with Producer(self.settings) as producer:
            producer.send_bytes(self.topic, key, value)

    def loop(self, handler, **options) -> ConsumerLoop:
        return ConsumerLoop(self.settings, "readers", [self.topic], handler, session_seconds=6, **options)

    @contextmanager
    def running(self, handler, **options) -> Iterator[ConsumerLoop]:
        loop = self.loop(handler, **options)
        errors: list[BaseException] = []

        def run():
            try:
                loop.run()
            except BaseException as error:  # noqa: BLE001
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield loop
        finally:
            loop.stop()
            thread.join(20)
        assert not thread.is_alive()
        assert errors == []

    def committed(self) -> dict[int, int]:
        """The group's offsets by partition, where there are any."""
        try:
            with KafkaAdminClient(**connection(self.settings)) as client:
                groups = client.list_group_offsets([physical(self.settings, "readers")])
        except RetriableError:
            # The broker is still busy with the first group it ever had, or with coming back.
            return {}
        offsets = groups[physical(self.settings, "readers")]
        return {place.partition: offset.offset for place, offset in offsets.items() if offset.offset >= 0}

    def ends(self) -> dict[int, int]:
        return self._look(lambda consumer, places: {p.partition: o for p, o in consumer.end_offsets(places).items()})

    def contents(self, topic: str) -> list:
        """Every record of a topic, as kafka-python has it."""

        def read(consumer, places):
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            ends = consumer.end_offsets(places)
            records = []
            until_all = sum(ends.values())
            while len(records) < until_all:
                for found in consumer.poll(timeout_ms=500).values():
                    records.extend(found)
            return records

        return self._look(read, topic)

    def _look(self, ask, topic: str | None = None):
        name = physical(self.settings, topic or self.topic)
        consumer = KafkaConsumer(**connection(self.settings), enable_auto_commit=False)
        try:
            places = [TopicPartition(name, number) for number in sorted(consumer.partitions_for_topic(name))]
            return ask(consumer, places)
        finally:
            consumer.close()


@pytest.fixture
def bench(kafka, settings) -> Callable[..., Bench]:
    return lambda partitions=1: Bench(settings(kafka_bootstrap=kafka), partitions)


@pytest.fixture(name="until")
def _until():
    return until


@pytest.fixture(name="envelope")
def _envelope():
    return envelope


@pytest.fixture
def bench_on(settings) -> Callable[..., Bench]:
    return lambda bootstrap, partitions=1: Bench(settings(kafka_bootstrap=bootstrap), partitions)
