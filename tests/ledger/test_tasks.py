"""What officers and citizens are asked, and what their answers and their silence come to."""

import json
from datetime import UTC, datetime

import pytest

from schemas.decisions import Decision
from schemas.messages import record_id, request_id
from simpul.engine.deadlines import Overdue
from simpul.ledger import tasks, timers, transaction, transitions
from simpul.ledger.tasks import NoSuchTaskError, Sealed
from simpul.worktime import read

REASON = {"code": "OFFICER", "text": {"id": "Tidak lengkap", "en": "Incomplete"}}


@pytest.fixture
def overdue(world):
    return Overdue(world.db, world.keys, world.clock, read())


def asked(world, step="check", service="permit"):
    """An application whose step is a task now."""
    number = world.file(service)
    wave = world.claim(service)
    world.enter(wave, "check")
    world.relay()
    if step == "paper":
        approve(world, number, "check")
        world.enter(world.claim("permit"), "paper")
        world.relay()
    return number


def task(world, number, step="check"):
    with transaction(world.db) as connection:
        return tasks.find(connection, number, step)


def approve(world, number, step="check"):
    with transaction(world.db) as connection:
        found = tasks.find(connection, number, step)
        request = request_id(found.subject, step, found.revision, found.ask)
        sealed = Sealed(request, "decision/1", b"sealed")
        return tasks.approve(connection, found, sealed, actor="counter-1", by="Officer One", now=world.now)


def test_an_application_waits_for_its_officer_outside_its_wave(world):
    number = asked(world)
    (row,) = world.row(number)
    assert (row.state, row.waiting_for, row.wave) == ("waiting", "officer:permits", None)
    # two working days from Monday 15:00 in Jakarta: when Wednesday's office closes
    assert row.until == datetime(2026, 3, 4, 9, tzinfo=UTC)
    with transaction(world.db) as connection:
        (found,) = tasks.listing(connection, groups=["permits"])
        assert (found.application, found.step, found.state) == (number, "check", "open")
        assert tasks.listing(connection, groups=["others"]) == []


def test_entering_again_asks_once(world):
    number = asked(world)
    assert len(world.row(number, "task")) == 1
    assert world.actions(number).count("task.opened") == 1


def test_a_yes_is_an_outcome_and_the_application_goes_on(world):
    number = asked(world)
    assert approve(world, number) == "runnable"
    assert world.outcomes(number) == {("check", 1): "done"}
    with pytest.raises(NoSuchTaskError):
        task(world, number)


def test_a_no_rejects_the_application_with_its_reason(world):
    number = asked(world)
    with transaction(world.db) as connection:
        found = tasks.find(connection, number, "check")
        assert tasks.reject(connection, found, REASON, actor="counter-1", by="Officer One", now=world.now) == "rejected"
    (outcome,) = world.row(number, "outcome")
    assert (outcome.outcome, outcome.reason) == ("rejected", REASON)


def test_what_is_missing_is_the_citizens_move_and_then_the_officers_again(world):
    number = asked(world)
    with transaction(world.db) as connection:
        found = tasks.find(connection, number, "check")
        tasks.return_to_citizen(
            connection, found, ["Surat tanah"], until=world.now, actor="counter-1", by="Officer One", now=world.now
        )
    (row,) = world.row(number)
    assert (row.state, row.waiting_for) == ("waiting", "citizen")
    assert task(world, number).asked == ("Surat tanah",)
    with transaction(world.db) as connection:
        tasks.supply(connection, task(world, number), b"sealed", until=None, actor="counter-1", now=world.now)
    (row,) = world.row(number)
    assert (row.state, row.waiting_for) == ("waiting", "officer:permits")


def test_a_task_that_nobody_answers_goes_to_the_supervisor_and_then_to_an_operator(world, overdue):
    number = asked(world)
    assert overdue.once() == 0
    world.turn(days=3)
    overdue.once()
    assert task(world, number).group == "permits.supervisor"
    assert world.row(number)[0].waiting_for == "officer:permits"
    world.turn(days=5)
    overdue.once()
    assert world.incidents(number) == ["overdue_task"]
    world.turn(days=30)
    assert overdue.once() == 0

    assert approve(world, number) == "runnable"
    assert world.row(number, "incident")[0].resolved_at


def test_silence_of_the_citizen_lapses(world, overdue):
    number = asked(world, "paper")
    assert world.row(number)[0].waiting_for == "citizen"
    world.turn(days=4)
    overdue.once()
    assert world.state(number) == "lapsed"
    assert world.row(number, "outcome")[-1].reason["code"] == "NOT_ANSWERED"


def test_silence_is_a_yes_where_the_law_says_so(world, overdue):
    number = asked(world, service="licence")
    found = task(world, number)
    world.turn(days=3)
    overdue.once()
    assert world.state(number) == "completed"
    assert world.outcomes(number) == {("check", 1): "done"}
    (outcome,) = world.row(number, "outcome")
    plain = world.keys.data_key(found.data_key, found.subject).open(
        bytes(outcome.record), record_id(outcome.request_id)
    )
    assert Decision.from_json(plain).decision == "deemed"
    assert json.loads(plain)["by"] is None


def test_the_deadlines_of_agencies_pass_tasks_over(world):
    number = asked(world)
    world.turn(days=10)
    with transaction(world.db) as connection:
        assert timers.deadlines(connection, now=world.now) == 0
    assert world.state(number) == "waiting"


def test_a_withdrawn_application_asks_nobody(world):
    number = asked(world)
    with transaction(world.db) as connection:
        assert transitions.request_withdrawal(connection, number, actor="counter-1", now=world.now) == "withdrawn"
        assert tasks.listing(connection, groups=None) == []
    with pytest.raises(NoSuchTaskError):
        task(world, number)


def test_an_amendment_asks_the_officer_anew(world):
    number = asked(world)
    with transaction(world.db) as connection:
        transitions.request_amendment(connection, number, b"new", actor="counter-1", now=world.now)
        assert transitions.amend(connection, number, ["check"], actor="engine", now=world.now)
        assert tasks.listing(connection, groups=None) == []
    assert world.state(number) == "runnable"
    world.enter(world.claim("permit"), "check")
    world.relay()
    assert task(world, number).revision == 2


def test_the_vulnerable_come_first_then_what_is_due_first(world):
    late = asked(world)
    world.turn(minutes=-60)
    first = asked(world)
    vulnerable = world.file("permit", priority=1)
    world.turn(days=1)
    world.enter(world.claim("permit"), "check")
    world.relay()
    with transaction(world.db) as connection:
        assert [found.application for found in tasks.listing(connection, groups=None)] == [vulnerable, late, first]
