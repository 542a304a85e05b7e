"""/v1/incidents: what needs an operator, and what an operator decides. The rules are tested with the ledger."""

from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from simpul.ledger import transaction
from simpul.ledger.transitions import Incident, open_incidents

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture
def operator(anonymous, key):
    return TestClient(anonymous.app, headers={"X-API-Key": key("desk", "manage")}, raise_server_exceptions=False)


@pytest.fixture
def number(engine, file):
    filed = file().json()["number"]
    about = {"id": "Belum jelas", "en": "Not clear"}
    found = [Incident("lapsed_after_signal", about, application=filed, service="birth", step="deed")]
    with transaction(engine) as connection:
        open_incidents(connection, [*found, Incident("drift", about, agency="djp")], actor="engine", now=NOW)
    return filed


def test_open_incidents_are_listed_page_by_page_and_by_what_they_are_about(operator, number):
    page = operator.get("/v1/incidents", params={"limit": 1}).json()
    (first,) = page["incidents"]
    assert (first["application"], first["kind"], first["diagnosis"]["id"]) == (
        number,
        "lapsed_after_signal",
        "Belum jelas",
    )
    (second,) = operator.get("/v1/incidents", params={"after": page["next"]}).json()["incidents"]
    assert second["agency"] == "djp"
    assert operator.get("/v1/incidents", params={"agency": "djp"}).json()["incidents"] == [second]


def test_an_incident_is_shown_and_resolved_and_the_reason_is_an_event(operator, client, number):
    (found,) = operator.get("/v1/incidents", params={"application": number}).json()["incidents"]
    shown = operator.get(f"/v1/incidents/{found['id']}").json()
    assert (shown["effect"], shown["sent"], shown["may"]) == ("write", False, ["withdraw", "note"])
    url = f"/v1/incidents/{found['id']}"
    done = operator.post(url, json={"do": "note", "reason": "the bank has it"})
    assert done.json() == {"incident": found["id"], "did": "note", "state": "runnable"}
    told = client.get(f"/v1/applications/{number}/events").json()["events"][-1]
    assert (told["action"], told["actor"], told["detail"]["reason"]) == ("incident.resolved", "desk", "the bank has it")
    again = operator.post(url, json={"do": "note", "reason": "the bank has it"})
    assert (again.status_code, again.json()["type"]) == (409, "urn:simpul:problem:cannot-resolve")


def test_what_cannot_be_done_says_what_can(operator, number):
    (found,) = operator.get("/v1/incidents", params={"application": number}).json()["incidents"]
    refused = operator.post(f"/v1/incidents/{found['id']}", json={"do": "retry", "reason": "try again"})
    assert refused.status_code == 409
    assert "withdraw, note" in refused.json()["detail"]


def test_a_reason_with_the_number_of_a_person_is_refused_and_not_quoted(operator, number):
    (found,) = operator.get("/v1/incidents", params={"application": number}).json()["incidents"]
    refused = operator.post(f"/v1/incidents/{found['id']}", json={"do": "note", "reason": "of 9974014101900001"})
    assert refused.status_code == 422
    assert "9974014101900001" not in refused.text


def test_a_counter_neither_sees_nor_resolves_incidents(client, number):
    assert client.get("/v1/incidents").status_code == 403
    assert client.post("/v1/incidents/1", json={"do": "note", "reason": "nothing"}).status_code == 403


def test_an_unknown_incident_is_not_found(operator):
    assert operator.get("/v1/incidents/404").status_code == 404
    assert operator.post("/v1/incidents/404", json={"do": "note", "reason": "nothing"}).status_code == 404
