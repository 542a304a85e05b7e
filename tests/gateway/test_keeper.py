"""Taking over from a gateway that vanished, or that seems to have, on a monotonic clock that the test moves."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from schemas.envelope import Envelope
from schemas.messages import REQUEST, RequestData
from simpul.clock import ManualClock
from simpul.gateway.decisions import Move
from simpul.gateway.governor import Governor
from simpul.gateway.keeper import InHand, Keeper
from simpul.gateway.metrics import Metrics
from simpul.gateway.queue import WorkQueue
from simpul.gateway.settler import Lost
from simpul.gateway.task import Task
from simpul.ledger.attempts import AgencyState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def taken_over():
    data = RequestData(
        operation="dukcapil.issue_family_card",
        service="birth",
        version=1,
        step="card",
        revision=1,
        reference="R",
        purpose="testing",
        payload="",
    )
    envelope = Envelope(
        id="a", source="/test", type=REQUEST, subject="case", time=NOW, data=data.model_dump(mode="json")
    )
    return Task(
        envelope,
        data,
        None,
        received_at=NOW,
        lease=2,
        lease_until=NOW + LEASE,
        phase="look_up",
        sent=True,
        taken_over=True,
    )


class Ledger:
    """Holding and switch at once."""

    durable = True

    def __init__(self):
        self.found = []
        self.ours = True
        self.in_hand = set()

    def due(self, *, now, limit, in_hand=()):
        self.in_hand = set(in_hand)
        found, self.found = self.found, []
        return found

    def renew(self, tasks, *, now):
        for task in tasks:
            task.lease_until = now + LEASE if self.ours else now - LEASE

    def agency(self, *, now):
        return AgencyState(stopped=False, circuit="closed")

    def show_circuit(self, circuit, *, now):
        pass

    def backlog(self):
        return {}


@pytest.fixture
def scene(monkeypatch):
    made = SimpleNamespace(seconds=1000.0, ledger=Ledger(), ends=[], clock=ManualClock(NOW), in_hand=InHand())
    monkeypatch.setattr("simpul.gateway.keeper.time", SimpleNamespace(monotonic=lambda: made.seconds))
    made.queue = WorkQueue(Governor(rate=None, failures=5, pause=timedelta(seconds=10)), made.clock)
    made.keeper = Keeper(
        made.ledger,
        made.ledger,
        made.queue,
        made.in_hand,
        clock=made.clock,
        metrics=Metrics("dukcapil", CollectorRegistry()),
        rate=None,
        lease=LEASE,
        usable=timedelta(seconds=15),
        call_deadline=10.0,
        end=made.ends.append,
        give_up=lambda task: ("given up", task),
    )
    return made


def test_a_write_that_was_taken_over_is_looked_up_only_when_its_call_must_be_over(scene):
    scene.ledger.found = [(taken_over(), Move.LOOK_UP)]
    scene.keeper.tick()
    # However the injected clock is turned, only time that passed counts.
    scene.clock.turn(timedelta(hours=2))
    scene.seconds += 9.9
    scene.keeper.tick()
    assert len(scene.queue) == 0

    scene.seconds += 0.2
    scene.keeper.tick()
    (task,) = scene.queue.drain()
    assert task.phase == "look_up"
    assert task.lease_until == scene.clock.now() + LEASE


def test_what_its_holder_answered_meanwhile_is_let_go(scene):
    found = taken_over()
    scene.ledger.found = [(found, Move.LOOK_UP)]
    scene.keeper.tick()
    scene.ledger.ours = False
    scene.seconds += 11
    scene.keeper.tick()
    assert (len(scene.queue), scene.ends) == (0, [Lost(found)])


def test_a_write_that_cannot_be_looked_up_is_given_up_only_when_its_call_must_be_over(scene):
    found = taken_over()
    scene.ledger.found = [(found, Move.GIVE_UP)]
    scene.keeper.tick()
    assert scene.ends == []
    scene.seconds += 11
    scene.keeper.tick()
    assert scene.ends == [("given up", found)]


def test_what_is_in_hand_is_not_taken_up_again(scene):
    scene.in_hand.add(taken_over())
    scene.keeper.tick()
    assert scene.ledger.in_hand == {"a"}


def test_a_read_that_was_taken_over_is_asked_at_once(scene):
    scene.ledger.found = [(taken_over(), Move.SEND)]
    scene.keeper.tick()
    assert len(scene.queue) == 1
