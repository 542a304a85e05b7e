"""Making ends durable while one of them cannot be; bus and ledger are stand-ins that refuse when told."""

import threading
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from schemas.envelope import Envelope
from schemas.messages import REQUEST, RequestData
from simpul.bus.errors import NotPublishedError
from simpul.bus.message import Message
from simpul.bus.topics import DEAD_LETTERS, OUTCOMES
from simpul.clock import ManualClock
from simpul.gateway.answers import Answer
from simpul.gateway.metrics import Metrics
from simpul.gateway.settler import Answered, Lost, Settler
from simpul.gateway.task import Task

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RECORDS = "records.person"


def ended(name, *, payload=b"sealed"):
    data = RequestData(
        operation="dukcapil.get_person",
        service="birth",
        version=1,
        step="parents",
        revision=1,
        reference="R",
        purpose="testing",
        payload="",
    )
    envelope = Envelope(
        id=name, source="/test", type=REQUEST, subject="case", time=NOW, data=data.model_dump(mode="json")
    )
    message = Message("requests.dukcapil", 0, 0, "case", envelope, envelope.to_bytes())
    task = Task(envelope, data, None, received_at=NOW, message=message)
    return Answered(task, Answer("done", record_schema="person/1", sealed=payload))


class Bus:
    """Refuses by topic or by size."""

    def __init__(self):
        self.sent = []
        self.away = 0
        self.missing = set()

    def send(self, topic, key, envelope):
        self.send_bytes(topic, key.encode(), envelope.to_bytes())

    def send_bytes(self, topic, key, value, headers=()):
        if self.away:
            self.away -= 1
            raise NotPublishedError(1, "KafkaTimeoutError")
        if topic in self.missing:
            raise NotPublishedError(1, "KafkaTimeoutError")
        if len(value) > 1_000_000:
            raise NotPublishedError(1, "MessageSizeTooLargeError")
        self.sent.append((topic, Envelope.from_bytes(value)))

    def flush(self):
        pass

    def outcomes(self):
        return {each.data["request_id"]: each.data for topic, each in self.sent if topic == OUTCOMES}


class Ledger:
    durable = True

    def __init__(self):
        self.stored = []
        self.refused = None

    def settle(self, *, answered, postponed, now):
        if any(task.request_id == self.refused for task in answered):
            raise RuntimeError("a mistake of ours")
        self.stored += [task.request_id for task in answered]


@pytest.fixture
def scene(until):
    made = SimpleNamespace(bus=Bus(), ledger=Ledger(), acknowledged=[], released=[])
    made.settler = Settler(
        made.bus,
        made.ledger,
        ManualClock(NOW),
        Metrics("dukcapil", CollectorRegistry()),
        acknowledge=lambda messages: made.acknowledged.extend(each.envelope.id for each in messages),
        release=lambda tasks: made.released.extend(task.request_id for task in tasks),
        source="/test",
    )

    def settle(*ends):
        for end in ends:
            made.settler.put(end)
        thread = threading.Thread(target=made.settler.run)
        thread.start()
        made.settler.finish()
        thread.join(30)
        assert not thread.is_alive()

    made.settle = settle
    return made


def test_an_answer_that_no_message_can_carry_fails_and_the_others_are_told(scene):
    scene.settle(ended("a"), ended("b", payload=b"x" * 1_000_000), ended("c"))

    told = scene.bus.outcomes()
    assert {name: data["outcome"] for name, data in told.items()} == {"a": "done", "b": "failed", "c": "done"}
    assert (told["b"]["failure"]["kind"], told["b"]["failure"]["code"]) == ("bad_data", "NOT_PUBLISHABLE")
    assert sorted(scene.acknowledged) == sorted(scene.released) == sorted(scene.ledger.stored) == ["a", "b", "c"]


def test_records_whose_topic_is_missing_are_laid_aside_and_their_outcomes_stand(scene):
    scene.bus.missing = {RECORDS}
    scene.settle(ended("a"), ended("b"))

    assert {data["outcome"] for data in scene.bus.outcomes().values()} == {"done"}
    assert {each.id for topic, each in scene.bus.sent if topic == DEAD_LETTERS} == {"a:record", "b:record"}
    assert sorted(scene.acknowledged) == ["a", "b"]


def test_a_bus_that_is_away_is_no_answers_fault(scene):
    scene.bus.away = 3
    scene.settle(ended("a"), ended("b"))

    assert {data["outcome"] for data in scene.bus.outcomes().values()} == {"done"}
    assert sorted(scene.acknowledged) == sorted(scene.ledger.stored) == ["a", "b"]


def test_while_the_bus_is_away_what_needs_it_not_is_let_go(scene, until):
    scene.bus.missing = {OUTCOMES}
    scene.settler.put(ended("a"))
    scene.settler.put(Lost(ended("b").task))
    thread = threading.Thread(target=scene.settler.run)
    thread.start()
    until(lambda: scene.acknowledged == ["b"])
    scene.settler.abandon()
    thread.join(30)
    assert (scene.acknowledged, scene.ledger.stored) == (["b"], [])


def test_one_end_that_cannot_be_stored_takes_no_other_down_and_blocks_nothing(scene):
    scene.ledger.refused = "b"
    scene.settle(ended("a"), ended("b"), ended("c"))

    assert sorted(scene.ledger.stored) == ["a", "c"]
    assert sorted(scene.acknowledged) == sorted(scene.released) == ["a", "b", "c"]
