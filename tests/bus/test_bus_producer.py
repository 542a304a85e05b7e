import random
import threading

import pytest

from simpul.bus import client
from simpul.bus.errors import BusMisconfiguredError, NotPublishedError
from simpul.bus.producer import Producer, partition_for

pytestmark = pytest.mark.kafka


def test_after_a_flush_everything_sent_is_durable(bench, envelope):
    bench = bench(partitions=3)
    with Producer(bench.settings) as producer:
        for number in range(50):
            producer.send(bench.topic, f"case{number}", envelope(number))
        producer.flush()
        assert sum(bench.ends().values()) == 50
        assert producer.in_flight == 0


def test_equal_keys_share_a_partition_and_others_spread():
    assert {partition_for(b"case1", 6) for _ in range(3)} == {partition_for(b"case1", 6)}
    assert {partition_for(f"case{number}".encode(), 6) for number in range(200)} == set(range(6))


def test_no_more_is_in_flight_than_allowed(bench, envelope):
    bench = bench()
    with Producer(bench.settings, max_records=100, max_bytes=30_000) as producer:
        most_records = most_bytes = 0
        for number in range(1000):
            producer.send(bench.topic, "case", envelope(number, 500))
            most_records = max(most_records, producer.in_flight)
            most_bytes = max(most_bytes, producer._bytes)
    assert most_records <= 100
    assert most_bytes <= 30_000
    assert sum(bench.ends().values()) == 1000


def test_threads_may_share_a_producer(bench, envelope):
    bench = bench(partitions=3)
    with Producer(bench.settings, max_records=50) as producer:

        def send(start):
            for number in range(start, start + 200):
                producer.send(bench.topic, f"case{number}", envelope(number))

        threads = [threading.Thread(target=send, args=(start,)) for start in (0, 200, 400)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    numbers = [record.key for record in bench.contents(bench.topic)]
    assert len(numbers) == len(set(numbers)) == 600


def test_a_message_that_is_too_large_is_refused_at_once(bench, envelope):
    bench = bench()
    with Producer(bench.settings) as producer:
        with pytest.raises(NotPublishedError, match="MessageSizeTooLarge"):
            producer.send(bench.topic, "case", envelope(1, 2_000_000))
        producer.send(bench.topic, "case", envelope(2))
    assert sum(bench.ends().values()) == 1


def test_what_the_broker_refuses_shows_in_flush_and_the_producer_goes_on(bench, envelope):
    bench = bench()
    from kafka import KafkaAdminClient
    from kafka.admin import ConfigResource, ConfigResourceType

    name = client.physical(bench.settings, bench.topic)
    with KafkaAdminClient(**client.connection(bench.settings)) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": "2000"})])
    producer = Producer(bench.settings)
    # Does not compress away.
    producer.send_bytes(bench.topic, b"case", random.randbytes(9000))
    with pytest.raises(NotPublishedError) as caught:
        producer.flush()
    assert caught.value.count == 1
    producer.flush()
    producer.send(bench.topic, "case", envelope(1))
    producer.close()
    assert sum(bench.ends().values()) == 1


def test_a_missing_topic_is_not_made_by_a_typo(bench, envelope):
    bench = bench()
    with (
        Producer(bench.settings, delivery_seconds=1.0) as producer,
        pytest.raises(NotPublishedError, match="KafkaTimeoutError"),
    ):
        producer.send("no-such-topic", "case", envelope(1))


def test_a_cluster_that_is_not_there_is_said_at_once(settings, envelope):
    with (
        Producer(settings(kafka_bootstrap="127.0.0.1:1")) as producer,
        pytest.raises(NotPublishedError, match="BusUnreachableError"),
    ):
        producer.send("things", "case", envelope(1))


def test_nothing_starts_without_the_checksum_in_c(settings, monkeypatch):
    monkeypatch.setattr(client.util, "crc32c_c", None)
    with pytest.raises(BusMisconfiguredError, match="crc32c"):
        Producer(settings())
