"""Airflow's database is wiped half-way through: the cases live in the ledger."""

import subprocess

import psycopg
import pytest

from simpul.embedded.postgres import create_database
from tests.faults.conftest import running

pytestmark = [pytest.mark.faults, pytest.mark.stack, pytest.mark.timeout(600)]

COMPONENTS = ("airflow-scheduler", "airflow-dag-processor", "airflow-triggerer", "airflow-api")


def wipe(stack):
    """Drop Airflow's database under its feet and give it an empty one."""
    url, name = stack.database_url, stack.airflow.database_url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    create_database(url, name)
    (migrate,) = [p for p in stack.airflow.processes(after=()) if p.name == "airflow-db"]
    subprocess.run(
        migrate.command, env={**stack.supervisor.environment, **migrate.env}, check=True, capture_output=True
    )
    for component in COMPONENTS:
        starts = stack.supervisor.starts(component)
        stack.supervisor.kill(component)
        stack.supervisor.wait_until_ready(component, starts=starts + 1, seconds=180)


def test_wiping_airflows_database_loses_no_application(client_of):
    with running() as stack:
        client = client_of(stack)
        for agency in ("dukcapil", "bpjs_kesehatan"):
            client.script(agency, "*", [{"kind": "latency", "seconds": 1.0}], forever=True)
        filed = [client.file("birth", index) for index in range(100)]
        client.until(lambda: any(counts for counts in client.writes().values()))
        wipe(stack)
        states = client.until_ended(filed, seconds=240)
        assert {each.number: states[each.number] for each in filed} == {each.number: "completed" for each in filed}
        assert client.duplicates() == 0
