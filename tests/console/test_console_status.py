"""Looking applications up: status, lists, timelines, services."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from schemas.identifiers import application_number, display_number
from schemas.messages import record_id, request_id
from schemas.payments import Bill, VirtualAccount
from schemas.text import Text
from simpul import worktime
from simpul.crypto import digest
from simpul.engine.standards import Standards
from simpul.ledger import transaction
from simpul.ledger.transitions import Incident, open_incidents

NIK = "9974014101900001"


def execute(engine, statement, **values):
    with transaction(engine) as connection:
        return connection.execute(text(statement), values)


def test_a_fresh_application_shows_every_step_as_not_started(file, client, clock):
    number = file().json()["number"]
    shown = client.get(f"/v1/applications/{number}").json()
    assert (shown["number"], shown["display"]) == (number, display_number(number))
    assert (shown["state"], shown["service"], shown["version"], shown["channel"]) == ("runnable", "birth", 1, "counter")
    assert (shown["title"], shown["standard"]) == ("Paket kelahiran", "3 working days")
    assert datetime.fromisoformat(shown["received_at"]) == clock.now()
    assert [(step["name"], step["state"], step["agency"]) for step in shown["steps"]] == [
        ("parents", "not_started", "dukcapil"),
        ("deed", "not_started", "dukcapil"),
    ]
    assert shown["waiting"] is None
    assert NIK not in json.dumps(shown)


def test_a_number_may_be_given_as_it_is_printed(file, client):
    number = file().json()["number"]
    assert client.get(f"/v1/applications/{display_number(number)}").json()["number"] == number


def test_a_rejected_step_shows_its_reason_in_both_languages(file, client, engine, clock):
    number = file().json()["number"]
    reason = {"code": "11", "text": Text(id="Ibu tercatat ganda.", en="The mother is on record twice.")}
    execute(
        engine,
        "INSERT INTO step_run (application, step, revision, state, opened_at, closed_at)"
        " VALUES (:n, 'parents', 1, 'closed', :t, :t)",
        n=number,
        t=clock.now(),
    )
    execute(
        engine,
        "INSERT INTO outcome (application, step, revision, outcome, event_id, reason, at)"
        " VALUES (:n, 'parents', 1, 'rejected', 'e', CAST(:r AS jsonb), :t)",
        n=number,
        r=json.dumps(reason, default=lambda each: each.model_dump()),
        t=clock.now(),
    )
    step = client.get(f"/v1/applications/{number}").json()["steps"][0]
    assert (step["state"], step["outcome"]) == ("closed", "rejected")
    assert step["reason"]["text"] == {"id": "Ibu tercatat ganda.", "en": "The mother is on record twice."}


def test_only_the_present_revision_of_a_step_is_shown(file, client, engine, clock):
    number = file().json()["number"]
    for revision, state in ((1, "closed"), (2, "in_flight")):
        execute(
            engine,
            "INSERT INTO step_run (application, step, revision, state, opened_at) VALUES (:n, 'parents', :r, :s, :t)",
            n=number,
            r=revision,
            s=state,
            t=clock.now(),
        )
    execute(engine, "UPDATE application SET revisions = '{\"parents\": 2}' WHERE number = :n", n=number)
    step = client.get(f"/v1/applications/{number}").json()["steps"][0]
    assert (step["revision"], step["state"]) == (2, "in_flight")


@pytest.fixture
def unpaid(client, engine, configuration, clock):
    """A passport application that waits for its bill to be paid, as the projector leaves it."""
    number = client.post(
        "/v1/applications", json={"service": "passport", "channel": "kiosk", "form": {"nik": NIK}}
    ).json()["number"]
    with transaction(engine) as connection:
        row = connection.execute(text("SELECT * FROM application WHERE number = :n"), {"n": number}).one()
    bill = Bill(
        billing_code="820260302000001",
        amount="650000",
        description=f"Paspor {NIK}",
        expires_at=datetime(2026, 3, 2, 10, tzinfo=UTC),
    )
    request = request_id(row.subject, "bill", 1, 1)
    sealed = configuration.keys.data_key(row.data_key, row.subject).seal(
        bill.model_dump_json().encode(), record_id(request)
    )
    execute(
        engine,
        "INSERT INTO outcome (application, step, revision, outcome, event_id, request_id, record_schema, record, at)"
        " VALUES (:n, 'bill', 1, 'done', 'e', :q, 'bill/1', :b, :t)",
        n=number,
        q=request,
        b=sealed,
        t=clock.now(),
    )
    execute(
        engine,
        "UPDATE application SET state = 'waiting', waiting_for = 'payment', waiting_step = 'payment', until = :u"
        " WHERE number = :n",
        n=number,
        u=bill.expires_at,
    )
    return number, sealed


def test_a_wait_for_payment_shows_what_is_to_be_paid(client, unpaid, clock):
    number, sealed = unpaid
    answer = client.get(f"/v1/applications/{number}")
    shown = answer.json()
    assert shown["waiting"] == {
        "what": "payment",
        "whom": "citizen",
        "step": "payment",
        "since": clock.now().isoformat().replace("+00:00", "Z"),
        "until": "2026-03-02T10:00:00Z",
        "bill": {
            "billing_code": "820260302000001",
            "amount": "650000",
            "currency": "IDR",
            "expires_at": "2026-03-02T10:00:00Z",
        },
        "missing": [],
        "wants": [],
        "consent": None,
    }
    assert shown["steps"][0]["record"] == {"schema_id": "bill/1", "digest": digest(sealed)}
    assert NIK not in answer.text


def test_an_account_at_the_bank_is_paid_into_like_a_bill(client, unpaid, engine, configuration):
    number, _ = unpaid
    with transaction(engine) as connection:
        row = connection.execute(text("SELECT * FROM application WHERE number = :n"), {"n": number}).one()
    account = VirtualAccount(number="99123000001", amount="43500000")
    sealed = configuration.keys.data_key(row.data_key, row.subject).seal(
        account.model_dump_json().encode(), record_id(request_id(row.subject, "bill", 1, 1))
    )
    execute(engine, "UPDATE outcome SET record = :b, record_schema = 'virtual-account/1'", b=sealed)
    assert client.get(f"/v1/applications/{number}").json()["waiting"]["bill"] == {
        "billing_code": "99123000001",
        "amount": "43500000",
        "currency": "IDR",
        "expires_at": None,
    }


def test_a_bill_that_does_not_open_is_left_out(client, unpaid, engine):
    number, _ = unpaid
    execute(engine, "UPDATE outcome SET record = 'altered, and long enough'")
    shown = client.get(f"/v1/applications/{number}")
    assert shown.status_code == 200
    assert shown.json()["waiting"]["bill"] is None


def test_a_wait_for_an_agency_names_it(file, client, engine):
    number = file().json()["number"]
    execute(
        engine,
        "UPDATE application SET state = 'waiting', waiting_for = 'agency:dukcapil', waiting_step = 'deed'",
    )
    waiting = client.get(f"/v1/applications/{number}").json()["waiting"]
    assert (waiting["whom"], waiting["step"], waiting["until"], waiting["bill"]) == ("dukcapil", "deed", None, None)


def test_an_incident_says_what_is_wrong_and_who_moves_next(file, client, engine, clock):
    number = file().json()["number"]
    diagnosis = {"id": "Akun ditolak.", "en": "The account is refused."}
    incident = Incident(kind="misconfigured", diagnosis=diagnosis, owner="us", application=number, agency="dukcapil")
    with transaction(engine) as connection:
        open_incidents(connection, [incident], actor="engine", now=clock.now())
    (shown,) = client.get(f"/v1/applications/{number}").json()["incidents"]
    assert (shown["diagnosis"], shown["owner"], shown["agency"]) == (diagnosis, "us", "dukcapil")


def test_the_timeline_tells_every_event_with_its_meaning(file, client):
    number = file().json()["number"]
    (event,) = client.get(f"/v1/applications/{number}/events").json()["events"]
    assert (event["action"], event["meaning"]) == ("application.received", "An application was filed")
    assert (event["actor"], event["state"], event["detail"]["channel"]) == ("counter-1", "runnable", "counter")
    assert len(event["digest"]) == 64


@pytest.mark.parametrize("rest", ["", "/events"])
def test_an_unknown_number_is_404(client, rest):
    answer = client.get(f"/v1/applications/{application_number('99', 2026, 424242)}{rest}")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:simpul:problem:unknown-application"


@pytest.mark.parametrize("number", [NIK, "99260000000012", "abc", "%00", "9" * 300])
def test_what_is_no_application_number_is_refused_and_not_repeated(client, number):
    answer = client.get(f"/v1/applications/{number}")
    assert answer.status_code == 422
    assert number not in answer.text


def test_a_list_is_filtered_and_paged_newest_first(file, client, engine):
    numbers = [file().json()["number"] for _ in range(5)]
    execute(engine, "UPDATE application SET state = 'completed' WHERE number = :n", n=numbers[0])
    first = client.get("/v1/applications", params={"state": "runnable", "service": "birth", "limit": 3}).json()
    assert [row["number"] for row in first["applications"]] == numbers[:1:-1]
    rest = client.get("/v1/applications", params={"state": "runnable", "limit": 3, "before": first["next"]}).json()
    assert [row["number"] for row in rest["applications"]] == [numbers[1]]
    assert rest["next"] is None
    assert client.get("/v1/applications", params={"service": "passport"}).json()["applications"] == []


@pytest.mark.parametrize(
    "query", [{"state": NIK}, {"service": "Robert'); --"}, {"before": NIK}, {"limit": 0}, {"limit": NIK}]
)
def test_a_list_refuses_wrong_parameters_without_repeating_them(client, query):
    answer = client.get("/v1/applications", params=query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == next(iter(query))
    assert NIK not in answer.text


def test_services_come_with_form_standard_and_steps(client):
    birth, passport = client.get("/v1/services").json()["services"]
    assert (birth["service"], passport["service"]) == ("birth", "passport")
    assert birth["form"]["properties"]["nik"]["pattern"] == "^[0-9]{16}$"
    assert birth["standard"] == "3 working days"
    assert [(step["name"], step["after"]) for step in birth["steps"]] == [("parents", []), ("deed", ["parents"])]


def test_a_service_is_shown_in_its_newest_version(client, engine, clock):
    from simpul.ledger import queries
    from simpul.ledger.definitions import publish

    with transaction(engine) as connection:
        birth = next(one for one in queries.published(connection) if one.service == "birth")
        publish(connection, birth.model_copy(update={"version": 2}), actor="user:test", now=clock.now())
    clock.turn(timedelta(seconds=3))
    assert [s["version"] for s in client.get("/v1/services").json()["services"]] == [2, 1]


def test_a_withdrawal_takes_effect_at_once_when_nothing_is_under_way(file, client):
    number = file().json()["number"]
    answer = client.post(f"/v1/applications/{number}/withdraw")
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    assert client.get(f"/v1/applications/{number}").json()["state"] == "withdrawn"
    again = client.post(f"/v1/applications/{number}/withdraw")
    assert again.status_code == 409
    assert "withdrawn" in again.json()["detail"]


def test_an_amendment_is_checked_sealed_and_stored(file, client, engine, configuration, good):
    number = file().json()["number"]
    wrong = client.post(f"/v1/applications/{number}/amend", json={"form": good | {"nik": "12"}})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/form/nik")
    better = good | {"enrol": False}
    answer = client.post(f"/v1/applications/{number}/amend", json={"form": better})
    assert (answer.status_code, answer.json()["pending"]) == (202, "amend")
    with transaction(engine) as connection:
        row = connection.execute(text("SELECT * FROM application")).one()
    key = configuration.keys.data_key(row.data_key, row.subject)
    assert json.loads(key.open(row.amended_form, "form:2")) == better


@pytest.mark.parametrize(("what", "body"), [("withdraw", None), ("amend", {"form": {}})])
def test_what_does_not_exist_cannot_be_changed(client, what, body):
    number = application_number("99", 2026, 424242)
    assert client.post(f"/v1/applications/{number}/{what}", json=body).status_code == 404


def test_a_status_tells_whose_time_it_was_and_lists_and_metrics_who_is_late(file, client, engine, clock):
    number = file().json()["number"]
    other = file().json()["number"]
    assert number != other
    clock.turn(timedelta(hours=1))
    shown = client.get(f"/v1/applications/{number}").json()["clock"]
    assert (shown["standard"], shown["whose"], shown["running"]) == ("3 working days", "bus", True)
    assert [part["owner"] for part in shown["parts"]] == ["bus"]
    assert shown["parts"][0]["seconds"] == 3600
    assert 0 <= shown["used_seconds"] <= 3600 < shown["allowed_seconds"]
    clock.turn(timedelta(days=30))
    execute(
        engine, "UPDATE application SET closed_at = :t, state = 'withdrawn' WHERE number = :n", n=other, t=clock.now()
    )
    Standards(engine, clock, worktime.read, share=0.8).once()
    late = client.get("/v1/applications", params={"standard": "overdue"}).json()["applications"]
    assert [each["number"] for each in late] == [number]
    assert late[0]["breached_at"] is not None
    assert client.get("/v1/applications", params={"standard": "warning"}).json()["applications"] == []
    metrics = client.get("/metrics").text
    assert 'simpul_standard_open{clock="overdue",service="birth"} 1.0' in metrics
    assert 'simpul_standard_breaches{service="birth"} 2.0' in metrics
