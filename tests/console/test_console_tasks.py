"""/v1/tasks and /v1/applications/{number}/answers: what officers decide and citizens answer."""

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from simpul.definition import Definition, StepDefinition, Want
from simpul.ledger import definitions, outbox, queries, transaction
from simpul.ledger.drive import Driver

PERMIT = Definition(
    service="permit",
    version=1,
    title="Izin",
    standard="5 working days",
    owner="dpmptsp",
    form={"type": "object", "required": ["nik"], "properties": {"nik": {"type": "string"}}},
    steps=(
        StepDefinition(
            name="check",
            kind="officer",
            request={},
            group="permits",
            within="2 working days",
            overdue="escalate",
            title="Pemeriksaan",
            wants=(Want(name="visited", title="Tanggal kunjungan", kind="date"),),
        ),
        StepDefinition(
            name="sign",
            kind="officer",
            request={},
            group="heads",
            within="1 working day",
            overdue="escalate",
            four_eyes=True,
            after=("check",),
        ),
        StepDefinition(
            name="paper",
            kind="citizen",
            request={},
            within="3 days",
            overdue="lapse",
            wants=(
                Want(name="letter", title="Surat", kind="paper"),
                Want(name="date", title="Tanggal", kind="date", required=False),
            ),
            after=("sign",),
        ),
    ),
)
OFFICER = {"by": "Officer One"}
VISITED = {"visited": "2026-03-02"}


@pytest.fixture
def published(engine):
    with transaction(engine) as connection:
        definitions.publish(connection, PERMIT, actor="user:test", now=datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture
def step(engine, database_url, clock, configuration):
    """Lets a wave carry the application to its next step, as engine and triggerer do."""
    import asyncio

    from simpul.ledger import waves
    from simpul.worktime import read

    def go(name):
        with transaction(engine) as connection:
            (queue,) = waves.queues(connection)
            wave = waves.claim(connection, queue, limit=10, now=clock.now())

        async def enter():
            driver = Driver(database_url, clock)
            await driver.enter(wave.id, name)
            await driver.close()

        asyncio.run(enter())
        spec = PERMIT.by_name[name]
        with transaction(engine) as connection:
            for due in outbox.take(connection, 10):
                until = read().after(clock.now(), spec.within)
                outbox.ask_people(
                    connection, due, kind=spec.kind, group=spec.group or "citizen", until=until, now=clock.now()
                )

    return go


@pytest.fixture
def officer(anonymous, key):
    return TestClient(anonymous.app, headers={"X-API-Key": key("officers", "decide")}, raise_server_exceptions=False)


@pytest.fixture
def number(client, step):
    filed = client.post(
        "/v1/applications", json={"service": "permit", "channel": "counter", "form": {"nik": "9974014101900001"}}
    )
    step("check")
    return filed.json()["number"]


def decide(officer, number, step="check", **body):
    return officer.post(f"/v1/tasks/{number}/{step}/decision", json=OFFICER | body)


def test_an_officer_sees_the_tasks_and_decides(officer, number):
    (task,) = officer.get("/v1/tasks").json()["tasks"]
    assert (task["number"], task["step"], task["group"], task["service_title"]) == (number, "check", "permits", "Izin")

    decided = decide(officer, number, decision="approve", findings=VISITED)
    assert (decided.status_code, decided.json()["state"]) == (200, "runnable")
    assert officer.get("/v1/tasks").json()["tasks"] == []
    assert decide(officer, number, decision="approve", findings=VISITED).status_code == 404


def test_who_looks_at_the_data_is_an_event(officer, number, engine):
    shown = officer.get(f"/v1/tasks/{number}/check", params=OFFICER).json()
    assert shown["form"] == {"nik": "9974014101900001"}
    assert shown["wants"][0]["title"] == "Tanggal kunjungan"
    with transaction(engine) as connection:
        looked = [event for event in queries.timeline(connection, number) if event.action == "task.viewed"]
    assert [(event.actor, event.detail["by"], event.purpose) for event in looked] == [
        ("officers", "Officer One", "decision")
    ]


def test_nobody_looks_without_saying_who(officer, number):
    assert officer.get(f"/v1/tasks/{number}/check").status_code == 422


def test_a_refusal_reaches_the_citizen_with_its_reason(officer, client, number):
    reason = {"id": "Tanah bersengketa", "en": "The land is disputed"}
    assert decide(officer, number, decision="reject", reason=reason).json()["state"] == "rejected"
    shown = client.get(f"/v1/applications/{number}").json()
    assert shown["steps"][0]["reason"]["text"] == reason


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"decision": "reject"}, "/reason"),
        ({"decision": "return"}, "/missing"),
        ({"decision": "approve"}, "/findings/visited"),
        ({"decision": "approve", "findings": {"visited": "yesterday"}}, "/findings/visited"),
        ({"decision": "approve", "findings": VISITED | {"9974014101900001": 1}}, "/findings/*"),
        ({"decision": "perhaps"}, "/decision"),
    ],
)
def test_a_decision_that_does_not_fit_names_the_field_and_never_the_value(officer, number, body, pointer):
    refused = decide(officer, number, **body)
    assert refused.status_code == 422
    assert pointer in str(refused.json())
    assert "9974014101900001" not in refused.text
    assert "yesterday" not in refused.text


def test_what_is_missing_goes_to_the_citizen_and_comes_back_supplied(officer, client, number):
    assert decide(officer, number, decision="return", missing=["Surat tanah"]).status_code == 200
    shown = client.get(f"/v1/applications/{number}").json()["waiting"]
    assert (shown["what"], shown["whom"], shown["missing"]) == ("citizen", "citizen", ["Surat tanah"])
    assert decide(officer, number, decision="approve", findings=VISITED).status_code == 409

    brought = {"step": "check", "answers": {"Surat tanah": "SHM 12"}}
    assert client.post(f"/v1/applications/{number}/answers", json=brought).status_code == 200
    shown = officer.get(f"/v1/tasks/{number}/check", params=OFFICER).json()
    assert shown["supplements"][0]["given"] == {"Surat tanah": "SHM 12"}
    assert decide(officer, number, decision="approve", findings=VISITED).json()["state"] == "runnable"


def test_four_eyes_are_two_people(officer, number, step):
    decide(officer, number, decision="approve", findings=VISITED)
    step("sign")
    assert decide(officer, number, "sign", decision="approve").json()["state"] == "waiting"
    assert officer.get("/v1/tasks").json()["tasks"][0]["state"] == "confirming"
    assert decide(officer, number, "sign", decision="approve").status_code == 409
    assert decide(officer, number, "sign", decision="approve", by="Officer Two").json()["state"] == "runnable"


def test_the_citizen_answers_what_is_asked(officer, client, number, step):
    decide(officer, number, decision="approve", findings=VISITED)
    step("sign")
    for by in ("Officer One", "Officer Two"):
        decide(officer, number, "sign", decision="approve", by=by)
    step("paper")
    asked = client.get(f"/v1/applications/{number}").json()["waiting"]
    assert (asked["what"], [want["name"] for want in asked["wants"]]) == ("citizen", ["letter", "date"])
    url = f"/v1/applications/{number}/answers"
    refused = client.post(url, json={"step": "paper", "answers": {"date": "soon"}})
    assert refused.status_code == 422
    assert client.post(url, json={"step": "paper", "answers": {"letter": "Surat 7"}}).json()["state"] == "completed"
    assert client.post(url, json={"step": "paper", "answers": {"letter": "Surat 7"}}).status_code == 404
    # officers do not answer for citizens
    assert decide(officer, number, "paper", decision="approve").status_code == 404


def test_a_key_of_one_group_sees_and_decides_its_own_tasks_only(anonymous, key, officer, number):
    heads = TestClient(anonymous.app, headers={"X-API-Key": key("heads", "decide:heads")})
    assert heads.get("/v1/tasks").json()["tasks"] == []
    assert heads.get("/v1/tasks", params={"group": "permits"}).status_code == 403
    assert decide(heads, number, decision="approve", findings=VISITED).status_code == 404
    permits = TestClient(anonymous.app, headers={"X-API-Key": key("permits", "decide:permits")})
    assert len(permits.get("/v1/tasks").json()["tasks"]) == 1


def test_a_counter_does_not_decide(client, number):
    assert client.get("/v1/tasks").status_code == 403
    assert decide(client, number, decision="approve").status_code == 403


def test_another_counter_does_not_answer(anonymous, key, officer, client, number):
    decide(officer, number, decision="return", missing=["Surat tanah"])
    other = TestClient(anonymous.app, headers={"X-API-Key": key("counter-2", "intake")})
    assert (
        other.post(f"/v1/applications/{number}/answers", json={"step": "check", "answers": {"x": 1}}).status_code == 403
    )


def test_deadlines_are_shown_in_working_time(officer, number):
    (task,) = officer.get("/v1/tasks").json()["tasks"]
    assert task["until"].startswith("2026-03-04T09:00")
