"""The whole stack: what each process is given, what it opens to the world, what happens when parts die."""

from pathlib import Path

import psutil
import psycopg
import pytest
import requests

from simpul.embedded import guard
from simpul.embedded.stack import FolderInUseError, Plan, Stack

ROOT = Path(__file__).parents[2]


@pytest.fixture
def composed(tmp_path):
    """A stack that is not started."""
    made = Stack(Plan(folder=tmp_path, dags=ROOT / "dags", settings={"SIMPUL_WAVE_BUDGET": "5"}, gateways=2))
    yield made
    made.remove_data()


def test_airflow_gets_neither_the_master_key_nor_kafkas_address(composed):
    key = composed.environment["SIMPUL_MASTER_KEY"]
    for process in composed.processes():
        if process.name.startswith("airflow"):
            assert key not in process.env.values()
            assert "SIMPUL_KAFKA_BOOTSTRAP" not in process.env
            assert process.env["SIMPUL_WAVE_BUDGET"] == "5"


def test_every_agency_has_as_many_gateways_as_planned(composed):
    names = {process.name for process in composed.processes()}
    assert {"gateway-simponi", "gateway-simponi-2", "gateway-bpjs_kesehatan"} <= names
    assert composed.gateway_names("simponi") == ["gateway-simponi", "gateway-simponi-2"]


def test_everything_that_a_process_needs_is_there(composed):
    names = {process.name for process in composed.processes()}
    for process in composed.processes():
        assert set(process.after) <= names


def test_two_cannot_share_a_work_folder(composed):
    with pytest.raises(FolderInUseError):
        Stack(composed.plan)


def test_secrets_stay_the_same_from_start_to_start(composed):
    before = composed.environment["SIMPUL_MASTER_KEY"], composed.airflow.password
    composed.close()
    again = Stack(composed.plan)
    assert (again.environment["SIMPUL_MASTER_KEY"], again.airflow.password) == before


def test_a_database_and_a_broker_that_were_brought_are_used(tmp_path, monkeypatch):
    monkeypatch.setenv("SIMPUL_DATABASE_URL", "postgresql://me@127.0.0.1:1/mine")
    monkeypatch.setenv("SIMPUL_KAFKA_BOOTSTRAP", "127.0.0.1:2")
    processes = {process.name: process for process in Stack(Plan(folder=tmp_path, dags=ROOT / "dags")).processes()}
    assert not processes["postgres"].command
    assert processes["kafka"].launch is None
    assert processes["engine"].env["SIMPUL_DATABASE_URL"] == "postgresql://me@127.0.0.1:1/mine"
    assert processes["engine"].env["SIMPUL_KAFKA_BOOTSTRAP"] == "127.0.0.1:2"
    assert processes["airflow-db"].env["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == (
        "postgresql+psycopg2://me@127.0.0.1:1/mine_airflow"
    )


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_nothing_of_the_stack_listens_beyond_this_machine(stack):
    ours = set(guard.marked(stack.supervisor.session))
    listening = [
        connection.laddr
        for connection in psutil.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN and connection.pid in ours
    ]
    assert len(listening) >= 8
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_airflow_lets_nobody_in_without_the_password(stack):
    url = f"{stack.airflow.url}/auth/token"
    assert requests.get(f"{stack.airflow.url}/api/v2/dags", timeout=30).status_code == 401
    assert requests.get(url, timeout=30).status_code in {401, 403, 404, 405}
    assert requests.post(url, json={"username": "admin", "password": "admin"}, timeout=30).status_code == 401
    right = {"username": "admin", "password": stack.airflow.password}
    assert requests.post(url, json=right, timeout=30).status_code == 201


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_airflows_metadata_is_in_a_database_of_its_own(stack):
    assert stack.airflow.database_url != stack.database_url
    with psycopg.connect(stack.airflow.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM dag").fetchone() == (len(list((ROOT / "dags").glob("*.py"))),)
