from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from connectors import registry, sandbox_app
from connectors.dukcapil.requests import FamilyCardRequest, FamilyQuery, PersonQuery
from connectors.toolkit import errors
from connectors.toolkit.population import Population

FAMILY = Population().family(3)
OTHER = Population().family(4)
CARD = FamilyCardRequest(nkk=FAMILY.nkk)


@pytest.fixture(scope="module")
def server():
    with sandbox_app.running(["dukcapil"]) as running:
        yield running


@pytest.fixture
def sandbox(server):
    server.app.agencies["dukcapil"].reset()
    return server


@pytest.fixture
def dukcapil(sandbox):
    settings = sandbox.settings("dukcapil").model_copy(update={"call_deadline": 2.0})
    with registry.connect("dukcapil", settings) as connector:
        yield connector


@pytest.fixture
def control(sandbox):
    def call(method, name, body=None):
        response = requests.request(method, f"{sandbox.url}/_sandbox/dukcapil/{name}", json=body, timeout=10)
        response.raise_for_status()
        return response.json()

    return call


def test_faults_come_in_order_and_then_it_behaves(dukcapil, control):
    control("POST", "faults", [{"operation": "get_person", "faults": [{"kind": "status"}, {"kind": "drop"}]}])
    query = PersonQuery(nik=FAMILY.father.nik)

    codes = []
    for _ in range(2):
        with pytest.raises(errors.Retriable) as caught:
            dukcapil.get_person(query)
        codes.append(caught.value.code)

    assert codes == ["HTTP_503", "CONNECTION_LOST"]
    assert dukcapil.get_person(query).nik == FAMILY.father.nik
    assert control("GET", "calls") == {"get_person": 3}


def test_a_fault_meets_only_the_requests_it_matches(dukcapil, control):
    fault = {"operation": "*", "match": {"nkk": FAMILY.nkk}, "faults": [{"kind": "status", "status": 500}]}
    control("POST", "faults", [fault])

    assert dukcapil.get_family(FamilyQuery(nkk=OTHER.nkk)).nkk == OTHER.nkk
    with pytest.raises(errors.Retriable):
        dukcapil.get_family(FamilyQuery(nkk=FAMILY.nkk))


def test_a_fault_may_last_for_ever_and_a_reset_ends_it(dukcapil, control):
    fault = {"faults": [{"kind": "status", "status": 429, "retry_after": 3}], "forever": True}
    control("POST", "faults", [fault])
    for _ in range(3):
        with pytest.raises(errors.Retriable) as caught:
            dukcapil.get_family(FamilyQuery(nkk=FAMILY.nkk))
        assert caught.value.retry_after == 3.0
    control("POST", "reset")

    assert dukcapil.get_family(FamilyQuery(nkk=FAMILY.nkk)).nkk == FAMILY.nkk


@pytest.mark.parametrize("kind", [{"kind": "status"}, {"kind": "drop"}, {"kind": "timeout", "seconds": 30}])
@pytest.mark.parametrize("after_write", [True, False])
def test_a_failed_write_has_happened_or_not_as_the_fault_says(sandbox, control, kind, after_write):
    control("POST", "faults", [{"operation": "issue_family_card", "faults": [{**kind, "after_write": after_write}]}])
    settings = sandbox.settings("dukcapil").model_copy(update={"call_deadline": 0.3})

    with registry.connect("dukcapil", settings) as connector:
        with pytest.raises(errors.InDoubt):
            connector.issue_family_card(CARD, reference="R-1")
        found = connector.find_family_card(CARD, reference="R-1")

    assert control("GET", "writes") == ({"issue_family_card": {"R-1": 1}} if after_write else {})
    assert (found is not None) == after_write


def test_the_same_write_twice_happens_twice(dukcapil, control):
    first = dukcapil.issue_family_card(CARD, reference="R-1")
    second = dukcapil.issue_family_card(CARD, reference="R-1")

    assert first.document_number != second.document_number
    assert control("GET", "writes") == {"issue_family_card": {"R-1": 2}}
    assert dukcapil.find_family_card(CARD, reference="R-1") == first


def test_latency_delays_one_call_and_not_the_others(dukcapil, control):
    control("POST", "faults", [{"match": {"nkk": FAMILY.nkk}, "faults": [{"kind": "latency", "seconds": 1}]}])

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(dukcapil.get_family, FamilyQuery(nkk=FAMILY.nkk))
        quick = pool.submit(lambda: [dukcapil.get_family(FamilyQuery(nkk=OTHER.nkk)) for _ in range(3)])
        assert len(quick.result()) == 3
        assert slow.result().nkk == FAMILY.nkk


def test_a_fault_that_is_none_is_refused(sandbox):
    with pytest.raises(ValueError, match="kind"):
        sandbox_app.script(sandbox.app, {"dukcapil": [{"faults": [{"kind": "gremlin"}]}]})


def test_what_is_not_there_is_not_found(sandbox):
    for path in ("/dukcapil/nothing", "/nobody/nothing", "/_sandbox/dukcapil/nothing", "/_sandbox/nobody/calls"):
        assert requests.get(f"{sandbox.url}{path}", timeout=10).status_code == 404
    assert requests.get(f"{sandbox.url}/healthz", timeout=10).json() == {"status": "ok"}


def test_the_environment_points_connectors_at_the_sandbox(sandbox, monkeypatch):
    for name, value in sandbox_app.environment(sandbox.url).items():
        monkeypatch.setenv(name, value)

    with registry.connect("dukcapil") as connector:
        assert connector.settings == sandbox.settings("dukcapil")
    for agency in registry.agencies():
        registry.connect(agency).close()
