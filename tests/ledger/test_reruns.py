"""A forced rerun: a step and what follows it start afresh, and no write happens twice unless somebody insists."""

from datetime import timedelta

import pytest

from simpul.ledger import incidents, reruns, transaction, transitions, waves
from simpul.ledger.incidents import Resolution
from simpul.ledger.reruns import CannotRerunError


def at_card(world, card=None):
    """The deed is done; the card is under way, or answered."""
    number = world.file()
    wave = world.claim()
    world.enter(wave, "deed")
    world.relay()
    world.answer(number, "deed")
    world.enter(wave, "card")
    world.relay()
    if card:
        world.answer(number, "card", card)
        with transaction(world.db) as connection:
            waves.give_back(connection, wave, result="success", strikes=3, now=world.now)
    return number


def rerun(world, number, step, *, force=False):
    with transaction(world.db) as connection:
        return reruns.rerun(
            connection, number, step, reason="the wrong child", force=force, actor="user:ops", now=world.now
        )


def test_a_plan_lists_the_writes_that_would_be_sent_again_and_changes_nothing(world):
    number = at_card(world, "done")
    with transaction(world.db) as connection:
        found = reruns.plan(connection, number, "deed")
    assert [(each.step, each.came_to, each.writes) for each in found.steps] == [
        ("deed", "done", True),
        ("card", "done", True),
    ]
    assert world.row(number)[0].revisions == {}


def test_a_rerun_that_would_send_a_write_again_is_refused_without_force(world):
    number = at_card(world, "done")
    with pytest.raises(CannotRerunError, match=r"deed \(dukcapil.register_birth, done\), card"):
        rerun(world, number, "deed")
    assert world.row(number)[0].revisions == {}


def test_a_doubtful_write_counts_as_one_that_took_effect(world):
    number = at_card(world, "failed")
    with pytest.raises(CannotRerunError, match="card"):
        rerun(world, number, "card")


@pytest.mark.parametrize("do", ["look_up", "reject"])
def test_a_doubtful_write_stays_one_whatever_an_operator_did_about_it(world, do):
    number = at_card(world, "failed")
    with transaction(world.db) as connection:
        incident = world.row(number, "incident")[0].id
        way = Resolution(do, "asked", told=incidents.told("tidak", "no"))
        incidents.resolve(connection, incident, way, actor="user:ops", now=world.now)
    with pytest.raises(CannotRerunError, match="card"):
        rerun(world, number, "card")


def test_a_write_that_the_agency_refused_may_be_sent_again(world):
    number = at_card(world, "rejected")
    assert rerun(world, number, "card")[0].writes == []


def test_a_forced_rerun_gives_the_step_and_its_descendants_a_new_revision_and_says_why(world):
    number = at_card(world, "done")
    found, state = rerun(world, number, "deed", force=True)
    assert ([each.step for each in found.writes], state) == (["deed", "card"], "runnable")
    assert world.row(number)[0].revisions == {"deed": 2, "card": 2}
    (told,) = [each for each in world.row(number, "event") if each.action == "application.rerun"]
    assert (told.detail["reason"], told.detail["writes"]) == ("the wrong child", ["deed", "card"])
    world.enter(world.claim(), "deed")
    world.relay()
    world.answer(number, "deed", revision=2)
    assert world.outcomes(number) == {("deed", 1): "done", ("card", 1): "done", ("deed", 2): "done"}


def test_a_rerun_of_a_failed_step_settles_its_incident(world):
    number = at_card(world, "failed")
    rerun(world, number, "card", force=True)
    assert world.row(number, "incident")[0].resolved_by == "user:ops"
    assert world.state(number) == "runnable"


def test_nothing_is_rerun_while_an_answer_is_outstanding(world):
    number = at_card(world)
    with pytest.raises(CannotRerunError, match="outstanding"):
        rerun(world, number, "deed", force=True)


def test_nothing_is_rerun_that_was_not_entered_or_does_not_exist(world):
    number = at_card(world, "done")
    for step, why in (("insured", "not entered"), ("nothing", "no step")):
        with pytest.raises(CannotRerunError, match=why):
            rerun(world, number, step, force=True)


def test_what_has_ended_stays_so(world):
    number = at_card(world, "done")
    with transaction(world.db) as connection:
        transitions.request_withdrawal(connection, number, actor="citizen", now=world.now)
    with pytest.raises(CannotRerunError, match="withdrawn"):
        rerun(world, number, "deed", force=True)


def test_many_are_found_by_service_state_and_date(world):
    old = world.file()
    world.enter(world.claim(), "deed")
    world.relay()
    world.answer(old, "deed", "failed")
    world.turn(days=1)
    new = world.file()
    with transaction(world.db) as connection:
        assert reruns.matching(connection, service="birth") == [old, new]
        assert reruns.matching(connection, service="birth", state="incident") == [old]
        assert reruns.matching(connection, service="birth", since=world.now - timedelta(hours=1)) == [new]
