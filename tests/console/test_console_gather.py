"""Fetching what the citizen would bring on paper: asked, agreed to, refused, agreed to at the counter."""

import pytest
from sqlalchemy import text

from schemas.civil import Family, Person
from simpul.definition import Definition, StepDefinition, Want
from tests.console.office import Office

NKK, NIK = "9974010101900002", "9974014101900001"
PERMIT = Definition(
    service="permit",
    version=1,
    title="Izin",
    standard="1 working day",
    owner="dpmptsp",
    form={"type": "object", "properties": {"nkk": {"type": "string"}}},
    steps=(
        StepDefinition(
            name="family_consent",
            kind="citizen",
            request={},
            consent="family",
            within="5 working days",
            overdue="lapse",
            wants=(
                Want(name="agreed", title="Setuju Kartu Keluarga diambil langsung dari dukcapil", kind="yes_no"),
                Want(name="paper", title="Kartu Keluarga (bila tidak setuju)", kind="paper", required=False),
            ),
        ),
        StepDefinition(
            name="family",
            kind="agency",
            operation="dukcapil.get_family",
            request={"nkk": "form.nkk"},
            when="family_consent.answers.agreed",
            after=("family_consent",),
            title="Kartu Keluarga",
        ),
    ),
)


@pytest.fixture
def office(configuration, engine, clock, client):
    return Office(configuration, engine, clock, PERMIT)


def asked(office, file, **more):
    number = file({"nkk": NKK}, service="permit", **more).json()["number"]
    assert office.drive("family_consent") == 1
    return number


def answered(client, number, **answers):
    return client.post(f"/v1/applications/{number}/answers", json={"step": "family_consent", "answers": answers})


def consents(engine):
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM event WHERE action LIKE 'consent.%' ORDER BY sequence")).all()
    return [(each.action, each.operation, each.actor) for each in rows]


def test_the_citizen_is_asked_what_is_fetched_from_whom_and_why_before_anything_is(office, file, client):
    number = asked(office, file)
    waiting = client.get(f"/v1/applications/{number}").json()["waiting"]
    assert waiting["what"] == "citizen"
    assert [want["name"] for want in waiting["wants"]] == ["agreed", "paper"]
    assert waiting["consent"]["operation"] == "dukcapil.get_family"
    assert waiting["consent"]["purpose"]
    assert office.requests(number) == {}


def test_who_agrees_has_it_fetched_and_is_shown_what_came(office, file, client, engine, key):
    number = asked(office, file)
    assert answered(client, number, agreed=True).status_code == 200
    assert office.drive("family") == 1
    assert office.requests(number) == {"dukcapil.get_family": {"nkk": NKK}}
    assert consents(engine) == [("consent.given", "dukcapil.get_family", "counter-1")]
    office.answer(number, "family", "dukcapil.get_family", Family(nkk=NKK, members=[Person(nik=NIK, name="Contoh")]))
    assert client.get(f"/v1/applications/{number}").json()["state"] == "completed"
    (shown,) = client.get(f"/v1/gathered/{number}").json()["gathered"]
    assert (shown["step"], shown["record"]["members"][0]["name"]) == ("family", "Contoh")
    with engine.connect() as connection:
        viewed = connection.execute(text("SELECT detail FROM event WHERE action = 'record.viewed'")).scalars().all()
    assert viewed == [{"steps": ["family"]}]
    other = client.get(f"/v1/gathered/{number}", headers={"X-API-Key": key("other", "intake")})
    assert other.status_code == 403


def test_who_refuses_brings_the_paper_and_nothing_is_fetched(office, file, client, engine):
    number = asked(office, file)
    refused = answered(client, number, agreed=False)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/answers/paper"]
    assert consents(engine) == []
    assert answered(client, number, agreed=False, paper="KK.pdf").status_code == 200
    assert office.drive("family") == 1
    assert office.requests(number) == {}
    assert consents(engine) == [("consent.refused", "dukcapil.get_family", "counter-1")]
    status = client.get(f"/v1/applications/{number}").json()
    assert status["state"] == "completed"
    assert [step["outcome"] for step in status["steps"]] == ["done", "skipped"]
    assert client.get(f"/v1/gathered/{number}").json() == {"gathered": []}


def test_consent_given_at_the_counter_needs_no_further_question(office, file, client, engine):
    number = asked(office, file, consents=["family"])
    status = client.get(f"/v1/applications/{number}").json()
    assert (status["state"], status["steps"][0]["outcome"]) == ("in_wave", "done")
    assert office.drive("family") == 1
    assert office.requests(number) == {"dukcapil.get_family": {"nkk": NKK}}
    assert consents(engine) == [("consent.given", "dukcapil.get_family", "counter-1")]


def test_a_consent_that_is_not_asked_for_is_refused_with_those_that_are(office, file):
    answer = file({"nkk": NKK}, service="permit", consents=["famly"])
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == "/consents"
    assert error["message"]["en"].endswith("asked for: family")
    assert "famly" not in answer.text


def test_a_repeat_with_the_same_consents_is_the_same_application(office, file):
    assert file({"nkk": NKK}, service="permit", consents=["family"], idempotency="k").status_code == 201
    assert file({"nkk": NKK}, service="permit", consents=["family"], idempotency="k").status_code == 200
    assert file({"nkk": NKK}, service="permit", idempotency="k").status_code == 409
