"""The races of the state machine: two parties act on one application at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from simpul.ledger import transaction
from simpul.ledger.cases import load
from simpul.ledger.signals import Signal, receive


def until_blocked(world, count=1):
    """Wait until so many sessions wait for a lock."""
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    for _ in range(1000):
        with world.db.connect() as connection:
            if connection.execute(blocked).scalar() >= count:
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits for a lock")


def in_flight(world):
    number = world.file()
    wave = world.claim()
    world.enter(wave, "deed")
    world.relay()
    return number, wave


def test_payment_before_the_application_waits_for_it_counts(world):
    number = world.file("passport")
    with transaction(world.db) as connection:
        receive(connection, [Signal("s1", "payment", "simponi", "code")], now=world.now)
    wave = world.claim("passport")
    world.enter(wave, "bill")
    world.relay()
    world.answer(number, "bill")
    world.enter(wave, "payment")
    world.relay()
    assert world.state(number) == "runnable"
    wave = world.claim("passport")
    world.enter(wave, "payment")
    world.relay()
    assert world.answer(number, "payment", ask=2) == "completed"


def test_payment_while_the_agency_is_being_asked_counts(world):
    number = world.file("passport")
    wave = world.claim("passport")
    world.enter(wave, "bill")
    world.relay()
    world.answer(number, "bill")
    world.enter(wave, "payment")
    world.relay()
    world.turn(hours=3)
    with transaction(world.db) as connection:
        from simpul.ledger import timers

        timers.deadlines(connection, now=world.now)
    wave = world.claim("passport")
    world.enter(wave, "payment")
    world.relay()
    with transaction(world.db) as connection:
        receive(connection, [Signal("s1", "payment", "simponi", "code")], now=world.now)
    assert world.state(number) == "in_wave"
    assert world.answer(number, "payment", ask=2) == "completed"


def test_outcome_between_park_and_dispatch_is_not_lost(world):
    """The projector holds the row while the step parks: whoever comes second sees what the first did."""
    world.by_hand = True
    number, wave = in_flight(world)
    with ThreadPoolExecutor() as pool:
        with world.db.begin() as projector:
            load(projector, [number])
            parked = pool.submit(world.park, wave, "deed")
            until_blocked(world)
            projector.execute(text("UPDATE step_run SET state = 'closed'"))
        assert parked.result(timeout=30) == 0
    assert world.state(number) == "in_wave"


def test_outcome_that_comes_while_its_step_parks_makes_the_application_runnable(world):
    world.by_hand = True
    number, wave = in_flight(world)
    with ThreadPoolExecutor() as pool:
        with world.db.begin() as driver:
            load(driver, [number])
            answered = pool.submit(world.answer, number, "deed")
            until_blocked(world)
            driver.execute(
                text("UPDATE application SET state = 'waiting', wave = NULL, waiting_for = 'agency:dukcapil'")
            )
        assert answered.result(timeout=30) == "runnable"
    assert world.state(number) == "runnable"
    assert world.park(wave, "deed") == 0


def test_two_drivers_on_one_wave_open_a_step_once(world):
    numbers = [world.file() for _ in range(20)]
    wave = world.claim()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: world.enter(wave, "deed"), range(4)))
    assert world.relay() == ["deed"] * 20
    for number in numbers:
        assert world.actions(number).count("step.entered") == 1


def test_two_drivers_on_one_wave_after_it_was_given_back_do_no_harm(world):
    """The run is marked failed in Airflow while its trigger lives on and drives the old wave."""
    from simpul.ledger import waves

    number, old = in_flight(world)
    with transaction(world.db) as connection:
        waves.give_back(connection, old, result="failed", strikes=3, now=world.now)
    world.answer(number, "deed")
    new = world.claim()
    assert world.enter(old, "card")
    assert world.park(old, "card") == 0
    assert world.row(number, "outbox") == []
    world.enter(new, "card")
    assert len(world.row(number, "outbox")) == 1
    assert world.state(number) == "in_wave"


def test_a_signal_and_the_park_it_belongs_to_meet_whoever_is_first(world):
    numbers = []
    for _ in range(8):
        number = world.file("passport")
        wave = world.claim("passport")
        world.enter(wave, "bill")
        world.relay()
        world.answer(number, "bill")
        world.enter(wave, "payment")
        numbers.append(number)

    def pay(_):
        with transaction(world.db) as connection:
            receive(connection, [Signal("s1", "payment", "simponi", "code")], now=world.now)

    with ThreadPoolExecutor(2) as pool:
        parked, paid = pool.submit(world.relay), pool.submit(pay, None)
        parked.result(timeout=30)
        paid.result(timeout=30)
    # all eight share the test's one reference: the signal called at least one of them back, and nobody is in limbo
    states = [world.state(number) for number in numbers]
    assert "runnable" in states
    assert set(states) <= {"runnable", "waiting"}
