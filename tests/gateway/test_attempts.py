"""Attempts in the ledger: who holds what, and that a lease lost is lost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from schemas.messages import Failure
from schemas.text import Text
from simpul.ledger.attempts import Attempts, Deferred, NewAttempt, UnavailableError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=30)
FAILURE = Failure(kind="misconfigured", code="HTTP_401", diagnosis=Text(id="Ditolak", en="Refused"), owner="us")


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def new(name, effect="write", place=0):
    return NewAttempt(name, "dukcapil.issue_family_card", effect, b"envelope", NOW + timedelta(microseconds=place))


@pytest.fixture
def gateways(database_url):
    made = [Attempts(database_url, "dukcapil", name, LEASE) for name in ("one", "two")]
    yield made
    for each in made:
        each.close()


@pytest.fixture
def row(database_url):
    def read(name):
        with psycopg.connect(database_url, row_factory=psycopg.rows.dict_row) as connected:
            return connected.execute("SELECT * FROM attempt WHERE request_id = %s", [name]).fetchone()

    return read


def deferred(name, lease, state="backing_off", seconds=5.0, **more):
    return Deferred(name, lease, state, later(seconds), **{"tries": 1, "sent": False, **more})


def test_only_the_first_to_store_a_request_holds_it(gateways):
    one, two = gateways
    assert one.open([new("a"), new("b")], now=NOW, batch="x") == {"a", "b"}
    assert two.open([new("b"), new("c")], now=NOW, batch="y") == {"c"}


def test_a_request_twice_in_one_batch_is_stored_once(gateways):
    assert gateways[0].open([new("a"), new("a")], now=NOW, batch="x") == {"a"}


def test_a_repeated_batch_finds_what_it_stored_unseen_and_nothing_else(gateways):
    one, _ = gateways
    one.open([new("before")], now=NOW, batch="earlier")
    one.open([new("a")], now=NOW, batch="x")
    again = one.open([new("before"), new("a"), new("b")], now=later(5), batch="x", again=True)
    assert again == {"a", "b"}


def test_what_is_stored_as_backing_off_is_held_by_nobody_until_it_is_due(gateways):
    one, two = gateways
    assert one.open([new("a")], now=NOW, batch="x", due_at=later(10)) == set()
    assert two.due(now=later(9), limit=10) == []
    (found,) = two.due(now=later(10), limit=10)
    assert (found.found, found.lease, found.tries) == ("backing_off", 1, 0)


def test_a_live_lease_is_left_alone_and_an_expired_one_is_taken_up_by_one_gateway(gateways, row):
    one, two = gateways
    one.open([new("a")], now=NOW, batch="x")
    assert two.due(now=later(29), limit=10) == []

    (found,) = two.due(now=later(30), limit=10)
    assert (found.found, found.lease, found.tries) == ("leased", 2, 1)
    assert one.due(now=later(31), limit=10) == []
    assert row("a")["state"] == "in_doubt"
    assert row("a")["sent"]


@pytest.mark.parametrize("effect", ["read", "idempotent", "repeatable"])
def test_an_expired_lease_on_what_does_no_harm_is_no_doubt(gateways, row, effect):
    one, two = gateways
    one.open([new("a", effect)], now=NOW, batch="x")
    (found,) = two.due(now=later(30), limit=10)
    assert (found.found, found.tries, row("a")["state"]) == ("leased", 1, "leased")


def test_a_doubt_outlives_the_gateway_that_was_looking_it_up(gateways):
    one, two = gateways
    one.open([new("a")], now=NOW, batch="x")
    two.due(now=later(30), limit=10)
    (found,) = one.due(now=later(60), limit=10)
    assert found.found == "in_doubt"


def test_a_lease_that_changed_hands_can_be_neither_renewed_nor_given_back(gateways, row):
    one, two = gateways
    one.open([new("a")], now=NOW, batch="x")
    two.due(now=later(30), limit=10)

    assert one.renew([("a", 1)], now=later(31)) == set()
    one.settle(deferred=[deferred("a", lease=1)], now=later(31))
    assert row("a")["next_at"] is None
    assert row("a")["lease"] == 2


def test_a_lease_that_ran_out_unnoticed_is_still_ours(gateways):
    one, two = gateways
    one.open([new("a")], now=NOW, batch="x")
    assert one.renew([("a", 1)], now=later(40)) == {"a"}
    assert two.due(now=later(69), limit=10) == []


def test_what_was_given_back_cannot_be_renewed(gateways):
    one, _ = gateways
    one.open([new("a")], now=NOW, batch="x")
    one.settle(deferred=[deferred("a", lease=1)], now=NOW)
    assert one.renew([("a", 1)], now=later(1)) == set()


def test_a_doubtful_attempt_keeps_its_count_of_look_ups(gateways, row):
    one, _ = gateways
    one.open([new("a")], now=NOW, batch="x")
    error = {"kind": "retriable", "code": "HTTP_503", "owner": "agency"}
    one.settle(deferred=[deferred("a", 1, "in_doubt", tries=4, sent=True, look_ups=3, error=error)], now=NOW)
    (found,) = one.due(now=later(5), limit=10)
    assert (found.found, found.tries, found.look_ups) == ("in_doubt", 4, 3)
    assert row("a")["error"]["code"] == "HTTP_503"


def test_due_attempts_come_in_the_order_of_arrival(gateways):
    one, _ = gateways
    names = ["d", "b", "c", "a"]
    one.open([new(name, place=place) for place, name in enumerate(names)], now=NOW, batch="x")
    one.settle(deferred=[deferred(name, 1) for name in sorted(names)], now=NOW)
    assert [each.request_id for each in one.due(now=later(5), limit=10)] == names


def test_no_more_are_taken_up_than_asked_for(gateways):
    one, two = gateways
    one.open([new(name) for name in "abcd"], now=NOW, batch="x")
    one.settle(deferred=[deferred(name, 1) for name in "ab"], now=NOW)
    assert len(two.due(now=later(30), limit=3)) == 3


def test_an_answered_attempt_is_closed_and_its_request_is_gone(gateways, row):
    one, two = gateways
    one.open([new("a")], now=NOW, batch="x")
    one.settle(answered=[("a", 2)], now=later(1))
    assert (row("a")["state"], row("a")["tries"], row("a")["request"]) == ("answered", 2, b"")
    assert two.due(now=later(100), limit=10) == []
    assert two.open([new("a")], now=later(100), batch="y") == set()
    one.settle(deferred=[deferred("a", 1)], now=later(101))
    assert row("a")["state"] == "answered"


def test_a_gateway_never_sees_another_agencys_attempts(gateways, database_url):
    gateways[0].open([new("a")], now=NOW, batch="x")
    other = Attempts(database_url, "simponi", "three", LEASE)
    assert other.due(now=later(100), limit=10) == []
    other.close()


def test_stopping_and_resuming_an_agency_is_told_once(gateways, database_url):
    one, two = gateways
    assert not one.agency(now=NOW).stopped
    assert one.stop(FAILURE, now=NOW)
    assert not two.stop(FAILURE, now=NOW)
    assert two.agency(now=NOW).stopped
    assert two.resume(actor="user:operator", now=later(1))
    assert not one.resume(actor="user:operator", now=later(1))
    with psycopg.connect(database_url) as connected:
        actions = [row[0] for row in connected.execute("SELECT action FROM event ORDER BY sequence")]
    assert actions == ["agency.stopped", "incident.opened", "agency.resumed", "incident.resolved"]


def test_a_ledger_that_is_away_is_said_to_be(database_url):
    away = Attempts("postgresql://nobody@127.0.0.1:1/none", "dukcapil", "one", LEASE)
    with pytest.raises(UnavailableError):
        away.open([new("a")], now=NOW, batch="x")
    away.close()


def test_what_the_caller_holds_itself_is_not_taken_from_it_when_its_clock_is_turned(gateways):
    one, two = gateways
    one.open([new("a"), new("b")], now=NOW, batch="x")
    assert [each.request_id for each in one.due(now=later(7200), limit=10, but={"a"})] == ["b"]
    (found,) = two.due(now=later(7200), limit=1)
    assert (found.request_id, found.expired, found.effect) == ("a", True, "write")


@pytest.mark.parametrize("change", ["settle", "give_back", "renew"])
def test_rows_are_locked_in_one_order_so_that_no_two_wait_for_each_other(gateways, database_url, until, change):
    one, _ = gateways
    one.open([new("a"), new("b")], now=NOW, batch="x")
    changes = {
        "settle": lambda: one.settle(answered=[("b", 1), ("a", 1)], now=NOW),
        "give_back": lambda: one.settle(deferred=[deferred("b", 1), deferred("a", 1)], now=NOW),
        "renew": lambda: one.renew([("b", 1), ("a", 1)], now=NOW),
    }
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    lock = "SELECT 1 FROM attempt WHERE request_id = %s FOR UPDATE"
    with (
        ThreadPoolExecutor() as pool,
        psycopg.connect(database_url) as other,
        psycopg.connect(database_url, autocommit=True) as watch,
    ):
        other.execute(lock, ["a"])
        changed = pool.submit(changes[change])
        until(lambda: watch.execute(waiting).fetchone())
        other.execute(f"{lock} NOWAIT", ["b"])
        other.commit()
        changed.result(30)
