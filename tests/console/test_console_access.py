"""Who may ask what, and what is said when it fails."""

import re
from datetime import timedelta

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.routing import Mount, Route

from simpul.console.app import PUBLIC, create
from simpul.console.auth import Requires
from simpul.ledger import api_keys, transaction
from simpul.ledger.api_keys import KeyNameTakenError, UnknownKeyError


def required(dependant):
    """Every `Requires` that stands before a route."""
    return [d.call for d in dependant.dependencies if isinstance(d.call, Requires)] + [
        found for d in dependant.dependencies for found in required(d)
    ]


def routes(app):
    """Every route, also those of included routers."""
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        if isinstance(route, Route | Mount):
            yield route
        else:
            assert inner is not None, f"a route of a kind this test does not know: {route}"
            yield from routes(inner)


def test_every_route_asks_for_a_key_but_the_listed_ones(configuration):
    app = create(configuration)
    open_routes = {
        route.path for route in routes(app) if not isinstance(route, APIRoute) or not required(route.dependant)
    }
    assert open_routes == PUBLIC


def test_every_path_of_the_documentation_is_a_route_this_test_looks_at(configuration):
    app = create(configuration)
    assert set(app.openapi()["paths"]) <= {route.path for route in routes(app)}


def test_filing_takes_the_scope_intake_changing_intake_or_manage_and_looking_read(configuration):
    for route in routes(create(configuration)):
        if route.path.startswith("/v1/applications"):
            changing = {"intake", "manage"} if "{number}" in route.path else {"intake"}
            scopes = changing if "POST" in route.methods else {"read"}
            assert [each.scopes for each in required(route.dependant)] == [scopes]


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "simpul_wrong"}, {"Authorization": "Bearer simpul_wrong"}])
def test_without_a_key_in_force_the_answer_is_401(anonymous, headers):
    answer = anonymous.get("/v1/services", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "simpul_wrong" not in answer.text


def test_a_key_works_as_header_and_as_bearer_token(anonymous, key):
    secret = key("kiosk-1", "read")
    assert anonymous.get("/v1/services", headers={"X-API-Key": secret}).status_code == 200
    assert anonymous.get("/v1/services", headers={"Authorization": f"Bearer {secret}"}).status_code == 200


def test_a_key_does_only_what_its_scopes_say(anonymous, key, good):
    body = {"service": "birth", "channel": "web", "form": good}
    reader, intake = {"X-API-Key": key("auditor", "read")}, {"X-API-Key": key("web", "intake")}
    assert anonymous.post("/v1/applications", json=body, headers=reader).status_code == 403
    assert anonymous.post("/v1/applications", json=body, headers=intake).status_code == 201
    assert anonymous.get("/v1/applications", headers=intake).status_code == 403
    assert anonymous.get("/v1/services", headers=intake).status_code == 200


@pytest.mark.parametrize("what", ["withdraw", "amend"])
def test_an_application_is_changed_by_the_key_that_filed_it_or_one_that_manages(anonymous, key, good, what):
    body = {"service": "birth", "channel": "web", "form": good}
    own, other = {"X-API-Key": key("counter-1", "intake")}, {"X-API-Key": key("counter-2", "intake", "read")}
    desk, reader = {"X-API-Key": key("desk", "manage")}, {"X-API-Key": key("auditor", "read")}

    def change(headers):
        number = anonymous.post("/v1/applications", json=body, headers=own).json()["number"]
        changed = {"form": good | {"enrol": False}}
        answer = anonymous.post(f"/v1/applications/{number}/{what}", json=changed, headers=headers)
        happened = anonymous.get(f"/v1/applications/{number}/events", headers=reader).json()["events"]
        return answer, len(happened)

    for headers in (own, desk):
        answer, happened = change(headers)
        assert answer.status_code in (200, 202)
        assert happened > 1
    refused, happened = change(other)
    assert (refused.status_code, refused.json()["type"], happened) == (403, "urn:simpul:problem:not-yours", 1)
    assert "counter-1" not in refused.text
    assert change(reader)[0].status_code == 403
    assert anonymous.post("/v1/applications", json=body, headers=desk).status_code == 403


@pytest.mark.parametrize(
    "name",
    [
        *(
            "engine",
            "ledger",
            "projector",
            "gateway",
            "console",
            "dukcapil",
            "simponi",
            "gateway:dukcapil",
            "user:root",
        ),
        *("", "a", "Counter-1", "1-counter", "counter 1", "counter-1\n", "c" * 64, "bpjs_kesehatan"),
    ],
)
def test_a_key_cannot_be_named_like_an_actor_of_the_system(key, name):
    with pytest.raises(ValueError, match=r"key's name has|is reserved"):
        key(name, "intake")


def test_a_key_is_asked_for_before_the_body_is_looked_at(anonymous):
    assert anonymous.post("/v1/applications", content=b"{").status_code == 401


def test_a_revoked_key_stops_working_within_seconds(client, engine, clock):
    assert client.get("/v1/services").status_code == 200
    with transaction(engine) as connection:
        api_keys.revoke(connection, "counter-1", actor="user:test", now=clock.now())
    clock.turn(timedelta(seconds=3))
    assert client.get("/v1/services").status_code == 401


def test_a_key_s_name_is_never_used_twice(engine, key, clock):
    key("counter-9", "read")
    with transaction(engine) as connection:
        api_keys.revoke(connection, "counter-9", actor="user:test", now=clock.now())
        with pytest.raises(UnknownKeyError):
            api_keys.revoke(connection, "counter-9", actor="user:test", now=clock.now())
    with pytest.raises(KeyNameTakenError):
        key("counter-9", "read")
    with pytest.raises(ValueError, match="intake, read"):
        key("counter-10", "everything")


def test_the_ledger_holds_no_key_in_clear(engine, key):
    from sqlalchemy import text

    secret = key("counter-9", "read")
    with transaction(engine) as connection:
        stored = str(connection.execute(text("SELECT * FROM api_key, event")).all())
    assert secret not in stored
    assert secret.removeprefix("simpul_") not in stored


def test_health_and_metrics_are_public_and_hold_no_personal_data(client, file, good):
    file()
    health = client.get("/healthz", headers={"X-API-Key": ""})
    assert (health.status_code, health.json()) == (200, {"status": "ok", "ledger": "ok"})
    metrics = client.get("/metrics", headers={"X-API-Key": ""}).text
    assert 'simpul_applications{service="birth",state="runnable"} 1.0' in metrics
    assert "simpul_ledger_up 1.0" in metrics
    assert 'route="/v1/applications",status="201"' in metrics
    assert good["nik"] not in metrics


def test_metrics_count_waits_by_what_is_waited_for(client, file, engine):
    from sqlalchemy import text

    file()
    with transaction(engine) as connection:
        connection.execute(text("UPDATE application SET state = 'waiting', waiting_for = 'agency:dukcapil'"))
    assert 'simpul_waiting{waiting_for="agency:dukcapil"} 1.0' in client.get("/metrics").text


def test_when_the_ledger_is_away_health_says_so_and_nothing_breaks(configuration, good):
    away = configuration.model_copy(update={"database_url": "postgresql://simpul@127.0.0.1:1/nowhere"})
    with TestClient(create(away), raise_server_exceptions=False) as client:
        assert client.get("/healthz").status_code == 503
        assert "simpul_ledger_up 0.0" in client.get("/metrics").text
        answer = client.post("/v1/applications", json={"form": good}, headers={"X-API-Key": "simpul_x"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["type"] == "urn:simpul:problem:ledger-unreachable"


def test_our_own_mistake_is_a_problem_with_an_error_id_and_no_trace(client, monkeypatch, file, good):
    from simpul.console.context import Context

    def broken(*_args):
        raise RuntimeError(f"no place for {good['nik']}")

    monkeypatch.setattr(Context, "service", broken)
    answer = file()
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(answer.json()["error_id"]) == 32
    assert "Traceback" not in answer.text
    assert good["nik"] not in answer.text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v2", 404), ("PUT", "/v1/services", 405)])
def test_an_address_or_method_that_does_not_exist_is_a_problem_too(client, method, path, status):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_documentation_shows_the_intake_body_and_the_problems(client):
    openapi = client.get("/openapi.json").json()
    post = openapi["paths"]["/v1/applications"]["post"]
    assert post["requestBody"]["content"]["application/json"]["schema"]["required"] == ["service", "channel", "form"]
    assert {"200", "201", "404", "409", "413", "422"} <= set(post["responses"])
    assert client.get("/docs").status_code == 200


def test_the_documentation_needs_no_other_host(anonymous):
    page = anonymous.get("/docs").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    assert all(source.startswith("/docs/assets/") for source in sources)
    for source in sources:
        assert anonymous.get(source).status_code == 200
