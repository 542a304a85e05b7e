"""The dispatcher and the recovery against a real ledger; Airflow is a stand-in that answers as scripted.

The client itself is tested against a real Airflow in tests/workflow.
"""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import event

from simpul.engine.airflow_client import AirflowUnreachableError, DagMissing, Started, Unreachable
from simpul.engine.dispatcher import Dispatcher
from simpul.engine.recovery import Recovery
from simpul.ledger import definitions, dispatch, transaction, waves


class Airflow:
    """Remembers the runs it was asked for."""

    def __init__(self):
        self.runs = {}
        self.answer = Started()
        self.dag = "active"
        self.away = False

    def start(self, dag_id, wave):
        if isinstance(self.answer, Started):
            self.runs.setdefault(wave, "running")
        return self.answer

    def dag_state(self, dag_id):
        if self.away:
            raise AirflowUnreachableError("away")
        return self.dag

    def states(self, wanted):
        if self.away:
            raise AirflowUnreachableError("away")
        return {wave: self.runs.get(wave) for _, wave in wanted}


@pytest.fixture
def airflow():
    return Airflow()


@pytest.fixture
def dispatcher(world, airflow):
    return Dispatcher(world.db, airflow, world.clock, wave_size=100, in_flight=4, linger=0.5, strikes=3)


@pytest.fixture
def recovery(world, airflow):
    return Recovery(world.db, airflow, world.clock, lost_after=30, strikes=3)


def under_way(world):
    with transaction(world.db) as connection:
        return waves.open_waves(connection)


def test_an_idle_queue_starts_at_once_and_alone(world, airflow, dispatcher):
    number = world.file()
    dispatcher.once()
    assert world.state(number) == "in_wave"
    assert [wave.state for wave in under_way(world)] == ["started"]
    assert list(airflow.runs) == [wave.id for wave in under_way(world)]


def test_while_a_wave_is_under_way_the_next_ones_gather_for_a_moment(world, airflow, dispatcher):
    world.file()
    dispatcher.once()
    late = [world.file(), world.file()]
    dispatcher.once()
    assert [world.state(n) for n in late] == ["runnable", "runnable"]
    world.turn(seconds=1)
    dispatcher.once()
    assert [world.state(n) for n in late] == ["in_wave", "in_wave"]


def test_wave_size_grows_with_the_backlog():
    assert [waves.wave_size(n, 4, 500) for n in (1, 40, 150, 1200, 4000)] == [1, 40, 100, 300, 500]


def test_where_somebody_waited_long_each_wave_takes_what_it_can():
    waited = timedelta(minutes=1)
    assert [waves.wave_size(n, 4, 500, waited) for n in (0, 1, 150, 4000)] == [1, 1, 150, 500]


def many(world, service, number):
    """So many applications of a service wait, put there at once."""
    one = world.file(service)
    with transaction(world.db) as connection:
        connection.exec_driver_sql(
            """
            INSERT INTO application (number, subject, service, version, channel, state, next_step, since, data_key, form,
                                     traceparent, received_by, request_digest, received_at, turn_at)
            SELECT number || '-' || n, subject || n, service, version, channel, state, next_step, since, data_key, form,
                   traceparent, received_by, request_digest, received_at, turn_at
            FROM application, generate_series(2, %s) AS n WHERE number = %s
            """,
            (number, one),
        )


def test_ten_thousand_of_one_service_do_not_hold_up_one_of_another(world, airflow):
    world.by_hand = True
    dispatcher = Dispatcher(world.db, airflow, world.clock, wave_size=500, in_flight=4, in_all=3, linger=0.5, strikes=3)
    many(world, "birth", 10_000)
    world.turn(seconds=1)
    alone = world.file("passport")
    dispatcher.once()
    carried = {wave.id: (wave.service, wave.members) for wave in under_way(world)}
    # the passport is not the fifth, but the second
    assert [carried[wave] for wave in airflow.runs] == [("birth", 500), ("passport", 1), ("birth", 500)]
    assert world.state(alone) == "in_wave"
    # what is full for the many has room for the first of a third service, and for no more of the first
    third = world.file("licence")
    world.turn(seconds=1)
    dispatcher.once()
    assert world.state(third) == "in_wave"
    assert [wave.service for wave in under_way(world)].count("birth") == 2


def test_services_share_the_room_evenly(world, airflow):
    world.by_hand = True
    dispatcher = Dispatcher(world.db, airflow, world.clock, wave_size=10, in_flight=8, in_all=6, linger=0, strikes=3)
    for service, number in (("birth", 300), ("passport", 100), ("licence", 30)):
        many(world, service, number)
    dispatcher.once()
    assert Counter(wave.service for wave in under_way(world)) == {"birth": 2, "passport": 2, "licence": 2}


def test_no_more_waves_than_allowed_are_under_way(world, airflow, dispatcher):
    for _ in range(450):
        world.file()
    dispatcher.once()
    assert len(airflow.runs) == 4
    world.turn(seconds=1)
    dispatcher.once()
    assert len(airflow.runs) == 4
    assert len(under_way(world)) == 4


def test_the_queues_of_a_service_share_its_room(world, airflow, dispatcher):
    for step in ("deed", "card"):
        for _ in range(350):
            world.file(next_step=step)
    dispatcher.once()
    assert len(airflow.runs) == 4


def test_an_engine_that_died_before_telling_airflow_is_made_good(world, airflow, dispatcher):
    world.file()
    wave = world.claim()
    dispatcher.once()
    assert airflow.runs == {}
    world.turn(seconds=6)
    dispatcher.once()
    assert list(airflow.runs) == [wave]


def test_airflow_out_of_reach_leaves_the_wave_claimed_until_it_answers(world, airflow, dispatcher):
    number = world.file()
    airflow.answer = Unreachable("away")
    dispatcher.once()
    assert world.state(number) == "in_wave"
    airflow.answer = Started()
    world.turn(seconds=6)
    dispatcher.once()
    assert [wave.state for wave in under_way(world)] == ["started"]


def test_a_missing_dag_gives_the_wave_back_with_one_incident_for_the_service(world, airflow, dispatcher):
    number = world.file()
    airflow.answer = DagMissing()
    dispatcher.once()
    assert world.state(number) == "runnable"
    airflow.dag = "missing"
    for _ in range(3):
        world.turn(seconds=6)
        dispatcher.once()
    assert world.state(number) == "runnable"
    assert world.row(number)[0].strikes == 0
    with world.db.connect() as connection:
        from sqlalchemy import text

        assert connection.execute(text("SELECT service, kind FROM incident WHERE resolved_at IS NULL")).all() == [
            ("birth", "dag")
        ]
    airflow.dag, airflow.answer = "active", Started()
    world.turn(seconds=6)
    dispatcher.once()
    assert world.state(number) == "in_wave"


def test_a_paused_dag_is_shown_and_nothing_is_dispatched(world, airflow, dispatcher):
    number = world.file()
    airflow.dag = "paused"
    dispatcher.once()
    assert world.state(number) == "runnable"
    with transaction(world.db) as connection:
        assert dispatch.states(connection) == {("birth", 1): "paused"}


def test_an_ended_run_gives_its_members_back(world, airflow, dispatcher, recovery):
    number = world.file()
    dispatcher.once()
    (wave,) = airflow.runs
    airflow.runs[wave] = "success"
    recovery.once()
    assert (world.state(number), under_way(world)) == ("runnable", [])


def test_a_run_not_found_twice_gives_its_wave_back(world, airflow, dispatcher, recovery):
    number = world.file()
    dispatcher.once()
    airflow.runs.clear()
    recovery.once()
    world.turn(seconds=29)
    recovery.once()
    assert world.state(number) == "in_wave"
    world.turn(seconds=2)
    recovery.once()
    assert world.state(number) == "runnable"


def test_a_run_found_again_is_forgiven(world, airflow, dispatcher, recovery):
    number = world.file()
    dispatcher.once()
    runs = dict(airflow.runs)
    airflow.runs.clear()
    recovery.once()
    airflow.runs.update(runs)
    recovery.once()
    airflow.runs.clear()
    world.turn(seconds=31)
    recovery.once()
    assert world.state(number) == "in_wave"


def test_airflow_out_of_reach_is_never_taken_for_vanished(world, airflow, dispatcher, recovery):
    number = world.file()
    dispatcher.once()
    airflow.away = True
    for _ in range(5):
        world.turn(minutes=1)
        recovery.once()
    assert world.state(number) == "in_wave"


def test_a_run_that_vanished_with_its_dag_keeps_its_wave_until_the_dag_is_back(world, airflow, dispatcher, recovery):
    number = world.file()
    dispatcher.once()
    airflow.runs.clear()
    airflow.dag = "missing"
    for _ in range(3):
        recovery.once()
        world.turn(minutes=1)
    assert world.state(number) == "in_wave"
    airflow.dag = "active"
    recovery.once()
    assert world.state(number) == "runnable"


def test_a_long_queue_starves_no_service_with_a_single_application(world, airflow, dispatcher):
    for _ in range(450):
        world.file()
    single = world.file("permit")
    dispatcher.once()
    assert world.state(single) == "in_wave"
    # The long queue's room is full and stays full; who comes then is served all the same.
    late = world.file("licence")
    for _ in range(3):
        world.turn(seconds=1)
        dispatcher.once()
    assert world.state(late) == "in_wave"
    assert sum(wave.service == "birth" for wave in under_way(world)) == 4


def test_services_that_nobody_applied_for_cost_the_dispatcher_nothing(world, airflow, dispatcher):
    statements = []
    event.listen(world.db, "before_cursor_execute", lambda *given: statements.append(given[2]))

    def asked():
        statements.clear()
        dispatcher.once()
        return len(statements)

    before = asked()
    with transaction(world.db) as connection:
        birth = definitions.definition(connection, "birth", 1)
        for number in range(200):
            idle = birth.model_copy(update={"service": f"catalogue_{number}"})
            definitions.publish(connection, idle, actor="test", now=world.now)
    assert asked() == before
