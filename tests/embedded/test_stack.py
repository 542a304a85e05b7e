"""The whole stack: what each process is given, what it opens to the world, what happens when parts die."""

import json
import stat
from pathlib import Path

import psutil
import psycopg
import pytest
import requests

from connectors import registry
from simpul.config import Settings
from simpul.embedded import guard
from simpul.embedded.gateways import groups
from simpul.embedded.stack import FolderInUseError, Plan, Stack

ROOT = Path(__file__).parents[2]


@pytest.fixture
def composed(tmp_path):
    """A stack that is not started."""
    made = Stack(Plan(folder=tmp_path, dags=ROOT / "dags", settings={"SIMPUL_WAVE_BUDGET": "5"}, gateways=2))
    yield made
    made.remove_data()


@pytest.fixture
def given(monkeypatch, tmp_path_factory):
    """Agencies' credentials and more, as an operator sets them for the whole stack."""
    file = tmp_path_factory.mktemp("secrets") / "user-key"
    file.write_text("of-bpjs\n")
    variables = {
        "SIMPUL_SIMPONI_PASSWORD": "of-simponi",
        "SIMPUL_BPJS_KESEHATAN_CONS_ID": "of-bpjs",
        "SIMPUL_BPJS_KESEHATAN_USER_KEY_FILE": str(file),
        "SIMPUL_DUKCAPIL_CLIENT_CERT": "of-dukcapil.pem",
        "SIMPUL_NEWAGENCY_TOKEN": "of-nobody",
        "SIMPUL_CLOCK_OFFSET_FILE": "/run/clock",
        "SIMPUL_METRICS_PORT": "1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def test_airflow_is_given_nothing_but_what_its_steps_go_by(given, composed):
    expected = {
        *("SIMPUL_CLOCK_OFFSET_FILE", "SIMPUL_CONSOLE_HOST", "SIMPUL_CONSOLE_PORT"),
        *("SIMPUL_LOG_FORMAT", "SIMPUL_WAVE_BUDGET"),
    }
    for process in composed.processes():
        if process.name.startswith("airflow"):
            steps_run_here = process.name == "airflow-triggerer"
            ours = {name for name in process.env if name.startswith("SIMPUL_")}
            assert ours == expected | ({"SIMPUL_DATABASE_URL"} if steps_run_here else set())
            assert f"http://127.0.0.1:{process.env['SIMPUL_CONSOLE_PORT']}" == composed.console_url


def test_secrets_reach_only_the_processes_that_use_them(given, composed):
    dukcapil, bpjs, simponi = (
        tuple(composed.gateway_names(agency)) for agency in ("dukcapil", "bpjs_kesehatan", "simponi")
    )
    holders = {
        "SIMPUL_MASTER_KEY": ("console", "engine", "gateway"),
        "SIMPUL_AIRFLOW_PASSWORD": ("engine",),
        "SIMPUL_KAFKA_BOOTSTRAP": ("topics", "engine", "gateway", "projector", "console"),
        "SIMPUL_DUKCAPIL_CLIENT_CERT": dukcapil,
        "SIMPUL_BPJS_KESEHATAN_CONS_ID": bpjs,
        "SIMPUL_BPJS_KESEHATAN_USER_KEY_FILE": bpjs,
        # The console reads how a payment push proves itself.
        "SIMPUL_SIMPONI_PASSWORD": (*simponi, "console"),
        "SIMPUL_NEWAGENCY_TOKEN": (),
    }
    processes = composed.processes()
    for variable, holds in holders.items():
        for process in processes:
            assert (variable in process.env) == process.name.startswith(holds), (variable, process.name)
    for values in (
        process.env.values() for process in processes if not process.name.startswith(("gateway", "console"))
    ):
        assert not any(value.startswith("of-") for value in values)
    assert not any(name.startswith("SIMPUL_") for name in composed.supervisor.environment if name != "SIMPUL_CACHE")


def test_what_is_set_outside_takes_the_place_of_the_sandboxs(given, composed):
    processes = {process.name: process for process in composed.processes()}
    gateway = processes[composed.gateway_names("simponi")[0]]
    assert gateway.env["SIMPUL_SIMPONI_PASSWORD"] == "of-simponi"
    # A variable would win over the file.
    assert "SIMPUL_BPJS_KESEHATAN_USER_KEY" not in processes[composed.gateway_names("bpjs_kesehatan")[0]].env
    assert gateway.env["SIMPUL_SIMPONI_BASE_URL"].startswith(composed.sandbox_url)
    assert gateway.env["SIMPUL_METRICS_PORT"] != "1"


def test_every_setting_reaches_some_process(composed, monkeypatch):
    elsewhere = {"metrics_port"}
    for name in Settings.model_fields:
        monkeypatch.setitem(composed._given, f"SIMPUL_{name.upper()}", "1")
    reached = {name for process in composed.processes() for name in process.env}
    assert {f"SIMPUL_{name.upper()}" for name in set(Settings.model_fields) - elsewhere} <= reached


def test_the_command_in_the_work_folder_has_all_it_needs(given, composed):
    written = composed.write_command().read_text()
    for name in ("SIMPUL_MASTER_KEY", "SIMPUL_AIRFLOW_PASSWORD", "SIMPUL_DATABASE_URL", "SIMPUL_SIMPONI_PASSWORD"):
        assert f"export {name}=" in written


def test_only_its_owner_looks_into_the_work_folder(tmp_path):
    stack = Stack(Plan(folder=tmp_path / "work", dags=ROOT / "dags"))
    try:
        assert stat.S_IMODE(stack.folder.stat().st_mode) == 0o700
    finally:
        stack.close()
        stack.remove_data()


def test_every_agency_has_as_many_gateways_as_planned(composed):
    for agency in registry.agencies():
        names = composed.gateway_names(agency)
        assert names[1] == f"{names[0]}-2"
        for name in names:
            (process,) = (process for process in composed.processes() if process.name == name)
            assert agency in process.command


def test_the_busiest_agencies_have_a_process_each_and_the_others_share_one(tmp_path):
    (tmp_path / "published").mkdir()
    steps = [{"operation": f"{agency}.ask"} for agency in ("a", "a", "a", "b", "b", "c")] + [{"operation": None}]
    (tmp_path / "published" / "service.json").write_text(json.dumps({"steps": steps}))
    agencies = ["a", "b", "c", "d", "e"]

    assert groups(agencies, tmp_path, 2) == {"a": ("a",), "b": ("b",), "others": ("c", "d", "e")}
    assert groups(agencies, tmp_path, 0) == {"others": tuple(agencies)}
    assert groups(agencies, tmp_path, 4) == {name: (name,) for name in agencies}


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
        files = connection.execute("SELECT count(DISTINCT fileloc) FROM dag").fetchone()
        assert files == (len(list(stack.plan.dags.glob("*.py"))),)
