"""BKN: its two tokens, its refusals, and what it says of civil servants."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests
from pydantic import SecretStr, ValidationError

from connectors import sandbox_app
from connectors.bkn import mapping, sandbox
from connectors.bkn.connector import Bkn
from connectors.bkn.requests import CivilServantQuery, CivilServantSearch, HistoryQuery
from connectors.toolkit import errors, holdings
from connectors.toolkit.examples import Scene

AGENCY = "bkn"


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running([AGENCY]) as running:
        yield running


@pytest.fixture
def agency(server):
    server.app.agencies[AGENCY].reset()
    return server.app.agencies[AGENCY]


@pytest.fixture
def bkn(server, agency):
    with Bkn(server.settings(AGENCY)) as connector:
        yield connector


@pytest.fixture
def servant(server):
    return holdings.civil_servant(server.app.world.population.family(12))


@pytest.fixture
def scene(server, bkn):
    return Scene(bkn, server.app.world, 1)


def answer_with(server, *bodies, status=401):
    faults = [
        {"kind": "status", "status": status, "body": json.dumps(body), "media_type": "application/json"}
        for body in bodies
    ]
    script = [{"operation": "get_civil_servant", "faults": faults}]
    requests.post(f"{server.url}/_sandbox/{AGENCY}/faults", json=script, timeout=10).raise_for_status()


def refused(message="", data=None):
    return {"code": 401, "message": message, "type": "Status report", "description": "", "data": data}


def test_every_operation_has_an_example_that_brings_its_record(scene):
    for name, operation in Bkn.operations().items():
        assert type(scene.call(name, sandbox.EXAMPLES[name](scene))) is operation.record


def test_a_civil_servant_is_the_same_by_nip_and_by_nik(bkn, servant):
    by_nip = bkn.get_civil_servant(CivilServantQuery(nip=servant.nip))

    assert by_nip == bkn.find_civil_servant(CivilServantSearch(nik=servant.person.nik))
    assert (by_nip.employed, by_nip.nik, by_nip.sex) == (True, servant.person.nik, "male")
    assert (by_nip.birth_date, by_nip.candidate_since) == (servant.person.birth_date, servant.appointed)
    assert (by_nip.email, by_nip.phone, by_nip.npwp, by_nip.title_before) == (None, None, None, None)


def test_that_somebody_is_no_civil_servant_is_an_answer_to_a_search_and_a_no_to_a_number(bkn):
    found = bkn.find_civil_servant(CivilServantSearch(nik="9999990101909999"))

    assert (found.employed, found.nip, found.nik) == (False, None, "9999990101909999")
    with pytest.raises(errors.Rejected):
        bkn.get_civil_servant(CivilServantQuery(nip="199001012015011999"))


@pytest.mark.parametrize("kind", ["rank", "position", "education", "training"])
def test_each_side_of_a_career_has_its_entries(bkn, servant, kind):
    (entry,) = bkn.get_history(HistoryQuery(nip=servant.nip, kind=kind)).entries

    assert entry.title
    assert entry.number
    assert entry.dated


def test_nobody_was_punished(bkn, servant):
    assert bkn.get_history(HistoryQuery(nip=servant.nip, kind="discipline")).entries == []


def test_tokens_are_fetched_once_for_many_calls(agency, bkn, servant):
    for _ in range(3):
        bkn.get_civil_servant(CivilServantQuery(nip=servant.nip))

    assert (agency.calls["token"], agency.calls["get_civil_servant"]) == (2, 3)


def test_expired_tokens_are_both_fetched_anew_and_the_call_made_once_more(server, agency, bkn, servant):
    bkn.get_civil_servant(CivilServantQuery(nip=servant.nip))
    requests.post(f"{server.url}/_sandbox/{AGENCY}/expire", timeout=10).raise_for_status()
    bkn.get_civil_servant(CivilServantQuery(nip=servant.nip))

    assert (agency.calls["token"], agency.calls["get_civil_servant"]) == (4, 3)


def test_a_script_can_end_the_tokens_of_a_write_which_then_happens_once(server, agency, scene):
    script = [{"operation": "report_death", "faults": [{"kind": "scripted", "name": "expired_token"}]}]
    requests.post(f"{server.url}/_sandbox/{AGENCY}/faults", json=script, timeout=10).raise_for_status()
    scene.call("report_death", sandbox.EXAMPLES["report_death"](scene), "R-1")

    assert agency.writes["report_death"] == {"R-1": 1}


def test_tokens_that_are_refused_again_stop_the_connector(server, agency, bkn, servant):
    answer_with(server, refused(sandbox.EXPIRED), refused(sandbox.EXPIRED))
    with pytest.raises(errors.Misconfigured) as caught:
        bkn.get_civil_servant(CivilServantQuery(nip=servant.nip))

    assert (caught.value.code, agency.calls["get_civil_servant"]) == ("TOKEN", 2)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, refused("Invalid Credentials"), "CREDENTIALS"),
        (200, refused("Invalid Credentials"), "CREDENTIALS"),
        (401, refused("Unauthorized", data="Token SSO mismatch"), "SSO_MISMATCH"),
        (401, refused("something else"), "HTTP_401"),
        (401, "<html>", "HTTP_401"),
        (404, {"message": "Not Found"}, "HTTP_404"),
    ],
)
def test_what_a_new_token_would_not_mend_stops_the_connector_at_once(server, agency, bkn, status, body, code):  # noqa: PLR0917
    answer_with(server, body, status=status)
    with pytest.raises(errors.Misconfigured) as caught:
        bkn.get_civil_servant(CivilServantQuery(nip="199001012015011001"))

    assert (caught.value.code, agency.calls["get_civil_servant"]) == (code, 1)


@pytest.mark.parametrize("wrong", [{"client_secret": SecretStr("x")}, {"password": SecretStr("x")}])
def test_wrong_credentials_stop_the_connector(server, agency, servant, wrong):
    with Bkn(server.settings(AGENCY).model_copy(update=wrong)) as connector, pytest.raises(errors.Misconfigured):
        connector.get_civil_servant(CivilServantQuery(nip=servant.nip))


def test_a_token_of_the_wrong_kind_is_told_by_the_sandbox(server, agency, servant, bkn):
    gateway, sso = bkn._gateway.current(), bkn._sso.current()
    url = f"{server.settings(AGENCY).base_url}/apisiasn/1.0/pns/data-utama/{servant.nip}"

    def ask(one, other):
        return requests.get(url, headers={"Authorization": f"Bearer {one}", "Auth": f"bearer {other}"}, timeout=10)

    assert ask(gateway, sso).status_code == 200
    assert ask("x", sso).json()["message"] == "Invalid Credentials"
    assert ask(gateway, gateway).json()["data"] == "Token SSO mismatch"


def test_a_token_ends_with_its_time(servant):
    clock = [datetime(2026, 1, 2, tzinfo=UTC)]
    with sandbox_app.running([AGENCY], clock=lambda: clock[0]) as running, Bkn(running.settings(AGENCY)) as connector:
        connector.get_civil_servant(CivilServantQuery(nip=servant.nip))
        clock[0] += timedelta(hours=2)
        connector.get_civil_servant(CivilServantQuery(nip=servant.nip))

        assert running.app.agencies[AGENCY].calls["token"] == 4


def test_a_reported_death_is_found_by_our_reference_and_changes_the_standing(scene, bkn, servant):
    request = sandbox.EXAMPLES["report_death"](scene)
    report = Bkn.operations()["report_death"]
    asked = report.request.model_validate(request)
    receipt = report.invoke(bkn, asked, "R/1")

    assert report.look_up(bkn, asked, "R/1") == receipt
    assert report.look_up(bkn, asked, "R/2") is None
    assert receipt.status == "Diterima"
    assert bkn.get_civil_servant(CivilServantQuery(nip=servant.nip)).standing == "Meninggal"


@pytest.mark.parametrize(
    ("written", "npwp"),
    [("99.000.000.0-999.000", "0990000000999000"), ("0990000000999000", "0990000000999000"), ("0", None)],
)
def test_a_tax_number_is_the_new_form_however_it_is_written(written, npwp):
    assert mapping.civil_servant({"nipBaru": "199001012015011001", "noNpwp": written}).npwp == npwp


def test_an_answer_about_somebody_else_is_bad_data():
    with pytest.raises(errors.BadData):
        mapping.civil_servant({"nipBaru": "199001012015011001"}, nip="199001012015011002")


def test_a_password_goes_to_no_address_that_is_not_encrypted(server):
    given = server.settings(AGENCY).model_dump() | {"sso_url": "http://10.0.0.1"}
    with pytest.raises(ValidationError):
        type(server.settings(AGENCY))(**given)
