"""Feeds as gateway duties: stopped anywhere and started again, each change is on its topic once."""

import base64
import threading
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from connectors.toolkit import ConnectorSettings, RestConnector, diagnoses, feed
from connectors.toolkit.errors import Misconfigured, Retriable
from connectors.toolkit.feed import Change, Page
from schemas.civil import Person
from schemas.envelope import Envelope
from simpul.bus import admin
from simpul.bus.errors import BusError
from simpul.bus.topics import topics
from simpul.clock import ManualClock
from simpul.gateway.decisions import Backoff
from simpul.gateway.feeds import FeedDuty
from simpul.gateway.governor import Governor
from simpul.gateway.metrics import Metrics
from simpul.gateway.queue import WorkQueue
from simpul.ledger.feeds import Feeds, LostFeedError

pytestmark = pytest.mark.kafka

AGENCY = "registry"
LEASE = timedelta(seconds=30)
PAGE = 3


class Registry(RestConnector[ConnectorSettings]):
    """An agency in memory: changes are NIKs by serial."""

    agency = AGENCY

    def __init__(self):
        super().__init__(ConnectorSettings(base_url="http://127.0.0.1:1"))
        self.changes: list[str] = []
        self.error: Exception | None = None
        self.overlap = 0

    @feed(every=timedelta(minutes=5), purpose="testing", legal_basis="UU 24/2013", contract="G")
    def residents(self, cursor: str | None) -> Page[Person]:
        """Everybody."""
        if self.error:
            raise self.error
        start = max(0, int(cursor or 0) - self.overlap)
        found = list(enumerate(self.changes))[start : start + self.overlap + PAGE]
        end = found[-1][0] + 1 if found else start
        changes = [Change(id=str(serial), subject=nik, record=Person(nik=nik)) for serial, nik in found]
        return Page(changes, str(end), more=end < len(self.changes))


class Bench:
    def __init__(self, settings, cleanup):
        self.settings = settings
        self.clock = ManualClock(datetime(2026, 3, 2, 8, tzinfo=UTC))
        self.registry = Registry()
        self.stopped = []
        self._cleanup = cleanup
        admin.apply(settings, [topic for topic in topics([AGENCY]) if topic.name == "records.person"])

    def duty(self, name="one"):
        ledger = Feeds(self.settings.database_url, AGENCY, name, LEASE)
        self._cleanup.callback(ledger.close)
        queue = WorkQueue(Governor(rate=None, failures=5, pause=timedelta(seconds=10)), self.clock)
        return FeedDuty(
            self.settings,
            self.registry,
            Registry.feeds(),
            ledger,
            queue,
            clock=self.clock,
            backoff=Backoff(),
            counts=Metrics(AGENCY, CollectorRegistry()),
            stop_agency=self.stopped.append,
            source="/simpul/99/gateway/registry",
        )

    def settle(self, duty):
        """Turns until nothing more is due."""
        while duty.turn("residents", Registry.feeds()["residents"]):
            pass

    def add(self, number):
        self.registry.changes += [f"99010101019{len(self.registry.changes) + each:05d}" for each in range(number)]

    def published(self):
        """How often each change stands in the topic, by serial; each must open with its own key."""
        from kafka import KafkaConsumer, TopicPartition

        from simpul.bus.client import connection, physical

        name = physical(self.settings, "records.person")
        consumer = KafkaConsumer(**connection(self.settings), enable_auto_commit=False)
        found = Counter()
        try:
            places = [TopicPartition(name, number) for number in range(3)]
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            ends = consumer.end_offsets(places)
            while any(consumer.position(place) < end for place, end in ends.items()):
                for messages in consumer.poll(timeout_ms=200).values():
                    for message in messages:
                        envelope = Envelope.from_bytes(message.value)
                        assert message.key.decode() == envelope.subject
                        key = self.settings.keys.data_key(base64.b64decode(envelope.datakey), envelope.subject)
                        record = Person.from_json(key.open(base64.b64decode(envelope.data["payload"]), envelope.id))
                        serial = int(envelope.id.rpartition(":")[2])
                        assert record.nik == self.registry.changes[serial]
                        assert record.nik.encode() not in message.value
                        found[serial] += 1
        finally:
            consumer.close()
        return found

    def once(self):
        """Every change once, and nothing else."""
        return Counter(range(len(self.registry.changes)))


@pytest.fixture
def bench(database_url, kafka, settings):
    with ExitStack() as cleanup:
        yield Bench(settings(), cleanup)


def rows(settings, query):
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(settings.database_url, row_factory=dict_row) as connected:
        return connected.execute(query).fetchall()


@contextmanager
def breaking(duty, part, error):
    """A process that dies there: nothing after it happens."""
    target, name = {
        "before_intending": (duty._ledger, "intend"),
        "before_flushing": (duty._producer, "flush"),
        "before_settling": (duty._ledger, "settle"),
    }[part]
    whole = getattr(target, name)

    def break_(*arguments, **keywords):
        if part == "before_flushing":
            whole()
        raise error

    setattr(target, name, break_)
    yield
    setattr(target, name, whole)


def test_every_change_is_published_once_page_by_page_and_the_cursor_is_kept(bench):
    bench.add(7)
    bench.settle(bench.duty())

    assert bench.published() == bench.once()
    (row,) = rows(bench.settings, "SELECT * FROM feed")
    assert (row["cursor"], row["published"], row["under_way"], row["owner"]) == ("7", 7, None, None)
    events = rows(bench.settings, "SELECT * FROM event WHERE action = 'feed.pulled' ORDER BY sequence")
    assert [event["detail"]["changes"] for event in events] == [3, 3, 1]
    assert {(event["purpose"], event["legal_basis"]) for event in events} == {("testing", "UU 24/2013")}


def test_another_process_goes_on_where_the_first_stopped(bench):
    bench.add(4)
    bench.settle(bench.duty("one"))
    bench.add(2)
    bench.clock.turn(timedelta(minutes=5))
    bench.settle(bench.duty("two"))

    assert bench.published() == bench.once()


def test_nothing_is_pulled_before_it_is_due(bench):
    duty = bench.duty()
    bench.settle(duty)
    bench.add(1)
    bench.settle(duty)
    assert bench.published() == Counter()
    bench.clock.turn(timedelta(minutes=5))
    bench.settle(duty)
    assert bench.published() == bench.once()


@pytest.mark.parametrize("part", ["before_intending", "before_flushing", "before_settling"])
@pytest.mark.parametrize("page", [0, 1])
def test_whoever_dies_in_the_middle_of_a_page_the_next_one_publishes_only_what_is_missing(bench, part, page):
    bench.add(5)
    dying = bench.duty("dying")
    for _ in range(page):
        assert dying.turn("residents", Registry.feeds()["residents"])
    with breaking(dying, part, LostFeedError("killed")), pytest.raises(LostFeedError):
        dying.turn("residents", Registry.feeds()["residents"])
    bench.add(2)  # the page looks different the next time
    next_one = bench.duty("next")
    bench.settle(next_one)
    assert sum(bench.published().values()) <= PAGE * (page + 1)  # the lease still holds

    bench.clock.turn(LEASE + timedelta(seconds=1))
    bench.settle(next_one)
    assert bench.published() == bench.once()


def test_a_page_of_which_only_a_part_got_to_the_bus_is_completed(bench):
    bench.add(3)
    dying = bench.duty("dying")
    send = dying._producer.send
    sent = []

    def send_two(topic, key, envelope):
        if len(sent) == 2:
            dying._producer.flush()
            raise BusError("killed")
        sent.append(envelope)
        send(topic, key, envelope)

    dying._producer.send = send_two
    with pytest.raises(LostFeedError):
        dying.turn("residents", Registry.feeds()["residents"])
    assert sum(bench.published().values()) == 2

    bench.clock.turn(LEASE + timedelta(seconds=1))
    bench.settle(bench.duty("next"))
    assert bench.published() == bench.once()


def test_changes_that_the_agency_tells_again_are_not_published_again(bench):
    bench.registry.overlap = 2
    bench.add(5)
    duty = bench.duty()
    bench.settle(duty)
    bench.add(3)
    bench.clock.turn(timedelta(minutes=5))
    bench.settle(duty)

    assert bench.published() == bench.once()


def test_without_the_memory_of_what_was_begun_changes_would_come_twice(bench, monkeypatch):
    """The negative control: what `under_way` and the look into the topic are for."""
    bench.add(3)
    dying = bench.duty("dying")
    with breaking(dying, "before_settling", LostFeedError("killed")), pytest.raises(LostFeedError):
        dying.turn("residents", Registry.feeds()["residents"])
    monkeypatch.setattr("simpul.bus.look_back.ids_since", lambda *_: set())
    bench.clock.turn(LEASE + timedelta(seconds=1))
    bench.settle(bench.duty("next"))

    assert set(bench.published().values()) == {2}


def test_two_processes_at_once_publish_each_change_once(bench):
    bench.add(30)
    duties = [bench.duty("one"), bench.duty("two")]
    threads = [threading.Thread(target=duty.run) for duty in duties]
    for thread in threads:
        thread.start()
    try:
        deadline = threading.Event()
        for _ in range(300):
            (row,) = rows(bench.settings, "SELECT coalesce(max(published), 0) AS n FROM feed")
            if row["n"] == 30 or deadline.wait(0.1):
                break
    finally:
        for duty in duties:
            duty.close()
        for thread in threads:
            thread.join(30)
    assert bench.published() == bench.once()


def test_an_agency_that_is_down_is_asked_again_later_and_the_failure_is_one_event(bench):
    bench.add(1)
    duty = bench.duty()
    bench.registry.error = Retriable("HTTP_503", diagnosis=diagnoses.AGENCY_FAULT)
    bench.settle(duty)
    bench.clock.turn(timedelta(minutes=2))
    bench.settle(duty)
    (row,) = rows(bench.settings, "SELECT * FROM feed")
    assert (row["failures"], row["failure"]["code"], row["cursor"]) == (2, "HTTP_503", None)
    assert len(rows(bench.settings, "SELECT 1 FROM event WHERE action = 'feed.failed'")) == 1

    bench.registry.error = None
    bench.clock.turn(timedelta(minutes=5))
    bench.settle(duty)
    assert bench.published() == bench.once()
    (row,) = rows(bench.settings, "SELECT * FROM feed")
    assert (row["failures"], row["failure"]) == (0, None)


def test_an_agency_that_refuses_our_set_up_is_turned_off(bench):
    bench.registry.error = Misconfigured("LOGIN", diagnosis=diagnoses.CREDENTIALS)
    bench.settle(bench.duty())
    assert [failure.code for failure in bench.stopped] == ["LOGIN"]


def test_nothing_is_pulled_while_the_agency_is_turned_off(bench):
    bench.add(1)
    duty = bench.duty()
    duty._queue.pause()
    bench.settle(duty)
    assert bench.published() == Counter()
    duty._queue.resume()
    bench.settle(duty)
    assert bench.published() == bench.once()
