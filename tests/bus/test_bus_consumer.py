import os
import signal
import subprocess
import sys
import threading
import time

import pytest

pytestmark = pytest.mark.kafka


class Seen:
    """Collects what a handler was given, from any thread."""

    def __init__(self):
        self.messages = []

    def __call__(self, messages):
        self.messages.extend(messages)

    @property
    def numbers(self):
        return [message.envelope.data["number"] for message in self.messages]


def test_what_is_published_arrives_in_order_of_each_key(bench, until):
    bench = bench(partitions=3)
    bench.publish(range(300))
    seen = Seen()
    with bench.running(seen, auto_ack=True):
        until(lambda: len(seen.messages) >= 300)
        until(lambda: bench.committed() == bench.ends())
    assert sorted(seen.numbers) == list(range(300))
    for partition in range(3):
        offsets = [message.offset for message in seen.messages if message.partition == partition]
        assert offsets == sorted(offsets)
    first = seen.messages[0]
    assert first.topic == bench.topic
    assert first.key == first.envelope.subject
    assert first.raw == first.envelope.to_bytes()


def test_acknowledging_out_of_order_commits_only_the_prefix_without_gaps(bench, until):
    bench = bench()
    bench.publish(range(10))
    seen = Seen()
    with bench.running(seen, drain_seconds=0.1) as loop:
        until(lambda: len(seen.messages) == 10)
        loop.ack(seen.messages[5:])
        loop.ack(seen.messages[0:2])
        until(lambda: bench.committed() == {0: 2})
        loop.ack([seen.messages[3]])
        loop.ack([seen.messages[2]])
        until(lambda: bench.committed() == {0: 4})
    again = Seen()
    with bench.running(again, auto_ack=True):
        until(lambda: len(again.messages) == 6)
        until(lambda: bench.committed() == {0: 10})
    assert again.numbers == [4, 5, 6, 7, 8, 9]


def test_back_pressure_pauses_reading_until_half_is_acknowledged(bench, until):
    bench = bench(partitions=2)
    bench.publish(range(100))
    seen = Seen()
    with bench.running(seen, max_batch=8, max_in_flight=20, drain_seconds=0.1) as loop:
        until(lambda: loop.status().paused)
        assert len(seen.messages) == loop.status().in_flight == 20
        loop.ack(seen.messages[:9])
        until(lambda: loop.status().in_flight == 11)
        assert loop.status().paused
        loop.ack(seen.messages[:10])
        until(lambda: len(seen.messages) == 30)
        loop.ack(seen.messages)
        handed = 30
        while handed < 100:
            until(lambda: len(seen.messages) > handed)  # noqa: B023
            handed = len(seen.messages)
            loop.ack(seen.messages[:handed])
            assert loop.status().in_flight <= 20
        until(lambda: bench.committed() == bench.ends())
    assert sorted(seen.numbers) == list(range(100))


def test_poison_goes_to_the_dead_letters_as_it_came_and_its_neighbours_go_through(bench, until):
    bench = bench()
    bench.publish([1])
    bench.publish_bytes(b"\xff not json", key=b"\xfe")
    bench.publish([2])
    bench.publish_bytes(b'{"specversion": "0.3", "name": "Budi"}')
    bench.publish([3])
    seen = Seen()
    with bench.running(seen, auto_ack=True):
        until(lambda: bench.committed() == {0: 5})
    assert seen.numbers == [1, 2, 3]

    from simpul.bus import dead_letters

    records = bench.contents("dead-letters")
    letters = [dead_letters.read(each.key, each.value, dict(each.headers)) for each in records]
    assert [letter.value for letter in letters] == [b"\xff not json", b'{"specversion": "0.3", "name": "Budi"}']
    assert [letter.key for letter in letters] == [b"\xfe", b"case"]
    assert [letter.origin for letter in letters] == [(bench.topic, 0, 1), (bench.topic, 0, 3)]
    assert letters[0].group == "readers"
    assert "Invalid JSON" in letters[0].reason
    assert "specversion" in letters[1].reason
    assert not any("Budi" in letter.reason for letter in letters)


def test_a_handler_can_lay_a_message_aside(bench, until):
    bench = bench()
    bench.publish(range(3))

    def handler(messages):
        for message in messages:
            if message.envelope.data["number"] == 1:
                loop.dead_letter(message, "no such operation")

    with bench.running(handler, auto_ack=True) as loop:
        until(lambda: bench.committed() == {0: 3})
    (record,) = bench.contents("dead-letters")
    assert dict(record.headers)["simpul-reason"] == b"no such operation"


def test_a_handler_that_raises_is_called_again_and_nothing_overtakes(bench, until):
    bench = bench()
    bench.publish(range(20))
    calls, done = [], []

    def handler(messages):
        calls.append([message.envelope.data["number"] for message in messages])
        if len(calls) < 4:
            raise OSError("the database is away")
        done.extend(calls[-1])

    with bench.running(handler, auto_ack=True, max_batch=5):
        until(lambda: bench.committed() == {0: 20})
    assert calls[0] == calls[1] == calls[2] == calls[3]
    assert done == list(range(20))


def test_stop_lets_what_is_in_flight_finish_and_commits_it(bench, until):
    bench = bench()
    bench.publish(range(5))
    seen = Seen()
    with bench.running(seen) as loop:
        until(lambda: len(seen.messages) == 5)
        loop.stop()
        threading.Timer(0.5, loop.ack, [seen.messages]).start()
    assert bench.committed() == {0: 5}


def test_stop_returns_within_ten_seconds_though_nothing_is_acknowledged(bench, until):
    bench = bench()
    bench.publish(range(5))
    seen = Seen()
    with bench.running(seen) as loop:
        until(lambda: len(seen.messages) == 5)
        began = time.monotonic()
        loop.stop()
    assert time.monotonic() - began < 10
    assert bench.committed() == {0: 0}


def test_a_rebalance_between_two_members_loses_nothing(bench, until):
    bench = bench(partitions=4)
    first, second = Seen(), Seen()
    with bench.running(first, auto_ack=True) as one:
        bench.publish(range(200))
        until(lambda: len(first.messages) >= 50)
        with bench.running(second, auto_ack=True) as two:
            bench.publish(range(200, 400))
            until(lambda: (one.status().partitions, two.status().partitions) == (2, 2))
            bench.publish(range(400, 600))
            until(lambda: bench.committed() == bench.ends())
            assert second.numbers
        until(lambda: one.status().partitions == 4)
        bench.publish(range(600, 800))
        until(lambda: bench.committed() == bench.ends())
    assert set(first.numbers) | set(second.numbers) == set(range(800))


def test_partitions_that_stay_in_a_rebalance_repeat_nothing_and_keep_what_is_in_flight(bench, until):
    bench = bench(partitions=2)
    bench.publish(range(40))
    first, second = Seen(), Seen()
    with bench.running(first, drain_seconds=0.1) as one:
        until(lambda: len(first.messages) == 40)
        with bench.running(second, auto_ack=True) as two:
            until(lambda: (one.status().partitions, two.status().partitions) == (1, 1))
            until(lambda: second.messages)
            moved = second.messages[0].partition
            moved_numbers = {
                message.envelope.data["number"] for message in first.messages if message.partition == moved
            }
            until(lambda: set(second.numbers) == moved_numbers)
            assert len(first.messages) == 40
            assert one.status().in_flight == 40 - len(moved_numbers)
            # Acknowledged late: what has gone is passed over, what has stayed counts.
            one.ack(first.messages)
            until(lambda: bench.committed() == bench.ends())


def test_a_slow_handler_keeps_its_place_in_the_group(bench, until):
    bench = bench()
    bench.publish(range(2))
    calls, gone = [], []

    def slow(messages):
        calls.append(messages)
        # Longer than the session; the heartbeat is the client's thread's.
        time.sleep(8)

    with bench.running(slow, auto_ack=True, on_revoke=gone.extend):
        until(lambda: bench.committed() == {0: 2})
    assert len(calls) == 1
    assert gone == []


def test_a_stuck_handler_gives_its_partitions_to_others_and_comes_back(bench, until):
    bench = bench()
    bench.publish(range(2))
    release, first, second = threading.Event(), [], Seen()

    def stuck(messages):
        first.append(messages)
        release.wait(60)

    with bench.running(stuck, auto_ack=True, stuck_after=2) as one:
        until(lambda: first)
        with bench.running(second, auto_ack=True):
            until(lambda: len(second.messages) == 2)
            release.set()
            until(lambda: bench.committed() == {0: 2})
        until(lambda: one.status().partitions == 1)
        bench.publish([2])
        until(lambda: bench.committed() == {0: 3})
    assert first[-1][0].envelope.data["number"] == 2


def test_the_hook_starts_partitions_at_offsets_of_its_own(bench, until):
    bench = bench()
    bench.publish(range(10))
    seen, told = Seen(), []

    def hook(new):
        told.append(new)
        if len(told) == 1:
            raise OSError("the database is away")
        new.seek(bench.topic, 0, 7)

    with bench.running(seen, auto_ack=True, on_assign=hook):
        until(lambda: bench.committed() == {0: 10})
    assert seen.numbers == [7, 8, 9]
    assert told[-1].partitions == [(bench.topic, 0)]
    assert len(told[-1].cluster_id) == 22
    assert len(told[-1].topic_id(bench.topic)) == 36


def test_the_handler_can_seek_and_what_it_was_given_before_is_forgotten(bench, until):
    bench = bench()
    bench.publish(range(6))
    calls = []

    def handler(messages):
        calls.append([message.envelope.data["number"] for message in messages])
        if len(calls) == 1:
            loop.seek(bench.topic, 0, 4)

    with bench.running(handler, auto_ack=True) as loop:
        until(lambda: bench.committed() == {0: 6})
    assert calls[-1] == [4, 5]


def test_a_join_that_outlasts_a_poll_is_not_forgotten(bench, until, monkeypatch):
    from kafka import KafkaAdminClient
    from kafka.coordinator.base import BaseCoordinator

    from simpul.bus.client import connection, physical

    bench = bench()
    seen = Seen()
    with bench.running(seen, auto_ack=True) as loop:
        until(lambda: loop.status().partitions == 1)
        join = BaseCoordinator._do_join_and_sync_async

        async def slow_join(coordinator):
            assignment = await join(coordinator)
            await coordinator._manager._net.sleep(1.3)
            return assignment

        monkeypatch.setattr(BaseCoordinator, "_do_join_and_sync_async", slow_join)
        with KafkaAdminClient(**connection(bench.settings)) as admin:
            admin.create_partitions({physical(bench.settings, bench.topic): 3})
        # Otherwise found out within a minute.
        loop._consumer._cluster.request_update()
        until(lambda: loop.status().partitions == 3)
        bench.publish(range(30))
        until(lambda: bench.committed() == bench.ends())
    assert sorted(seen.numbers) == list(range(30))


CHILD = """
import sys
from simpul.bus.consumer import ConsumerLoop
from simpul.config import load

def handler(messages):
    with open(sys.argv[1], "a") as file:
        for message in messages:
            file.write(f"{message.envelope.data['number']}\\n")

ConsumerLoop(load(), "readers", ["things"], handler, auto_ack=True, max_batch=20, session_seconds=2).run()
"""


@pytest.fixture
def child(tmp_path):
    """Starts consumers in processes of their own; `numbers` is what they have handled, repeats included."""
    effects = tmp_path / "effects"
    effects.touch()
    started = []

    class Children:
        def start(self, bench):
            environment = {
                **os.environ,
                "SIMPUL_KAFKA_BOOTSTRAP": bench.settings.kafka_bootstrap,
                "SIMPUL_TOPIC_PREFIX": bench.settings.topic_prefix,
            }
            started.append(subprocess.Popen([sys.executable, "-c", CHILD, str(effects)], env=environment))
            return started[-1]

        @property
        def numbers(self):
            return [int(line) for line in effects.read_text().splitlines()]

    yield Children()
    for process in started:
        process.kill()
        process.wait()


def test_nothing_is_lost_over_killed_consumers(bench, until, child):
    bench = bench(partitions=2)
    process = child.start(bench)
    for start in range(0, 1500, 500):
        bench.publish(range(start, start + 500))
        before = len(child.numbers)
        until(lambda: len(child.numbers) > before + 50)  # noqa: B023  # waited for in this round
        process.send_signal(signal.SIGKILL)
        process.wait()
        process = child.start(bench)
    until(lambda: set(child.numbers) == set(range(1500)))


def test_a_consumer_that_slept_past_its_session_comes_back_and_nothing_is_lost(bench, until, child):
    bench = bench(partitions=2)
    sleeper = child.start(bench)
    bench.publish(range(100))
    until(lambda: len(child.numbers) > 0)
    sleeper.send_signal(signal.SIGSTOP)
    bench.publish(range(100, 200))
    seen = Seen()
    with bench.running(seen, auto_ack=True) as loop:
        until(lambda: loop.status().partitions == 2)
        until(lambda: bench.committed() == bench.ends())
        sleeper.send_signal(signal.SIGCONT)
        until(lambda: loop.status().partitions == 1)
        bench.publish(range(200, 300))
        until(lambda: set(child.numbers) | set(seen.numbers) == set(range(300)))
        until(lambda: bench.committed() == bench.ends())
