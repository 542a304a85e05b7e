"""Service standards run out: whom it is told, once, and what stops or moves their clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from simpul.engine.deadlines import Overdue
from simpul.engine.standards import Standards
from simpul.ledger import definitions, intake, standards, tasks, timers, transaction
from simpul.ledger.attempts import Attempts
from simpul.worktime import SHIPPED, Living, read

CALENDAR = read()


def engine(world, calendar=lambda: CALENDAR, share=0.8):
    return Standards(world.db, world.clock, calendar, share=share)


def look(world, by=None):
    """Until nothing is left to look at."""
    by = by or engine(world)
    while by.once():
        pass


def row(world, number):
    (found,) = world.row(number)
    return found


def told(world, number):
    with transaction(world.db) as connection:
        found = standards.told(connection, number, calendar=CALENDAR, share=0.8, now=world.now)
    assert found is not None
    return found


def standards_of(world, number):
    return [action for action in world.actions(number) if action.startswith("standard.")]


def at_an_agency(world):
    """An application whose first step is at its agency."""
    number = world.file()
    wave = world.claim()
    world.enter(wave, "deed")
    world.relay()
    world.park(wave, "deed")
    return number


def asked(world, service="permit"):
    """An application whose step is an officer's task."""
    number = world.file(service)
    world.enter(world.claim(service), "check")
    world.relay()
    return number


def unpaid(world):
    """An application that waits for its payment."""
    number = world.file("passport")
    wave = world.claim("passport")
    world.enter(wave, "bill")
    world.relay()
    world.answer(number, "bill")
    world.enter(wave, "payment")
    world.relay()
    assert row(world, number).waiting_for == "payment"
    return number


def test_the_standard_is_due_after_weekends_and_holidays(world):
    # Thursday before Nyepi at 10:00; Nyepi is that very Thursday, and the weekend is Idulfitri
    world.clock.turn(datetime(2026, 3, 18, 3, tzinfo=UTC) - world.now)
    number = world.file()
    look(world)
    found = row(world, number)
    assert found.standard == "3 working days"
    assert found.due_at == datetime(2026, 3, 24, 9, tzinfo=UTC)
    # of six hours on the 18th and three days of eight, four fifths: 24 of 30
    assert found.standard_at == datetime(2026, 3, 24, 3, tzinfo=UTC)


def test_filing_stores_when_it_is_due(world):
    with transaction(world.db) as connection:
        birth = definitions.definition(connection, "birth", 1)
        promised = standards.at_filing(birth.standard, CALENDAR, share=0.8, now=world.now)
        filed = intake.Intake(birth, "counter", {}, "test", f"00-{'1' * 32}-{'2' * 16}-01", standing=promised)
        number = intake.file(connection, filed, world.keys, world.clock, "99").number
    stored = row(world, number)
    assert stored.due_at == datetime(2026, 3, 5, 9, tzinfo=UTC)
    with transaction(world.db) as connection:
        connection.exec_driver_sql("UPDATE application SET due_by = ''")
    look(world)
    counted = row(world, number)
    for name in ("standard", "due_at", "standard_at", "due_by"):
        assert getattr(stored, name) == getattr(counted, name)


def test_a_warning_and_a_breach_are_told_once_each_whichever_engine_is_restarted(world):
    number = at_an_agency(world)
    first, second = engine(world), engine(world)
    look(world, first)
    world.turn(days=2, hours=3)  # Wednesday 18:00: 17 of 25 hours are used
    look(world, second)
    assert standards_of(world, number) == []
    world.turn(hours=18)  # Thursday noon: 21 of 25
    for each in (first, second, engine(world)):
        look(world, each)
    assert standards_of(world, number) == ["standard.warning"]
    assert world.incidents(number) == []
    world.turn(hours=4, minutes=1)
    for each in (second, first, engine(world)):
        look(world, each)
    assert standards_of(world, number) == ["standard.warning", "standard.breached"]
    assert world.incidents(number) == ["standard_breached"]
    (incident,) = world.row(number, "incident")
    assert (incident.owner, incident.agency, incident.step) == ("agency", "dukcapil", "deed")
    assert row(world, number).standard_at is None


def test_what_one_engine_looks_at_another_passes_over(world):
    at_an_agency(world)
    facts = {"calendar": CALENDAR, "share": 0.8, "now": world.now}
    with transaction(world.db) as first, transaction(world.db) as second:
        assert standards.look(first, **facts) == 1
        assert standards.look(second, **facts) == 0


def test_a_breach_with_officers_calls_their_supervisor_and_leaves_the_tasks_deadline(world):
    number = asked(world)
    with transaction(world.db) as connection:
        before = tasks.find(connection, number, "check")
    world.turn(days=8)
    look(world)
    with transaction(world.db) as connection:
        task = tasks.find(connection, number, "check")
    assert (task.group, task.until) == ("permits.supervisor", before.until)
    assert world.incidents(number) == []
    assert world.actions(number).count("task.escalated") == 1
    (breach,) = [e for e in world.row(number, "event") if e.action == "standard.breached"]
    assert breach.detail["whose"] == "officer"


def test_silence_that_counts_as_a_yes_still_does_after_the_breach(world):
    number = asked(world, "licence")
    world.turn(days=8)
    look(world)
    Overdue(world.db, world.keys, world.clock, CALENDAR).once()
    assert world.state(number) == "completed"


def test_the_clock_stands_still_while_the_payment_is_awaited_and_due_moves(world):
    number = unpaid(world)
    look(world)
    due = row(world, number).due_at
    assert due == datetime(2026, 3, 6, 9, tzinfo=UTC)  # four working days: Friday
    world.turn(days=7)
    look(world)
    assert standards_of(world, number) == []
    assert row(world, number).standard_at is None, "nothing can happen before it is paid"
    with transaction(world.db) as connection:
        connection.exec_driver_sql("UPDATE step_run SET until = %s WHERE step = 'payment'", (world.now,))
        timers.deadlines(connection, now=world.now)
    assert row(world, number).standard_at == world.now, "looked at at once, now that it goes on"
    look(world)
    assert row(world, number).due_at == due + timedelta(days=7)
    found = told(world, number)
    assert found.standing.used == timedelta()
    assert found.parts["payment"] == (timedelta(days=7), timedelta(hours=40))


def test_due_moves_while_an_officer_has_sent_it_back_to_the_citizen(world):
    number = asked(world)
    look(world)
    due = row(world, number).due_at
    world.clock.turn(datetime(2026, 3, 3, 1, tzinfo=UTC) - world.now)
    with transaction(world.db) as connection:
        task = tasks.find(connection, number, "check")
        tasks.return_to_citizen(connection, task, ["KTP"], until=None, actor="c", by="Officer One", now=world.now)
    world.turn(days=1)
    with transaction(world.db) as connection:
        tasks.supply(connection, tasks.find(connection, number, "check"), b"x", until=None, actor="c", now=world.now)
    look(world)
    assert row(world, number).due_at == due + timedelta(days=1)


def test_a_breach_during_an_outage_is_charged_to_the_outage(world):
    number = at_an_agency(world)
    switch = Attempts(world.url, "dukcapil", owner="g", lease=timedelta(seconds=10))
    switch.show_circuit("closed", now=world.now)
    world.turn(days=1)
    switch.show_circuit("open", now=world.now)
    world.turn(days=1)
    switch.show_circuit("probing", now=world.now)
    switch.show_circuit("open", now=world.now)
    world.turn(days=3)
    look(world)
    (incident,) = world.row(number, "incident")
    assert (incident.kind, incident.owner, incident.agency) == ("standard_breached", "network", "dukcapil")
    (breach,) = [e for e in world.row(number, "event") if e.action == "standard.breached"]
    assert breach.detail["whose"] == "outage"
    # Monday 15:00 to Tuesday 15:00 with the agency, then away until Saturday 15:00
    assert breach.detail["worked_seconds"] == {"agency:dukcapil": 8 * 3600, "outage": 25 * 3600}
    switch.show_circuit("closed", now=world.now)
    assert told(world, number).elapsed.owner == "outage"
    world.turn(minutes=1)
    assert told(world, number).elapsed.owner == "agency:dukcapil"


def test_an_operator_edits_the_calendar_and_open_applications_are_due_anew(world, tmp_path: Path):
    path = tmp_path / "calendar.toml"
    path.write_text(SHIPPED.read_text())
    by = engine(world, Living(path).now)
    number = at_an_agency(world)
    look(world, by)
    due = row(world, number).due_at
    path.write_text(SHIPPED.read_text() + '2026-03-03 = "Libur daerah"\n')
    look(world, by)
    assert row(world, number).due_at == due + timedelta(days=1)
    path.write_text(SHIPPED.read_text())
    look(world, engine(world, Living(path).now))
    assert row(world, number).due_at == due


def test_an_end_after_the_standard_is_a_breach_and_settles_its_incident(world):
    number = at_an_agency(world)
    look(world)
    world.turn(days=9)
    # no engine looked before the agency's no
    world.answer(number, "deed", "rejected")
    assert world.state(number) == "rejected"
    look(world)
    assert standards_of(world, number) == ["standard.warning", "standard.breached"]
    assert world.incidents(number) == [], "nobody can do anything about it"

    other = at_an_agency(world)
    look(world)
    world.turn(days=9)
    look(world)
    world.answer(other, "deed", "rejected")
    look(world)
    (incident,) = world.row(other, "incident")
    assert incident.resolved_by == "engine"


def test_a_standard_kept_to_the_end_is_never_looked_at_again(world):
    number = at_an_agency(world)
    look(world)
    world.answer(number, "deed", "rejected")
    found = row(world, number)
    assert (found.standard_at, found.warned_at, found.breached_at) == (None, None, None)
    assert found.due_at is not None


def test_a_service_that_promises_nothing_countable_has_no_due_date(world):
    number = world.file(standard="segera")
    assert standards.at_filing("segera", CALENDAR, share=0.8, now=world.now) is None
    look(world)
    assert row(world, number).due_at is None
