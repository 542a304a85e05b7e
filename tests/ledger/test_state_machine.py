"""One test, or more, for each row of the state machine in the design; the races have a module of their own."""

import pytest
from sqlalchemy import text

from simpul.ledger import timers, transaction, transitions, waves
from simpul.ledger.signals import Signal, receive
from simpul.ledger.transitions import ClosedError, UnknownApplicationError


def in_flight(world, service="birth", step="deed"):
    """An application in a wave with one request out."""
    number = world.file(service)
    wave = world.claim(service)
    world.enter(wave, step)
    world.relay()
    return number, wave


def waiting_for_payment(world):
    number, wave = in_flight(world, "passport", "bill")
    world.answer(number, "bill")
    world.enter(wave, "payment")
    world.relay()
    return number


def pay(world, signal="s1", reference="code"):
    with transaction(world.db) as connection:
        return receive(connection, [Signal(signal, "payment", "simponi", reference)], now=world.now)


def give_back(world, wave, result="success"):
    with transaction(world.db) as connection:
        return waves.give_back(connection, wave, result=result, strikes=3, now=world.now)


def test_claim_puts_runnable_applications_into_a_stored_wave(world):
    numbers = [world.file(), world.file()]
    wave = world.claim()
    assert [world.state(n) for n in numbers] == ["in_wave", "in_wave"]
    with transaction(world.db) as connection:
        (stored,) = waves.open_waves(connection)
    assert (stored.id, stored.state, stored.members) == (wave, "claimed", 2)


def test_claim_skips_rows_that_another_engine_holds(world):
    held, free = world.file(), world.file()
    with world.db.connect() as other:
        other.execute(text("SELECT 1 FROM application WHERE number = :n FOR UPDATE"), {"n": held})
        world.claim()
        assert world.state(free) == "in_wave"
        assert world.state(held) == "runnable"


def test_claim_takes_only_applications_with_the_same_next_step(world):
    first = world.file()
    second = world.file(next_step="card")
    world.claim()
    assert sorted([world.state(first), world.state(second)]) == ["in_wave", "runnable"]


def test_claim_takes_the_vulnerable_first(world):
    ordinary, vulnerable = world.file(), world.file(priority=1)
    world.claim(limit=1)
    assert (world.state(ordinary), world.state(vulnerable)) == ("runnable", "in_wave")


def test_one_who_waited_long_enough_goes_before_the_vulnerable(world):
    ordinary = world.file()
    world.turn(hours=3)
    vulnerable = world.file(priority=1)
    world.turn(hours=2)
    late = world.file(priority=1)
    for first in (vulnerable, ordinary, late):
        world.claim(limit=1)
        assert world.state(first) == "in_wave"


def test_enter_opens_a_step_and_boxes_its_request_once(world):
    number = world.file()
    wave = world.claim()
    assert world.enter(wave, "deed")
    assert world.enter(wave, "deed")
    assert len(world.row(number, "step_run")) == 1
    assert len(world.row(number, "outbox")) == 1


def test_enter_waits_for_the_outcomes_of_predecessors(world):
    number = world.file()
    wave = world.claim()
    world.enter(wave, "card")
    assert world.row(number, "step_run") == []


def test_enter_passes_over_a_step_that_has_an_outcome(world):
    number, wave = in_flight(world)
    world.answer(number, "deed")
    world.enter(wave, "deed")
    assert world.row(number, "outbox") == []


def test_enter_of_a_wave_that_the_ledger_does_not_know_says_so(world):
    assert world.enter("manual__2026", "deed") is False


def test_enter_leaves_out_an_application_with_a_pending_withdrawal(world):
    number, wave = in_flight(world)
    with transaction(world.db) as connection:
        transitions.request_withdrawal(connection, number, actor="citizen", now=world.now)
    world.enter(wave, "card")
    assert len(world.row(number, "step_run")) == 1


def test_outcome_is_stored_once_and_the_wave_goes_on(world):
    number, _ = in_flight(world)
    assert world.answer(number, "deed") == "in_wave"
    assert world.answer(number, "deed") is None
    assert world.outcomes(number) == {("deed", 1): "done"}
    assert world.actions(number).count("step.done") == 1


def test_outcome_makes_a_waiting_application_runnable(world):
    number, wave = in_flight(world)
    world.park(wave, "deed")
    assert world.answer(number, "deed") == "runnable"


def test_outcome_that_was_the_last_closes_the_application(world):
    number, wave = in_flight(world)
    world.answer(number, "deed")
    world.enter(wave, "card")
    world.enter(wave, "insured")
    world.relay()
    assert world.answer(number, "card") == "in_wave"
    assert world.answer(number, "insured") == "completed"
    assert world.row(number)[0].closed_at == world.now


def test_outcome_of_an_older_revision_is_an_event_only(world):
    world.by_hand = True
    number, _ = in_flight(world)
    world.answer(number, "deed")
    with transaction(world.db) as connection:
        connection.execute(text("UPDATE application SET revisions = '{\"deed\": 2}'"))
    world.answer(number, "deed", id="another")
    assert world.outcomes(number) == {("deed", 1): "done"}
    assert world.actions(number)[-1] == "outcome.late"


def test_outcome_rejected_closes_when_nothing_else_can_be_reached(world):
    number, _ = in_flight(world)
    assert world.answer(number, "deed", "rejected") == "rejected"
    assert world.row(number, "outcome")[0].reason["text"]["en"] == "not found"


def test_outcome_rejected_in_one_branch_lets_the_other_end(world):
    number, wave = in_flight(world)
    world.answer(number, "deed")
    world.enter(wave, "card")
    world.relay()
    assert world.answer(number, "card", "rejected") == "in_wave"
    world.enter(wave, "insured")
    world.relay()
    assert world.answer(number, "insured") == "rejected"


def test_outcome_failed_is_an_incident_with_its_diagnosis(world):
    number, _ = in_flight(world)
    assert world.answer(number, "deed", "failed") == "incident"
    assert world.incidents(number) == ["in_doubt"]


def test_park_lets_open_members_leave_the_wave_as_waiting(world):
    number, wave = in_flight(world)
    assert world.park(wave, "deed") == 1
    (row,) = world.row(number)
    assert (row.state, row.wave, row.waiting_for, row.since) == ("waiting", None, "agency:dukcapil", world.now)


def test_park_passes_over_a_member_whose_outcome_is_there(world):
    number, wave = in_flight(world)
    world.answer(number, "deed")
    assert world.park(wave, "deed") == 0
    assert world.state(number) == "in_wave"


def test_park_for_a_payment_passes_over_when_the_signal_is_there(world):
    number, wave = in_flight(world, "passport", "bill")
    world.answer(number, "bill")
    pay(world)
    world.enter(wave, "payment")
    world.relay()
    assert world.state(number) == "runnable"


def test_signal_makes_the_matching_application_runnable(world):
    number = waiting_for_payment(world)
    assert world.state(number) == "waiting"
    assert pay(world) == {"s1"}
    assert world.state(number) == "runnable"


def test_signal_that_comes_again_is_not_new(world):
    waiting_for_payment(world)
    assert pay(world) == {"s1"}
    assert pay(world) == set()


def test_signal_that_matches_nothing_is_kept(world):
    number = waiting_for_payment(world)
    pay(world, reference="someone else's")
    assert world.state(number) == "waiting"
    with world.db.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM signal WHERE consumed_at IS NULL")).scalar() == 1


def test_deadline_asks_the_agency_a_last_time_and_then_lapses(world):
    number = waiting_for_payment(world)
    world.turn(hours=3)
    with transaction(world.db) as connection:
        assert timers.deadlines(connection, now=world.now) == 1
    assert world.state(number) == "runnable"
    wave = world.claim("passport")
    world.enter(wave, "payment")
    world.relay()
    assert world.answer(number, "payment", "pending", ask=2) == "lapsed"
    assert world.outcomes(number)["payment", 1] == "lapsed"
    (told,) = [row.reason for row in world.row(number, "outcome") if row.step == "payment"]
    assert told["code"] == "NOT_IN_TIME"
    assert {"id", "en"} <= told["text"].keys()


def test_deadline_that_has_not_come_changes_nothing(world):
    number = waiting_for_payment(world)
    with transaction(world.db) as connection:
        assert timers.deadlines(connection, now=world.now) == 0
    assert world.state(number) == "waiting"


def test_answer_not_yet_lets_the_application_wait_again(world):
    number = waiting_for_payment(world)
    pay(world)
    wave = world.claim("passport")
    world.enter(wave, "payment")
    world.relay()
    assert world.answer(number, "payment", "pending", ask=2) == "waiting"


def test_wave_ended_makes_members_runnable_with_a_strike_if_nothing_was_learnt(world):
    number = world.file()
    wave = world.claim()
    assert give_back(world, wave) == [number]
    (row,) = world.row(number)
    assert (row.state, row.wave, row.strikes) == ("runnable", None, 1)


def test_wave_ended_after_news_gives_no_strike(world):
    number, wave = in_flight(world)
    world.answer(number, "deed")
    give_back(world, wave)
    (row,) = world.row(number)
    assert (row.state, row.strikes, row.next_step) == ("runnable", 0, "card")


def test_wave_ended_with_an_answer_outstanding_lets_the_member_wait_for_it(world):
    number, wave = in_flight(world)
    give_back(world, wave)
    assert world.state(number) == "waiting"
    assert world.answer(number, "deed") == "runnable"


def test_three_strikes_are_an_incident(world):
    number = world.file()
    for _ in range(3):
        give_back(world, world.claim())
    assert world.state(number) == "incident"
    assert world.incidents(number) == ["strikes"]


def test_after_a_failed_wave_members_travel_alone(world):
    numbers = [world.file() for _ in range(3)]
    give_back(world, world.claim(), "failed")
    world.claim()
    assert sorted(world.state(n) for n in numbers) == ["in_wave", "runnable", "runnable"]


def test_wave_that_airflow_refused_is_lost_without_a_strike(world):
    number = world.file()
    give_back(world, world.claim(), "refused")
    (row,) = world.row(number)
    assert (row.state, row.strikes) == ("runnable", 0)


def test_withdraw_takes_effect_at_once_when_nothing_is_in_flight(world):
    number = waiting_for_payment(world)
    with transaction(world.db) as connection:
        assert transitions.request_withdrawal(connection, number, actor="citizen", now=world.now) == "withdrawn"


def test_withdraw_waits_for_the_answer_in_flight(world):
    number, _ = in_flight(world)
    with transaction(world.db) as connection:
        assert transitions.request_withdrawal(connection, number, actor="citizen", now=world.now) == "in_wave"
    assert world.answer(number, "deed") == "withdrawn"
    assert world.outcomes(number) == {("deed", 1): "done"}


def test_withdraw_of_a_closed_application_is_refused(world):
    number, _ = in_flight(world)
    world.answer(number, "deed", "rejected")
    with transaction(world.db) as connection, pytest.raises(ClosedError):
        transitions.request_withdrawal(connection, number, actor="citizen", now=world.now)


def test_withdraw_of_an_unknown_application_is_refused(world):
    with transaction(world.db) as connection, pytest.raises(UnknownApplicationError):
        transitions.request_withdrawal(connection, "99260000000017", actor="citizen", now=world.now)


def test_amend_gives_the_changed_step_and_its_descendants_a_new_revision(world):
    number, wave = in_flight(world)
    world.answer(number, "deed")
    world.enter(wave, "card")
    world.relay()
    with transaction(world.db) as connection:
        transitions.request_amendment(connection, number, b"new form", actor="citizen", now=world.now)
        assert not transitions.amend(connection, number, ["deed"], actor="engine", now=world.now)
    world.answer(number, "card")
    with transaction(world.db) as connection:
        assert transitions.amend(connection, number, ["deed"], actor="engine", now=world.now)
    (row,) = world.row(number)
    assert row.revisions == {"deed": 2, "card": 2}
    assert (row.form, row.form_version, row.pending) == (b"new form", 2, None)
    give_back(world, wave)
    wave = world.claim()
    world.enter(wave, "deed")
    world.relay()
    world.answer(number, "deed", revision=2)
    assert world.outcomes(number) == {("deed", 1): "done", ("card", 1): "done", ("deed", 2): "done"}


def test_amend_that_changes_no_request_leaves_revisions_alone(world):
    number, _ = in_flight(world)
    world.answer(number, "deed")
    with transaction(world.db) as connection:
        transitions.request_amendment(connection, number, b"new form", actor="citizen", now=world.now)
        assert transitions.amend(connection, number, [], actor="engine", now=world.now)
    assert world.row(number)[0].revisions == {}


def test_close_waits_while_anything_is_in_flight(world):
    number, wave = in_flight(world)
    world.answer(number, "deed")
    world.enter(wave, "card")
    world.enter(wave, "insured")
    world.relay()
    world.answer(number, "card")
    assert world.state(number) == "in_wave"


def test_late_payment_after_close_is_an_event_and_an_incident(world):
    number = waiting_for_payment(world)
    with transaction(world.db) as connection:
        transitions.request_withdrawal(connection, number, actor="citizen", now=world.now)
    pay(world)
    assert world.state(number) == "withdrawn"
    assert "signal.late" in world.actions(number)
    assert world.incidents(number) == ["late_payment"]


def test_late_outcome_after_close_is_an_event_and_an_incident(world):
    number, _ = in_flight(world)
    world.answer(number, "deed", "rejected")
    world.answer(number, "deed", id="another")
    assert world.state(number) == "rejected"
    assert world.actions(number)[-2:] == ["outcome.late", "incident.opened"]
    assert world.incidents(number) == ["late_outcome"]


def test_an_answer_for_an_application_of_another_ledger_is_an_incident(world):
    from schemas.identifiers import application_number

    world.answer(application_number("98", 2026, 5), "deed")
    with world.db.connect() as connection:
        assert connection.execute(text("SELECT kind FROM incident")).scalars().all() == ["unknown_application"]


def test_a_notice_that_nobody_can_be_sent_is_skipped_and_the_application_goes_on(world):
    number, _ = in_flight(world, "notice", "told")
    assert world.answer(number, "told", "rejected") == "in_wave"
    assert world.outcomes(number) == {("told", 1): "skipped"}
    (skipped,) = [event for event in world.row(number, "event") if event.action == "step.skipped"]
    assert skipped.detail["reason"]["code"] == "13"
