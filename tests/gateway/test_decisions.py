"""What to do with an attempt, for every combination there is; no server needed."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from simpul.gateway.decisions import (
    Backoff,
    Ending,
    Move,
    Phase,
    after_call,
    after_naive_call,
    agency_is_done,
    may_send,
    take_up,
)

EFFECTS = ("read", "idempotent", "repeatable", "write")
STATES = ("leased", "backing_off", "in_doubt", "answered")
ENDINGS = Ending.__args__
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("state", "effect", "reconcilable"), [*itertools.product(STATES, EFFECTS, (True, False))])
def test_an_attempt_that_somebody_holds_is_left_alone(state, effect, reconcilable):
    assert take_up(state, effect, expired=False, reconcilable=reconcilable) is Move.LEAVE


@pytest.mark.parametrize(("effect", "reconcilable"), [*itertools.product(EFFECTS, (True, False))])
def test_an_answered_attempt_is_left_alone(effect, reconcilable):
    assert take_up("answered", effect, expired=True, reconcilable=reconcilable) is Move.LEAVE


@pytest.mark.parametrize(("effect", "reconcilable"), [*itertools.product(EFFECTS, (True, False))])
def test_an_attempt_whose_back_off_is_over_is_sent(effect, reconcilable):
    assert take_up("backing_off", effect, expired=True, reconcilable=reconcilable) is Move.SEND


@pytest.mark.parametrize(
    ("state", "effect", "reconcilable"), [*itertools.product(("leased", "in_doubt"), EFFECTS[:3], (True, False))]
)
def test_what_does_no_harm_is_sent_again_after_an_expired_lease(state, effect, reconcilable):
    assert take_up(state, effect, expired=True, reconcilable=reconcilable) is Move.SEND


@pytest.mark.parametrize(
    ("state", "reconcilable", "move"),
    [
        ("leased", True, Move.LOOK_UP),
        ("in_doubt", True, Move.LOOK_UP),
        ("leased", False, Move.GIVE_UP),
        ("in_doubt", False, Move.GIVE_UP),
    ],
)
def test_a_write_is_never_sent_after_an_expired_lease_before_it_was_looked_up(state, reconcilable, move):
    assert take_up(state, "write", expired=True, reconcilable=reconcilable) is move


@pytest.mark.parametrize(
    ("phase", "ending", "effect", "reconcilable", "left"),
    [
        case
        for case in itertools.product(Phase.__args__, ENDINGS, EFFECTS, (True, False), (True, False))
        if case[:2] != ("send", "unknown")  # only a look-up ends so
    ],
)
def test_every_ending_has_one_next_move(phase, ending, effect, reconcilable, left):
    move = after_call(phase, ending, effect, reconcilable=reconcilable, look_ups_left=left)

    assert move is expected(phase, ending, effect, reconcilable=reconcilable, left=left)


def expected(phase, ending, effect, *, reconcilable, left) -> Move:
    """The rules in words of their own: what the tables say is compared with this."""
    always = {"record": Move.ANSWER, "misconfigured": Move.STOP}
    if ending in always:
        return always[ending]
    if phase == "look_up":
        if ending == "unknown":
            return Move.SEND
        return Move.LOOK_UP_LATER if left else Move.GIVE_UP
    if ending == "in_doubt" and effect == "write":
        return Move.LOOK_UP_LATER if reconcilable else Move.GIVE_UP
    return {"rejected": Move.REJECT, "bad_data": Move.FAIL}.get(ending, Move.BACK_OFF)


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if ending != "unknown"])
def test_only_a_look_up_that_says_unknown_lets_a_doubtful_write_be_sent(ending):
    for left in (True, False):
        move = after_call("look_up", ending, "write", reconcilable=True, look_ups_left=left)
        assert move not in {Move.SEND, Move.BACK_OFF}


def test_the_naive_way_calls_again_when_in_doubt():
    assert after_naive_call("in_doubt") is Move.BACK_OFF


@pytest.mark.parametrize(("left", "may"), [(10.9, False), (11.0, False), (11.1, True), (-5.0, False)])
def test_a_call_goes_out_only_when_it_is_over_before_the_lease_is(left, may):
    assert may_send(NOW, NOW + timedelta(seconds=left), call_deadline=10.0, margin=1.0) is may


@pytest.mark.parametrize(
    ("code", "done"),
    [("HTTP_503", True), ("HTTP_500", True), ("HTTP_502", False), ("HTTP_504", False), ("DEADLINE", False)],
)
def test_only_the_agencys_own_answer_means_that_its_work_is_over(code, done):
    assert agency_is_done(code) is done


def test_a_back_off_doubles_up_to_its_cap():
    backoff = Backoff(base=1.0, cap=60.0)

    waits = [backoff.delay(n, jitter=lambda: 1.0).total_seconds() for n in range(1, 9)]

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_jitter_takes_off_up_to_half():
    assert Backoff(base=8.0).delay(1, jitter=lambda: 0.0) == timedelta(seconds=4)


@pytest.mark.parametrize(("asked", "waits"), [(None, 1), (0.5, 1), (7, 7), (3600, 60)])
def test_what_the_agency_asks_for_is_honoured_up_to_the_cap(asked, waits):
    assert Backoff().delay(1, asked, jitter=lambda: 1.0) == timedelta(seconds=waits)


def test_a_long_row_of_failures_does_not_overflow():
    assert Backoff().delay(100_000, jitter=lambda: 1.0) == timedelta(seconds=60)
