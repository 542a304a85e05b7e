"""Taking requests in while the ledger comes and goes; the ledger is a stand-in that fails when told."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.envelope import Envelope
from schemas.messages import REQUEST, RequestData
from simpul.gateway.answers import Answer
from simpul.gateway.decisions import Move
from simpul.gateway.holding import Leases, Naive, Postponed, patiently
from simpul.gateway.settler import Answered, may_tell
from simpul.gateway.task import Task
from simpul.ledger.attempts import LeasedAttempt, UnavailableError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def task(name="a"):
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
    return Task(envelope, data, None, received_at=NOW)


class Ledger:
    """Fails as often as told, and remembers how it was asked."""

    def __init__(self, failures=0):
        self.failures = failures
        self.asked = []
        self.found = []

    def open(self, requests, *, now, batch, due_at=None, again=False):
        self.asked.append((batch, again))
        if self.failures:
            self.failures -= 1
            raise UnavailableError("away")
        return {request.request_id for request in requests}

    def due(self, *, now, limit, but=()):
        return self.found


def test_a_batch_keeps_its_name_until_it_is_known_to_be_stored():
    ledger = Ledger(failures=2)
    leases = Leases(ledger, {}, LEASE)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            leases.take_in([task()], now=NOW, due_at=None)
    (taken,) = leases.take_in([task()], now=NOW, due_at=None)
    leases.take_in([task("b")], now=NOW, due_at=None)

    names = [batch for batch, _ in ledger.asked]
    assert names[0] == names[1] == names[2] != names[3]
    assert [again for _, again in ledger.asked] == [False, True, True, False]
    assert (taken.lease, taken.lease_until) == (1, NOW + LEASE)


def test_the_same_request_twice_in_a_batch_is_worked_on_once():
    assert len(Leases(Ledger(), {}, LEASE).take_in([task(), task()], now=NOW, due_at=None)) == 1


def test_a_stored_request_that_cannot_be_read_holds_up_no_other():
    ledger = Ledger()
    whole = {
        "effect": "read",
        "found": "backing_off",
        "expired": False,
        "lease": 2,
        "lease_until": NOW,
        "tries": 1,
        "look_ups": 0,
        "received_at": NOW,
    }
    ledger.found = [
        LeasedAttempt(request_id="old", request=b"{}", **whole),
        LeasedAttempt(request_id="a", request=task().envelope.to_bytes(), **whole),
    ]
    ((found, move),) = Leases(ledger, {}, LEASE).due(now=NOW, limit=10)
    assert (found.request_id, move) == ("a", Move.SEND)


def test_the_naive_way_keeps_what_waits_in_memory():
    naive = Naive()
    late, soon = task("late"), task("soon")
    waits = [
        Postponed(late, NOW + timedelta(seconds=9), doubtful=True),
        Postponed(soon, NOW + timedelta(seconds=1), doubtful=False),
    ]
    naive.settle(answered=(), postponed=waits, now=NOW)
    assert naive.due(now=NOW, limit=10) == []
    assert naive.due(now=NOW + timedelta(seconds=10), limit=10) == [(soon, Move.SEND), (late, Move.SEND)]


def test_patience_ends_when_it_is_told_to():
    tries = []

    def away():
        tries.append(1)
        raise UnavailableError("away")

    assert not patiently(away, give_up=lambda: len(tries) == 3, pause=lambda _: None)
    assert patiently(lambda: None, give_up=lambda: True, pause=lambda _: None)


@pytest.mark.parametrize(
    ("outcome", "lease_until", "counts"),
    [
        ("done", NOW, True),
        ("failed", NOW, False),
        ("rejected", NOW, False),
        ("rejected", NOW + LEASE, True),
        ("failed", None, True),
    ],
)
def test_after_its_lease_only_a_record_still_counts(outcome, lease_until, counts):
    ended = task()
    ended.lease_until = lease_until
    assert may_tell(Answered(ended, Answer(outcome)), NOW) is counts


def test_what_an_operator_wants_looked_up_is_never_sent_first_however_it_is_met():
    wanted = task()
    data = wanted.data.model_copy(update={"look_up": True})
    envelope = wanted.envelope.model_copy(update={"data": data.model_dump(mode="json")})
    ledger = Ledger()
    ledger.found = [
        LeasedAttempt(
            request_id="a",
            request=envelope.to_bytes(),
            effect="write",
            found="backing_off",
            expired=False,
            lease=1,
            lease_until=NOW + LEASE,
            tries=0,
            look_ups=0,
            received_at=NOW,
        )
    ]
    ((found, _),) = Leases(ledger, {}, LEASE).due(now=NOW, limit=1)
    assert found.phase == "look_up"
