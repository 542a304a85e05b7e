"""A run is marked failed in Airflow while it is under way: another run drives the case on, nothing happens twice."""

import pytest
from sqlalchemy import text

from simpul.engine.airflow_client import AirflowClient
from simpul.ledger.events import ACTIONS
from tests.faults.conftest import Client

pytestmark = [pytest.mark.faults, pytest.mark.stack, pytest.mark.timeout(300)]


def test_a_run_marked_failed_while_its_trigger_lives_is_driven_on_by_another(stack):
    client = Client(stack)
    index = 31_000
    nkk = client.birth(index)[0]["nkk"]
    client.script("dukcapil", "get_family", [{"kind": "latency", "seconds": 5}], match={"nkk": nkk})
    filed = client.file("birth", index)

    def first(query: str):
        with client.database.connect() as connection:
            return connection.execute(text(query), {"number": filed.number}).scalar()

    client.until(lambda: first("SELECT state FROM step_run WHERE application = :number") == "in_flight")
    wave = first("SELECT wave FROM application WHERE number = :number")
    environment = stack.environment
    airflow = AirflowClient(
        stack.airflow.url, environment["SIMPUL_AIRFLOW_USER"], environment["SIMPUL_AIRFLOW_PASSWORD"]
    )
    answer = airflow._request("PATCH", f"/api/v2/dags/birth/dagRuns/{wave}", json={"state": "failed"})
    assert answer.status_code == 200

    assert client.until_ended([filed]) == {filed.number: "completed"}
    with client.database.connect() as connection:
        actions = connection.execute(
            text("SELECT action FROM event WHERE application = :number ORDER BY sequence"), {"number": filed.number}
        ).scalars()
        counted = list(actions)
    assert set(counted) <= set(ACTIONS)
    assert counted.count("application.claimed") >= 2
    assert counted.count("step.requested") == 5
    assert client.duplicates() == 0
    with client.database.connect() as connection:
        result = connection.execute(text("SELECT result FROM wave WHERE id = :wave"), {"wave": wave}).scalar()
    assert result == "failed"
