"""Answers and signals that come late, twice or out of turn: nobody is stranded, and nothing is passed over in silence."""

import pytest
from sqlalchemy import text

from simpul.ledger import definitions, incidents, reruns, signals, timers, transaction, transitions, waves
from simpul.ledger.definitions import UnreadableDefinitionError
from simpul.ledger.incidents import Resolution
from simpul.ledger.reruns import CannotRerunError
from simpul.ledger.signals import Signal, receive
from simpul.ledger.transitions import WithdrawalPendingError


def pay(world, signal="s1"):
    with transaction(world.db) as connection:
        return receive(connection, [Signal(signal, "payment", "simponi", "code")], now=world.now)


def deadlines(world):
    with transaction(world.db) as connection:
        return timers.deadlines(connection, now=world.now)


def waiting_for_payment(world):
    number = world.file("passport")
    wave = world.claim("passport")
    world.enter(wave, "bill")
    world.relay()
    world.answer(number, "bill")
    world.enter(wave, "payment")
    world.relay()
    assert world.state(number) == "waiting"
    return number


def ask_again(world):
    world.enter(world.claim("passport"), "payment")
    world.relay()


def in_flight(world):
    number = world.file()
    wave = world.claim()
    world.enter(wave, "deed")
    world.relay()
    return number, wave


def test_a_payment_during_the_last_question_is_not_lost_when_the_answer_is_no(world):
    number = waiting_for_payment(world)
    world.turn(hours=3)
    deadlines(world)
    ask_again(world)
    pay(world)
    assert world.answer(number, "payment", "pending", ask=2) == "lapsed"
    assert world.incidents(number) == ["late_payment"]


def test_an_agency_that_contradicts_its_own_push_until_the_deadline_is_an_incident(world):
    number = waiting_for_payment(world)
    world.turn(minutes=119)
    pay(world)
    ask_again(world)
    world.turn(minutes=2)
    assert world.answer(number, "payment", "pending", ask=2) == "lapsed"
    assert world.incidents(number) == ["lapsed_after_signal"]


def test_not_yet_to_a_question_before_the_deadline_does_not_lapse_however_late_it_comes(world):
    number = waiting_for_payment(world)
    pay(world)
    ask_again(world)
    asked = world.now
    world.turn(hours=3)
    assert world.answer(number, "payment", "pending", ask=2, sent_at=asked) == "waiting"
    assert deadlines(world) == 1
    assert world.state(number) == "runnable"


def test_what_ended_while_it_waited_takes_no_turn_from_a_wait_that_is_over(world):
    gone = waiting_for_payment(world)
    world.turn(minutes=1)
    alive = waiting_for_payment(world)
    with transaction(world.db) as connection:
        transitions.request_withdrawal(connection, gone, actor="citizen", now=world.now)
    world.turn(hours=3)
    with transaction(world.db) as connection:
        assert timers.deadlines(connection, now=world.now, limit=1) == 1
    assert world.state(alive) == "runnable"


def test_the_same_not_yet_again_does_not_undo_a_signal(world):
    number = waiting_for_payment(world)
    pay(world)
    ask_again(world)
    world.answer(number, "payment", "pending", ask=2)
    pay(world, "s2")
    assert world.state(number) == "runnable"
    world.answer(number, "payment", "pending", ask=2)
    assert world.state(number) == "runnable"


def test_the_same_not_yet_after_the_deadline_does_not_lapse_without_the_last_question(world):
    number = waiting_for_payment(world)
    pay(world)
    ask_again(world)
    world.answer(number, "payment", "pending", ask=2)
    world.turn(hours=3)
    world.answer(number, "payment", "pending", ask=2)
    assert world.state(number) == "waiting"


def test_a_signal_that_comes_in_the_moment_of_parking_is_found_by_the_sweep(world):
    number = world.file("passport")
    wave = world.claim("passport")
    world.enter(wave, "bill")
    world.relay()
    world.answer(number, "bill")
    world.enter(wave, "payment")
    with world.db.begin() as push:
        receive(push, [Signal("s1", "payment", "simponi", "code")], now=world.now)
        # neither transaction sees the other's
        world.relay()
    assert world.state(number) == "waiting"
    with transaction(world.db) as connection:
        assert signals.sweep(connection, now=world.now) == 1
    assert world.state(number) == "runnable"


def test_a_branch_that_was_not_entered_does_not_wait_for_the_one_that_parks(world):
    number, wave = in_flight(world)
    world.answer(number, "deed")
    world.enter(wave, "card")
    world.relay()
    world.park(wave, "card")
    assert world.state(number) == "runnable"
    assert world.row(number)[0].next_step == "insured"


def test_the_payment_of_a_bill_that_an_amendment_superseded_is_an_incident(world):
    number = waiting_for_payment(world)
    with transaction(world.db) as connection:
        transitions.request_amendment(connection, number, b"x", actor="citizen", now=world.now)
        assert transitions.amend(connection, number, ["bill"], actor="engine", now=world.now)
    pay(world)
    assert world.incidents(number) == ["late_payment"]


def paid_and_not_through(world):
    """The bill is paid, and the passport is still to come."""
    number = world.file("passport_paid")
    wave = world.claim("passport_paid")
    for step, ask in (("bill", 1), ("payment", 1)):
        world.enter(wave, step)
        world.relay()
        if step == "bill":
            world.answer(number, "bill", ask=ask)
    pay(world)
    world.enter(world.claim("passport_paid"), "payment")
    world.relay()
    world.answer(number, "payment", ask=2)
    with transaction(world.db) as connection:
        waves.give_back(connection, world.row(number)[0].wave, result="success", strikes=3, now=world.now)
    return number


def test_what_was_paid_for_a_bill_that_an_amendment_supersedes_is_an_incident(world):
    number = paid_and_not_through(world)
    with transaction(world.db) as connection:
        transitions.request_amendment(connection, number, b"x", actor="citizen", now=world.now)
        assert transitions.amend(connection, number, ["bill"], actor="engine", now=world.now)
    assert world.incidents(number) == ["paid_in_vain"]


def test_a_rerun_asks_for_money_again_only_by_force_and_calls_an_operator(world):
    number = paid_and_not_through(world)
    how = {"reason": "r", "actor": "ops", "now": world.now}
    with transaction(world.db) as connection:
        with pytest.raises(CannotRerunError, match="payment"):
            reruns.rerun(connection, number, "bill", force=False, **how)
        reruns.rerun(connection, number, "bill", force=True, **how)
    assert world.incidents(number) == ["paid_in_vain"]


def test_a_payment_that_is_only_asked_about_again_costs_nothing(world):
    number = paid_and_not_through(world)
    with transaction(world.db) as connection:
        found, _ = reruns.rerun(connection, number, "payment", reason="r", force=False, actor="ops", now=world.now)
    assert found.writes == []
    assert world.incidents(number) == []


def test_a_second_push_for_a_paid_bill_changes_nothing_about_a_closed_case(world):
    number = waiting_for_payment(world)
    pay(world)
    ask_again(world)
    assert world.answer(number, "payment", ask=2) == "completed"
    closed_at = world.row(number)[0].closed_at
    world.turn(days=1)
    pay(world, "s2")
    assert world.row(number)[0].closed_at == closed_at
    assert world.incidents(number) == []


def test_an_amendment_does_not_undo_a_withdrawal(world):
    number, _ = in_flight(world)
    with transaction(world.db) as connection:
        transitions.request_withdrawal(connection, number, actor="citizen", now=world.now)
    with transaction(world.db) as connection, pytest.raises(WithdrawalPendingError):
        transitions.request_amendment(connection, number, b"x", actor="citizen", now=world.now)
    assert world.answer(number, "deed") == "withdrawn"


def test_not_yet_without_deadline_and_signal_calls_an_operator(world):
    number, _ = in_flight(world)
    assert world.answer(number, "deed", "pending") == "incident"
    assert world.incidents(number) == ["endless_wait"]


def test_a_doubtful_call_that_is_answered_after_all_goes_on_and_its_incident_is_resolved(world):
    number, _ = in_flight(world)
    world.answer(number, "deed", "failed")
    assert world.answer(number, "deed") == "runnable"
    assert "step.done" in world.actions(number)
    assert [incident.resolved_by for incident in world.row(number, "incident")] == ["projector"]


def asked_again(world):
    """The first ask came to a doubt, and an operator had the step asked again."""
    number, _ = in_flight(world)
    world.answer(number, "deed", "failed")
    with transaction(world.db) as connection:
        (found,) = world.row(number, "incident")
        incidents.resolve(connection, found.id, Resolution("look_up", "r"), actor="ops", now=world.now)
    world.enter(world.claim(), "deed")
    return number


@pytest.mark.parametrize("relayed", [True, False])
def test_a_record_that_an_earlier_ask_brings_after_all_counts(world, relayed):
    number = asked_again(world)
    if relayed:
        world.relay()
    world.answer(number, "deed", ask=1)
    assert world.outcomes(number) == {("deed", 1): "done"}
    world.relay()
    world.answer(number, "deed", ask=2)
    assert "outcome.late" in world.actions(number)


def test_a_no_to_an_earlier_ask_is_told_and_does_not_answer_the_present_one(world):
    number = asked_again(world)
    world.relay()
    world.answer(number, "deed", "rejected", ask=1)
    assert world.outcomes(number) == {}
    assert "outcome.late" in world.actions(number)
    world.answer(number, "deed", ask=2)
    assert world.outcomes(number) == {("deed", 1): "done"}


def test_an_answer_that_is_stored_before_its_request_is_noted_down_stays_the_last_word(world):
    number = world.file()
    wave = world.claim()
    world.enter(wave, "deed")
    # an engine published the request and died; its answer is there before another engine publishes it again
    world.answer(number, "deed")
    world.relay()
    assert world.row(number, "step_run")[0].state == "closed"


def test_what_settles_an_incident_is_an_event(world):
    number, _ = in_flight(world)
    world.answer(number, "deed", "failed")
    world.answer(number, "deed")
    assert world.actions(number).count("incident.resolved") == 1


def test_a_no_in_one_branch_waits_for_the_doubtful_write_of_another(world):
    number, wave = in_flight(world)
    world.answer(number, "deed")
    for step in ("card", "insured"):
        world.enter(wave, step)
    world.relay()
    world.answer(number, "card", "rejected")
    assert world.answer(number, "insured", "failed") == "incident"
    (found,) = world.row(number, "incident")
    with transaction(world.db) as connection:
        incidents.resolve(connection, found.id, Resolution("look_up", "r"), actor="ops", now=world.now)
    world.enter(world.claim(), "insured")
    world.relay()
    assert world.answer(number, "insured", ask=2) == "rejected"
    assert world.outcomes(number)["insured", 1] == "done"


def test_a_doubtful_write_that_happened_after_all_is_told_even_if_the_case_was_withdrawn(world):
    number, _ = in_flight(world)
    world.answer(number, "deed", "failed")
    with transaction(world.db) as connection:
        transitions.request_withdrawal(connection, number, actor="citizen", now=world.now)
    world.answer(number, "deed")
    assert "late_outcome" in world.incidents(number)


def test_an_application_that_travels_alone_gets_its_turn_while_others_keep_coming(world):
    alone = world.file(solo=True)
    world.turn(seconds=1)
    for _ in range(3):
        world.file()
        world.claim(limit=1)
    assert world.state(alone) == "in_wave"


def test_a_deadline_is_kept_while_a_sibling_needs_an_operator(world):
    number = waiting_for_payment(world)
    world.by_hand = True
    with transaction(world.db) as connection:
        connection.execute(text("UPDATE application SET state = 'incident', until = NULL"))
    world.turn(hours=3)
    assert deadlines(world) == 1
    assert world.state(number) == "runnable"


def test_a_definition_of_a_newer_simpul_is_named_as_such(world, monkeypatch):
    monkeypatch.setattr(definitions, "_CACHE", {})
    with transaction(world.db) as connection:
        connection.execute(text("""UPDATE definition SET body = body || '{"novelty": 1}' WHERE service = 'birth'"""))
        with pytest.raises(UnreadableDefinitionError):
            definitions.definition(connection, "birth", 1)
