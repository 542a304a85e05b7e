"""What operators do about incidents: a step is asked again, looked up, rejected or withdrawn; nothing is written twice."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from schemas.messages import Failure
from schemas.text import Text
from simpul.ledger import incidents, outbox, transaction, waves
from simpul.ledger.attempts import Attempts
from simpul.ledger.incidents import CannotResolveError, Resolution, UnknownIncidentError
from simpul.ledger.transitions import Incident, open_incidents

TOLD = {"code": "OPERATOR", "text": {"id": "Data tidak ditemukan", "en": "No such data"}}


def doubtful(world, step="deed"):
    """A write of which nobody knows whether it happened."""
    number = world.file()
    wave = world.claim()
    world.enter(wave, step)
    world.relay()
    world.answer(number, step, "failed")
    return number


def unbuilt(world):
    """A write whose request could not be built, so that nothing was sent."""
    number = world.file()
    world.enter(world.claim(), "deed")
    with transaction(world.db) as connection:
        (due,) = outbox.take(connection, 1)
        outbox.fail(connection, due, {"id": "x", "en": "x"}, now=world.now)
    return number


def the_incident(world, number):
    return world.row(number, "incident")[0].id


def resolve(world, number, do, **how):
    with transaction(world.db) as connection:
        return incidents.resolve(
            connection,
            the_incident(world, number),
            Resolution(do, "asked by telephone", **how),
            actor="ops",
            now=world.now,
        )


def taken_again(world, step="deed"):
    world.enter(world.claim(), step)
    with transaction(world.db) as connection:
        (due,) = outbox.take(connection, 10)
    world.relay()
    return due


def test_open_incidents_are_listed_by_what_they_are_about(world):
    number = doubtful(world)
    with transaction(world.db) as connection:
        open_incidents(
            connection, [Incident("drift", {"id": "x", "en": "x"}, agency="djp")], actor="engine", now=world.now
        )
        assert [each.kind for each in incidents.listing(connection)] == ["in_doubt", "drift"]
        assert [each.application for each in incidents.listing(connection, agency="dukcapil")] == [number]
        assert [each.kind for each in incidents.listing(connection, kind="drift")] == ["drift"]
        assert incidents.listing(connection, service="passport") == []


def test_an_incident_shows_what_is_known_and_what_may_be_done(world):
    number = doubtful(world)
    with transaction(world.db) as connection:
        known = incidents.known(connection, the_incident(world, number))
    assert (known.operation, known.effect, known.sent, known.reference) == (
        "dukcapil.register_birth",
        "write",
        True,
        "R",
    )
    assert known.may == ["look_up", "reject", "withdraw", "note"]
    assert [each.action for each in known.events][-2:] == ["application.incident", "incident.opened"]


def test_a_doubtful_write_is_looked_up_before_anything_is_sent(world):
    number = doubtful(world)
    assert resolve(world, number, "look_up") == "runnable"
    due = taken_again(world)
    assert (due.ask, due.revision, due.look_up) == (2, 1, True)
    world.answer(number, "deed", ask=2)
    assert world.outcomes(number) == {("deed", 1): "done"}
    assert "incident.resolved" in world.actions(number)
    assert world.row(number, "incident")[0].resolved_by == "ops"


def test_a_doubtful_write_is_sent_again_only_by_force(world):
    number = doubtful(world)
    with pytest.raises(CannotResolveError, match="may have happened"):
        resolve(world, number, "retry")
    assert world.state(number) == "incident"
    assert resolve(world, number, "retry", force=True) == "runnable"
    assert taken_again(world).look_up is False
    (told,) = [each for each in world.row(number, "event") if each.action == "incident.resolved"]
    assert (told.detail["did"], told.detail["force"], told.detail["reason"]) == ("retry", True, "asked by telephone")


def test_what_was_never_sent_is_simply_asked_again(world):
    number = unbuilt(world)
    with pytest.raises(CannotResolveError, match="nothing of it was sent"):
        resolve(world, number, "look_up")
    assert resolve(world, number, "retry") == "runnable"
    assert taken_again(world).ask == 2


def test_a_no_that_the_agency_gave_by_telephone_is_the_steps_outcome(world):
    number = doubtful(world)
    assert resolve(world, number, "reject", told=TOLD) == "rejected"
    assert world.outcomes(number) == {("deed", 1): "rejected"}
    assert world.row(number, "outcome")[0].reason == TOLD


def test_an_incident_may_end_in_a_withdrawal(world):
    number = doubtful(world)
    assert resolve(world, number, "withdraw") == "withdrawn"


def test_a_note_leaves_an_incident_open_while_it_holds_the_application_up(world):
    number = doubtful(world)
    assert resolve(world, number, "note") == "incident"
    assert world.row(number, "incident")[0].resolved_at is None
    assert world.actions(number)[-1] == "incident.noted"


def test_a_note_resolves_what_holds_nothing_up(world):
    number = doubtful(world)
    resolve(world, number, "reject", told=TOLD)
    world.answer(number, "deed", id="another")
    late = world.row(number, "incident")[-1]
    assert late.kind == "late_outcome"
    with transaction(world.db) as connection:
        with pytest.raises(CannotResolveError, match="holds up no step"):
            incidents.resolve(connection, late.id, Resolution("retry", "why"), actor="ops", now=world.now)
        incidents.resolve(connection, late.id, Resolution("note", "checked"), actor="ops", now=world.now)
    assert all(each.resolved_at for each in world.row(number, "incident"))


def test_a_note_does_not_settle_that_an_agency_is_turned_off(world):
    attempts = Attempts(world.url, "djp", "test", timedelta(seconds=30))
    refused = Failure(kind="misconfigured", code="LOGIN", diagnosis=Text(id="x", en="x"), owner="us")
    attempts.stop(refused, now=world.now)
    for still_open in (1, 0):
        with transaction(world.db) as connection:
            found = incidents.listing(connection, agency="djp")
            assert len(found) == 1
            incidents.resolve(connection, found[0].id, Resolution("note", "called them"), actor="ops", now=world.now)
            assert len(incidents.listing(connection, agency="djp")) == still_open
        with transaction(world.db) as connection:
            connection.execute(text("UPDATE agency SET state = 'running' WHERE agency = 'djp'"))
    attempts.close()


def test_an_application_that_was_struck_out_goes_on_again(world):
    number = world.file()
    for _ in range(3):
        with transaction(world.db) as connection:
            waves.give_back(connection, world.claim(), result="success", strikes=3, now=world.now)
    assert resolve(world, number, "retry") == "runnable"
    assert world.claim() is not None


def test_an_incident_is_resolved_once(world):
    number = doubtful(world)
    resolve(world, number, "look_up")
    with pytest.raises(CannotResolveError, match="resolved before, by ops"):
        resolve(world, number, "look_up")


def test_an_unknown_incident_is_named_as_such(world):
    with transaction(world.db) as connection, pytest.raises(UnknownIncidentError):
        incidents.known(connection, 404)
