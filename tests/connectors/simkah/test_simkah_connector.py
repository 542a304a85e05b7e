"""The KUA: what an intended marriage needs, what it costs, when it lapses, and its book."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import SecretStr, ValidationError

from connectors import sandbox_app
from connectors.simkah import mapping, sandbox, verdicts, wire
from connectors.simkah.connector import Simkah
from connectors.simkah.requests import IntentRegistration
from connectors.toolkit import errors
from connectors.toolkit.examples import Scene

AGENCY = "simkah"
MONDAY = datetime(2026, 11, 2, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def clock():
    return [MONDAY]


@pytest.fixture(scope="module")
def server(clock):
    with sandbox_app.running([AGENCY], clock=lambda: clock[0]) as running:
        yield running


@pytest.fixture
def scene(server, clock):
    clock[0] = MONDAY
    server.app.agencies[AGENCY].reset()
    server.app.world.reset()
    with Simkah(server.settings(AGENCY)) as connector:
        yield Scene(connector, server.app.world, 2)


@pytest.fixture
def intent(scene):
    return dict(sandbox.EXAMPLES["register_intent"](scene))


def refused(ask, code):
    with pytest.raises(errors.Rejected) as caught:
        ask()
    assert caught.value.code == code


def test_every_operation_has_an_example_and_every_write_is_found_by_our_reference(scene):
    for number, (name, operation) in enumerate(Simkah.operations().items()):
        one = Scene(scene.connector, scene.world, number)
        request = operation.request.model_validate(sandbox.EXAMPLES[name](one))
        record = operation.invoke(scene.connector, request, f"R/{name}")

        assert type(record) is operation.record
        if operation.effect == "write":
            assert operation.look_up(scene.connector, request, f"R/{name}") == record
            assert operation.look_up(scene.connector, request, "R/OTHER") is None


def test_an_intent_is_registered_verified_held_and_in_the_book(scene):
    record = scene.call("record_ceremony", sandbox.EXAMPLES["record_ceremony"](scene))

    assert scene.call("get_marriage_book", {"book_number": record.number}) == record.model_copy(
        update={"reference": None}
    )
    assert (record.kind, record.married_on) == ("book", date(2026, 11, 2))


@pytest.mark.parametrize(
    ("changed", "fee"),
    [
        ({}, 0),
        ({"ceremony_at": "2026-11-21T09:00:00+07:00"}, 600_000),
        ({"ceremony_at": "2026-11-20T19:00:00+07:00"}, 600_000),
        ({"venue": "outside", "address": "Jalan Contoh 1"}, 600_000),
    ],
)
def test_a_ceremony_is_free_only_at_the_office_in_its_hours(scene, intent, changed, fee):
    record = scene.call("register_intent", {**intent, **changed})

    assert record.fee == Decimal(fee)
    assert (record.status, record.verify_by) == ("registered", date(2026, 11, 23))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"forms": ["N1", "N2"]}, "BERKAS"),
        ({"forms": ["N2", "N4", "N5"]}, "BERKAS"),
        ({"ceremony_at": "2026-11-13T09:00:00+07:00", "dispensation_number": None}, "WAKTU"),
        ({"ceremony_at": "2026-11-01T09:00:00+07:00"}, "WAKTU"),
        ({"husband_nik": "9999990101909999"}, "404"),
    ],
)
def test_an_intent_that_does_not_meet_the_regulation_is_refused(scene, intent, changed, code):
    refused(lambda: scene.call("register_intent", {**intent, **changed}), code)


def test_ten_working_days_ahead_no_dispensation_is_needed(scene, intent):
    later = {"ceremony_at": "2026-11-16T09:00:00+07:00", "dispensation_number": None}

    assert scene.call("register_intent", {**intent, **later}).fee == 0


def test_who_is_too_young_or_bound_is_refused(scene, intent):
    people = scene.world.population
    boy = next(c for i in range(100) for c in people.family(i).children if c.sex == "male" and c.birth_date.year > 2010)
    refused(lambda: scene.call("register_intent", {**intent, "husband_nik": boy.nik}), "USIA")
    refused(lambda: scene.call("register_intent", {**intent, "husband_nik": scene.family.father.nik}), "KAWIN")
    number = scene.call("register_intent", intent).registration_number
    refused(lambda: scene.call("register_intent", intent), "KAWIN")

    scene.call("cancel_intent", {"registration_number": number})

    assert scene.call("register_intent", intent).status == "registered"


def test_parents_consent_is_needed_for_who_is_under_21(scene, intent):
    without = {**intent, "forms": ["N1", "N2", "N3"]}
    refused(lambda: scene.call("register_intent", without), "BERKAS")

    grown_up = {**without, "ceremony_at": "2031-11-03T09:00:00+07:00"}
    assert scene.call("register_intent", grown_up).status == "registered"


def test_an_intent_that_nobody_verified_lapses_after_fifteen_working_days(scene, intent, clock):
    number = scene.call("register_intent", intent).registration_number
    clock[0] = MONDAY + timedelta(days=22)

    refused(lambda: scene.call("verify_intent", {"registration_number": number}), "STATUS")
    refused(lambda: scene.call("cancel_intent", {"registration_number": number}), "STATUS")


def test_a_ceremony_is_recorded_when_verified_paid_and_held(scene, intent):
    number = scene.call(
        "register_intent", {**intent, "venue": "outside", "address": "Jalan Contoh 1"}
    ).registration_number
    held = {"registration_number": number, "held_on": "2026-11-02", "witnesses": ["Satu", "Dua"]}

    refused(lambda: scene.call("record_ceremony", held), "STATUS")
    scene.call("verify_intent", {"registration_number": number})
    refused(lambda: scene.call("record_ceremony", held), "BIAYA")
    refused(lambda: scene.call("record_ceremony", {**held, "held_on": "2026-11-03", "ntpn": "X"}), "TANGGAL")
    scene.call("record_ceremony", {**held, "ntpn": "X"})
    refused(lambda: scene.call("record_ceremony", {**held, "ntpn": "X"}), "STATUS")
    refused(lambda: scene.call("cancel_intent", {"registration_number": number}), "STATUS")


def test_the_same_sent_twice_happens_twice_and_shows_in_the_counts(server, scene, intent):
    for _ in range(2):
        scene.call("register_intent", intent, "R-1")

    assert server.app.agencies[AGENCY].writes["register_intent"] == {"R-1": 2}


def test_a_wrong_key_stops_the_connector(server, scene):
    settings = server.settings(AGENCY).model_copy(update={"api_key": SecretStr("guess")})
    with Simkah(settings) as other, pytest.raises(errors.Misconfigured):
        Scene(other, scene.world, 0).call("get_marriage_book", {"book_number": "X"})


def test_a_ceremony_outside_needs_an_address(intent):
    with pytest.raises(ValidationError, match="address"):
        IntentRegistration.model_validate({**intent, "venue": "outside"})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"status": 401}, errors.Misconfigured),
        ({"status": "400"}, errors.BadData),
        ({"status": 422, "kode": "???"}, errors.BadData),
        ({"status": "422", "kode": "USIA"}, errors.Rejected),
        ({"status": 200}, type(None)),
    ],
)
def test_refusals_are_named_by_what_to_do_next(body, kind):
    assert type(verdicts.refusal(wire.Envelope.model_validate(body))) is kind


@pytest.mark.parametrize("data", [None, [], {}, {"referensi": "R", "status": "?"}, {"referensi": "OTHER"}])
def test_an_answer_that_is_none_is_bad_data(data):
    with pytest.raises(errors.BadData):
        mapping.intent(data, "R")
