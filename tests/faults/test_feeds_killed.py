"""A feed's gateway dies by kill -9 again and again while residents change: each change stands once on its topic."""

import base64
import itertools
import random
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from datetime import date

import psycopg
import pytest

from connectors import sandbox_app
from schemas.civil import Person
from schemas.envelope import Envelope
from tests.gateway.conftest import AGENCY, Bench, until

pytestmark = [pytest.mark.faults, pytest.mark.kafka, pytest.mark.timeout(600)]

KILLS = 6
TOPIC = "records.person"
WAITING = "SELECT 1 FROM pg_locks WHERE relation = 'feed_seen'::regclass AND NOT granted"


@pytest.fixture
def offset(tmp_path, monkeypatch):
    """Turns the clock of every process that is started: the next pull is due at once."""
    path, seconds = tmp_path / "offset", itertools.count(0, 400)
    monkeypatch.setenv("SIMPUL_CLOCK_OFFSET_FILE", str(path))

    def turn():
        # put there whole: nobody reads half a number
        (tmp_path / "next").write_text(str(next(seconds)))
        (tmp_path / "next").replace(path)

    turn()
    return turn


@pytest.fixture
def bench(database_url, kafka, settings):
    with ExitStack() as cleanup:
        sandbox = cleanup.enter_context(sandbox_app.running([AGENCY]))
        yield Bench(settings(), sandbox, cleanup)


def happen(world, number):
    """Something in a family's life: a death, a birth, a move of all on the card."""
    family = world.population.family(number)
    if number % 3 == 0:
        world.died(family.father)
    elif number % 3 == 1:
        world.born(family, name=f"Anak {number}", sex="female", birth_date=date(2026, 1, 5), place="Kota Uji")
    else:
        world.moved(family.nkk, replace(family.address, street=f"Jalan Baru {number}"))


def told(bench):
    """The serials that stand on the topic, each as often as it does; each record opens and is of whom it says."""
    niks = {event.serial: event.nik for event in bench.sandbox.app.world.life}
    found = Counter()
    for message in bench.messages(TOPIC):
        envelope = Envelope.from_bytes(message.value)
        key = bench.settings.keys.data_key(base64.b64decode(envelope.datakey), envelope.subject)
        record = Person.from_json(key.open(base64.b64decode(envelope.data["payload"]), envelope.id))
        serial = int(envelope.id.rpartition(":")[2])
        assert record.nik == niks[serial]
        found[serial] += 1
    return found


def test_each_change_of_a_resident_is_told_once_although_the_gateway_is_killed_again_and_again(bench, offset):
    world = bench.sandbox.app.world
    chance = random.Random(3)
    over, numbers = threading.Event(), itertools.count()

    def live():
        while not over.wait(0.2):
            happen(world, next(numbers))
            offset()

    life = threading.Thread(target=live)
    life.start()
    kills_under_way = 0
    try:
        for number in range(KILLS):
            with ExitStack() as held:
                if number % 2:
                    # Nothing can be settled: the page is on the topic, and the ledger does not know.
                    locking = held.enter_context(psycopg.connect(bench.settings.database_url))
                    locking.execute("LOCK TABLE feed_seen IN SHARE ROW EXCLUSIVE MODE")
                    gateway = bench.process(feed_page=7)
                    until(lambda: bench.rows(WAITING), 120)
                else:
                    gateway = bench.process(feed_page=7)
                    until(lambda: bench.rows("SELECT 1 FROM feed WHERE under_way IS NOT NULL"), 120)
                    time.sleep(chance.uniform(0, 0.05))
                gateway.kill()
                gateway.wait(20)
            (feed,) = bench.rows("SELECT under_way FROM feed WHERE agency = %s", AGENCY)
            kills_under_way += feed["under_way"] is not None
    finally:
        over.set()
        life.join()

    gateway = bench.process(feed_page=7)
    changes = {event.serial for event in world.life}

    def caught_up():
        offset()
        return set(told(bench)) == changes

    until(caught_up, 180)
    until(lambda: bench.rows("SELECT 1 FROM feed WHERE cursor = %s AND under_way IS NULL", str(max(changes))), 60)
    assert told(bench) == Counter(dict.fromkeys(changes, 1))
    (feed,) = bench.rows("SELECT published FROM feed WHERE agency = %s", AGENCY)
    assert feed["published"] == len(changes)
    assert kills_under_way >= KILLS // 2
