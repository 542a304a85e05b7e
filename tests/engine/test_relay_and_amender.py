"""One application's trouble does not hold up its neighbours, on the way out and when a form is changed."""

import json

from sqlalchemy import text

from simpul.engine import requests
from simpul.engine.amendments import Amender
from simpul.engine.relay import Relay
from simpul.ledger import definitions, intake, transaction, transitions


class Producer:
    """Takes everything; refuses, in `flush`, what a broker would."""

    def __init__(self):
        self.sent = []

    def send(self, topic, key, envelope):
        assert len(envelope.to_bytes()) < 1_000_000, "larger than the broker takes"
        self.sent.append((topic, envelope))

    def flush(self):
        pass


def relay(world, monkeypatch):
    facts = {"purpose": "test", "legal_basis": None}
    names = ("dukcapil.register_birth", "simponi.create_bill")
    monkeypatch.setattr(requests, "_operations", lambda: dict.fromkeys(names, facts))
    return Relay(world.db, Producer(), world.keys, world.clock, "/test")


def with_form(world, number, form):
    (row,) = world.row(number)
    key = world.keys.data_key(bytes(row.data_key), row.subject)
    with transaction(world.db) as connection:
        connection.execute(
            text("UPDATE application SET form = :form WHERE number = :number"),
            {"form": key.seal(json.dumps(form).encode(), "form:1"), "number": number},
        )


def entered(world, service, step):
    number = world.file(service)
    world.enter(world.claim(service), step)
    return number


def state_of(world, number):
    return world.row(number, "step_run")[0].state


def test_a_request_larger_than_a_message_is_an_incident_and_its_neighbour_goes_out(world, monkeypatch):
    large, small = world.file(), world.file()
    with_form(world, large, {"nkk": "1" * 900_000})
    world.enter(world.claim(), "deed")
    assert relay(world, monkeypatch).once() == 2
    assert (state_of(world, large), state_of(world, small)) == ("failed", "in_flight")
    assert world.incidents(large) == ["bad_request"]


def test_a_workflow_that_this_engine_cannot_read_does_not_hold_up_the_others(world, monkeypatch):
    birth, passport = entered(world, "birth", "deed"), entered(world, "passport", "bill")
    monkeypatch.setattr(definitions, "_CACHE", {})
    with transaction(world.db) as connection:
        connection.execute(text("""UPDATE definition SET body = body || '{"novelty": 1}' WHERE service = 'birth'"""))
    made = relay(world, monkeypatch)
    assert made.once() == 1
    assert made.once() == 0
    assert (state_of(world, birth), state_of(world, passport)) == ("open", "in_flight")
    with transaction(world.db) as connection:
        connection.execute(text("UPDATE definition SET body = body - 'novelty' WHERE service = 'birth'"))
    world.turn(minutes=1)
    assert made.once() == 1
    assert state_of(world, birth) == "in_flight"


def test_an_amendment_that_does_not_open_is_dropped_with_an_incident_and_the_next_takes_effect(world):
    bad, good = world.file(), world.file()
    with transaction(world.db) as connection:
        transitions.request_amendment(connection, bad, b"not sealed by us", actor="citizen", now=world.now)
        intake.amend(connection, good, {"nkk": "2", "enrol": True}, world.keys, actor="citizen", now=world.now)
    assert Amender(world.db, world.keys, world.clock).once() == 1
    assert [world.row(number)[0].pending for number in (bad, good)] == [None, None]
    assert [world.row(number)[0].form_version for number in (bad, good)] == [1, 2]
    assert world.incidents(bad) == ["amendment"]
