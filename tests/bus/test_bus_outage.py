"""The broker is killed, stays away and comes back. A broker of its own: the session's serves other tests."""

import os
import signal
import subprocess
import time

import pytest

from simpul.bus.errors import NotPublishedError
from simpul.bus.producer import Producer
from simpul.embedded import kafka as embedded
from simpul.embedded import ports

pytestmark = [pytest.mark.kafka, pytest.mark.faults]


class Broker:
    def __init__(self, folder):
        self.port = ports.pick()
        self.bootstrap = f"127.0.0.1:{self.port}"
        self._launch = embedded.prepare(folder, self.port, ports.pick())
        self._log = folder / "log"
        self.process = None

    def start(self):
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._launch.command, env={**os.environ, **self._launch.environment}, stdout=log, stderr=log
            )

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def _broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("kafka"))
    yield broker
    if broker.process:
        broker.kill()


@pytest.fixture
def broker(_broker, until):
    if _broker.process is None or _broker.process.poll() is not None:
        _broker.start()
    until(lambda: embedded.is_ready(_broker.bootstrap), 180)
    return _broker


def test_a_loop_outlives_a_broker_that_is_killed_for_ten_seconds(broker, bench_on, until):
    bench = bench_on(broker.bootstrap, partitions=2)
    seen = []
    with bench.running(seen.extend, auto_ack=True):
        bench.publish(range(100))
        until(lambda: len(seen) >= 100)
        broker.kill()
        time.sleep(10)
        broker.start()
        bench.publish_when_back(range(100, 200))
        until(lambda: {message.envelope.data["number"] for message in seen} == set(range(200)))
        until(lambda: bench.committed() == bench.ends())


def test_an_outage_shows_in_flush_and_publishing_again_succeeds_afterwards(broker, bench_on, envelope, until):
    bench = bench_on(broker.bootstrap)
    producer = Producer(bench.settings, delivery_seconds=2.0)
    producer.send(bench.topic, "case", envelope(0))
    producer.flush()
    broker.kill()
    for number in range(1, 11):
        producer.send(bench.topic, "case", envelope(number))
    with pytest.raises(NotPublishedError) as caught:
        producer.flush()
    assert caught.value.count == 10
    with pytest.raises(NotPublishedError):
        producer.send(bench.topic, "case", envelope(1))
    broker.start()
    until(lambda: embedded.is_ready(broker.bootstrap), 180)
    for number in range(1, 11):
        producer.send(bench.topic, "case", envelope(number))
    producer.close()
    assert sum(bench.ends().values()) == 11


def test_a_short_outage_goes_unnoticed_by_a_patient_producer(broker, bench_on, envelope):
    bench = bench_on(broker.bootstrap)
    with Producer(bench.settings) as producer:
        producer.send(bench.topic, "case", envelope(0))
        producer.flush()
        broker.kill()
        for number in range(1, 11):
            producer.send(bench.topic, "case", envelope(number))
        broker.start()
        producer.flush()
    assert sum(bench.ends().values()) == 11


def test_stop_returns_within_ten_seconds_while_the_broker_is_away(broker, bench_on, until):
    bench = bench_on(broker.bootstrap)
    seen = []
    with bench.running(seen.extend) as loop:
        bench.publish(range(3))
        until(lambda: len(seen) == 3)
        broker.kill()
        time.sleep(1)
        began = time.monotonic()
        loop.stop()
    assert time.monotonic() - began < 10


def test_a_loop_started_before_its_broker_waits_for_it(broker, bench_on, until):
    bench = bench_on(broker.bootstrap)
    bench.publish(range(3))
    broker.kill()
    seen = []
    with bench.running(seen.extend, auto_ack=True):
        time.sleep(1)
        broker.start()
        until(lambda: len(seen) == 3)
