"""What took effect for an application that ended in nothing is undone: the last first, once, and what cannot be is an incident."""

import base64
import json
from pathlib import Path

import pytest

from connectors import catalogue
from schemas.messages import OutcomeData, outcome_id, record_id, request_id
from schemas.text import Text
from simpul.definition import Definition, StepDefinition
from simpul.engine.compensations import Compensator
from simpul.engine.relay import Relay
from simpul.ledger import definitions, incidents, transaction, transitions
from simpul.ledger.incidents import CannotResolveError, Resolution
from simpul.ledger.projection import Answer, project
from simpul.ledger.queries import status, timeline
from simpul.ledger.story import tell
from tests.engine.test_relay_and_amender import Producer, with_form
from tests.ledger.conftest import SERVICES, World

ROOT = Path(__file__).parents[2]
COMPENSATION = Definition.model_validate_json((ROOT / "dags" / "published" / "compensation.json").read_bytes())
STEPS = {
    "intent": ("simkah.register_intent", {"husband_nik": "form.nkk"}),
    "verified": ("simkah.verify_intent", {"registration_number": "intent.registration_number"}),
    "permit": ("dpmptsp.register_permit", {"nib": "form.nkk"}),
    "told": ("notify.send", {}),
    "registered": ("dukcapil.register_marriage", {"husband_nik": "form.nkk"}),
    "booked": ("imigrasi.book_biometrics", {"number": "form.nkk"}),
    "last": ("dukcapil.get_person", {"nik": "form.nkk"}),
}
RECORDS = {
    "intent": {"registration_number": "KUA99-1"},
    "verified": {"registration_number": "KUA99-1"},
    "permit": {"registration": "P-1"},
}


def _wedding() -> Definition:
    before: tuple[str, ...] = ()
    steps = []
    for name, (operation, request) in STEPS.items():
        steps.append(StepDefinition(name=name, kind="agency", operation=operation, request=request, after=before))
        before = (name,)
    return Definition(
        service="wedding",
        version=1,
        title="Wedding",
        standard="7 days",
        owner="simkah",
        form={"type": "object"},
        steps=tuple(steps),
    )


WEDDING = _wedding()


@pytest.fixture
def hall(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The ledger with a workflow of several writes, and the one that undoes."""
    for each in (WEDDING, COMPENSATION):
        monkeypatch.setitem(SERVICES, each.service, each)
        with transaction(world.db) as connection:
            definitions.publish(connection, each, actor="test", now=world.now)
    return world


def answered(world, number, step, came_to="done", *, service="wedding", ask=1, times=1, code="NO"):
    """A step's answer, as its gateway publishes it."""
    (row,) = world.row(number)
    request = request_id(row.subject, step, 1, ask)
    key = world.keys.data_key(bytes(row.data_key), row.subject)
    sealed = key.seal(json.dumps(RECORDS.get(step, {})).encode(), record_id(request))
    called = row.calls[step]["operation"] if row.calls else SERVICES[service].by_name[step].operation
    data = OutcomeData(
        request_id=request,
        operation=called,
        step=step,
        revision=1,
        ask=ask,
        reference="R",
        outcome=came_to,
        record_schema="x.v1" if came_to == "done" else None,
        payload=base64.b64encode(sealed).decode() if came_to == "done" else None,
        reason={"code": code, "text": Text(id="Ditolak.", en="Refused.")} if came_to == "rejected" else None,
        failure={"kind": "in_doubt", "code": "x", "diagnosis": Text(id="ragu", en="doubt"), "owner": "us"}
        if came_to == "failed"
        else None,
        tries=1,
    )
    for _ in range(times):
        with transaction(world.db) as connection:
            project(connection, [Answer(id=outcome_id(request), subject=row.subject, data=data)], now=world.now)


def carried(world, until, came_to="done"):
    """An application whose steps are done up to one, which comes to something."""
    number = world.file("wedding")
    with_form(world, number, {"nkk": "A-1"})
    wave = world.claim("wedding")
    for step in STEPS:
        world.enter(wave, step)
        world.relay()
        answered(world, number, step, came_to if step == until else "done")
        if step == until:
            return number
    raise AssertionError(until)


def compensator(world):
    return Compensator(world.db, world.keys, world.clock, "98")


def undoing(world, number):
    """The number of the application that undoes another; None where there is none."""
    found = [each for each in world.numbers() if world.row(each)[0].undoes == number]
    assert len(found) < 2
    return found[0] if found else None


def next_request(world, wave, step):
    """Enters a step of a compensation; its operation and its request in clear, None where nothing is sent."""
    producer = Producer()
    world.enter(wave, step)
    Relay(world.db, producer, world.keys, world.clock, "/test").once()
    if not producer.sent:
        return None
    ((_, envelope),) = producer.sent
    key = world.keys.data_key(base64.b64decode(envelope.datakey), envelope.subject)
    return envelope.data["operation"], json.loads(key.open(base64.b64decode(envelope.data["payload"]), envelope.id))


def started(world, until="last"):
    """A rejected application and its compensation, whose first step is in flight."""
    number = carried(world, until, "rejected")
    compensator(world).once()
    by = undoing(world, number)
    wave = world.claim("compensation")
    next_request(world, wave, "undo_1")
    return number, by, wave


def test_what_took_effect_before_a_rejection_is_undone_the_last_first(hall):
    number = carried(hall, "registered", "rejected")
    assert compensator(hall).once() == 1
    by, wave = undoing(hall, number), hall.claim("compensation")

    assert hall.row(by)[0].service == "compensation"
    assert next_request(hall, wave, "undo_2") is None, "the first comes first"
    assert next_request(hall, wave, "undo_1") == (
        "dpmptsp.withdraw_permit",
        {"registration": "P-1", "reason": "Permohonan tidak dilanjutkan"},
    )
    answered(hall, by, "undo_1")
    # The verification and the intent are undone by the same request, so by one.
    assert next_request(hall, wave, "undo_2") == ("simkah.cancel_intent", {"registration_number": "KUA99-1"})
    answered(hall, by, "undo_2")
    assert next_request(hall, wave, "undo_3") is None
    assert hall.state(by) == "completed"
    assert hall.incidents(number) == hall.incidents(by) == []


def test_its_story_says_that_it_was_undone_and_by_what(hall):
    number, by, wave = started(hall, "registered")
    answered(hall, by, "undo_1")
    next_request(hall, wave, "undo_2")
    answered(hall, by, "undo_2")

    told = [each for each in hall.row(number, "event") if each.action.startswith("compensation.")]
    assert [(each.action, each.step, each.operation) for each in sorted(told, key=lambda each: each.sequence)] == [
        ("compensation.started", None, None),
        ("compensation.undone", "permit", "dpmptsp.withdraw_permit"),
        ("compensation.undone", "verified", "simkah.cancel_intent"),
        ("compensation.undone", "intent", "simkah.cancel_intent"),
        ("compensation.completed", None, None),
    ]
    assert all(each.detail["by"] == by for each in told)
    with transaction(hall.db) as connection:
        lines = tell(timeline(connection, number))
        shown = status(connection, by)
    assert any("permit (dpmptsp.withdraw_permit)" in line.about for line in lines)
    assert [step.name for step in shown.steps] == ["undo_1", "undo_2"]


def test_a_compensation_is_filed_once_however_often_its_application_ends(hall):
    number = carried(hall, "registered", "rejected")
    answered(hall, number, "registered", "rejected", times=2)
    assert [compensator(hall).once() for _ in range(3)] == [1, 0, 0]
    assert undoing(hall, number)
    assert len(hall.row(number, "compensation")) == 1


def test_an_end_that_is_rolled_back_leaves_nothing_to_undo(hall):
    number = carried(hall, "permit")
    with hall.db.connect() as connection:
        transitions.request_withdrawal(connection, number, actor="citizen", now=hall.now)
        connection.rollback()
    assert compensator(hall).once() == 0
    with transaction(hall.db) as connection:
        transitions.request_withdrawal(connection, number, actor="citizen", now=hall.now)
    assert compensator(hall).once() == 1


def test_a_withdrawal_after_a_write_undoes_it(hall):
    number = carried(hall, "intent")
    with transaction(hall.db) as connection:
        assert transitions.request_withdrawal(connection, number, actor="citizen", now=hall.now) == "withdrawn"
    compensator(hall).once()
    assert hall.row(undoing(hall, number))[0].calls == {
        "undo_1": {"operation": "simkah.cancel_intent", "steps": ["intent"]}
    }


def test_nothing_is_undone_where_nothing_took_effect(hall):
    rejected = carried(hall, "intent", "rejected")
    assert compensator(hall).once() == 0
    assert hall.incidents(rejected) == []


def test_a_write_that_nothing_undoes_is_an_incident_that_names_agency_and_operation(hall):
    number = carried(hall, "last", "rejected")
    (incident,) = hall.row(number, "incident")
    assert (incident.kind, incident.agency, incident.step) == ("uncompensated", "dukcapil", "registered")
    for language in ("id", "en"):
        assert "dukcapil.register_marriage" in incident.diagnosis[language]
    with transaction(hall.db) as connection:
        assert incidents.known(connection, incident.id).may == ["note"]


def test_what_was_asked_for_is_built_again_where_the_record_does_not_know_it(hall):
    number = carried(hall, "last", "rejected")
    compensator(hall).once()
    wave = hall.claim("compensation")
    assert next_request(hall, wave, "undo_1") == ("imigrasi.cancel_application", {"number": "A-1"})
    assert undoing(hall, number)


def test_what_cannot_be_built_is_an_incident_and_the_rest_is_undone(hall, monkeypatch):
    monkeypatch.setitem(RECORDS, "permit", {"registration": None})
    number = carried(hall, "registered", "rejected")
    compensator(hall).once()
    assert [(each.kind, each.step) for each in hall.row(number, "incident")] == [("uncompensated", "permit")]
    calls = hall.row(undoing(hall, number))[0].calls
    assert [call["steps"] for call in calls.values()] == [["verified", "intent"]]


def test_a_write_of_which_nobody_knows_is_an_incident_when_its_application_ends(hall):
    number = carried(hall, "intent", "failed")
    with transaction(hall.db) as connection:
        transitions.request_withdrawal(connection, number, actor="citizen", now=hall.now)
    assert sorted(hall.incidents(number)) == ["in_doubt", "uncompensated"]
    assert compensator(hall).once() == 0


def test_an_agency_that_refuses_to_undo_is_an_incident_and_an_operator_goes_on_with_the_rest(hall):
    number, by, _ = started(hall)
    answered(hall, by, "undo_1", "rejected", times=2)
    assert (hall.state(by), hall.incidents(by)) == ("incident", ["uncompensated"])
    assert "compensation.refused" in hall.actions(number)
    (incident,) = hall.row(by, "incident")
    assert "Refused." in incident.diagnosis["en"]
    with transaction(hall.db) as connection:
        assert incidents.known(connection, incident.id).may == ["look_up", "skip", "note"]
        with pytest.raises(CannotResolveError):
            incidents.resolve(connection, incident.id, Resolution("withdraw", "no"), actor="ops", now=hall.now)
        how = Resolution("skip", "undone by telephone")
        assert incidents.resolve(connection, incident.id, how, actor="ops", now=hall.now) == "runnable"
    assert hall.outcomes(by) == {("undo_1", 1): "skipped"}
    assert next_request(hall, hall.claim("compensation"), "undo_2")[0] == "dpmptsp.withdraw_permit"


def test_what_has_ended_by_itself_needs_no_undoing_and_no_operator(hall):
    _, by, wave = started(hall)
    answered(hall, by, "undo_1", "rejected", code="21")
    assert (hall.outcomes(by), hall.incidents(by)) == ({("undo_1", 1): "skipped"}, [])
    assert next_request(hall, wave, "undo_2")[0] == "dpmptsp.withdraw_permit"


def test_an_undoing_in_doubt_is_looked_up_like_any_write(hall):
    _, by, _ = started(hall)
    answered(hall, by, "undo_1", "failed")
    assert hall.incidents(by) == ["in_doubt"]
    (incident,) = hall.row(by, "incident")
    with transaction(hall.db) as connection:
        known = incidents.known(connection, incident.id)
        assert (known.operation, known.effect, known.sent) == ("imigrasi.cancel_application", "write", True)
        incidents.resolve(connection, incident.id, Resolution("look_up", "asked"), actor="ops", now=hall.now)
    assert next_request(hall, hall.claim("compensation"), "undo_1")[0] == "imigrasi.cancel_application"
    answered(hall, by, "undo_1", ask=2)
    assert hall.outcomes(by) == {("undo_1", 1): "done"}


def test_an_undoing_whose_agency_is_away_waits_for_it(hall):
    _, by, wave = started(hall)
    assert hall.park(wave, "undo_1") == 1
    assert hall.row(by)[0].waiting_for == "agency:imigrasi"


def test_a_compensation_is_not_withdrawn(hall):
    _, by, _ = started(hall)
    with pytest.raises(transitions.ClosedError), transaction(hall.db) as connection:
        transitions.request_withdrawal(connection, by, actor="citizen", now=hall.now)


def test_every_workflow_fits_into_a_compensation():
    for file in (ROOT / "dags" / "published").glob("*.json"):
        called = [step.operation for step in Definition.model_validate_json(file.read_bytes()).steps]
        undone = [operation for operation in called if operation and catalogue.load()[operation]["compensate"]]
        assert len(undone) <= len(COMPENSATION.steps), file.name
