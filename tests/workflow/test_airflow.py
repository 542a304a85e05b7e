"""Steps on a real Airflow: scheduler, dag-processor, triggerer and API server, with the workflows of this repository."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests
from psycopg.types.json import Jsonb

from simpul.embedded import ports
from simpul.embedded.airflow import SERVICE, Airflow
from simpul.embedded.postgres import create_database, drop_database, with_database
from simpul.embedded.supervisor import Supervisor
from simpul.engine.airflow_client import AirflowClient, DagMissing, Started

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

BUDGET = 4.0


@dataclass
class Running:
    """An Airflow, its client, and the ledger that its triggerer sees."""

    airflow: Airflow
    client: AirflowClient
    ledger: str
    supervisor: Supervisor
    folder: Path

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of Airflow's own database."""
        with psycopg.connect(self.airflow.database_url) as connection:
            return connection.execute(sql, values).fetchall()

    def finish(self, dag: str, run: str) -> str:
        """Wait until a run has ended; its state."""
        return str(
            eventually(lambda: (state := self.client.states([(dag, run)])[run]) in ("success", "failed") and state)
        )

    def steps(self, run: str) -> dict[str, tuple[Any, ...]]:
        """State, try, host, process id and executor id of each step of a run."""
        rows = self.query(
            "SELECT task_id, state, try_number, hostname, pid, external_executor_id FROM task_instance WHERE run_id = %s",
            run,
        )
        return {name: rest for name, *rest in rows}

    def counts(self, run: str) -> dict[str, dict[str, int]]:
        """What each step of a run told Airflow."""
        rows = self.query("SELECT task_id, value FROM xcom WHERE run_id = %s AND key = 'return_value'", run)
        return {step: json.loads(value) for step, value in rows}

    def log(self, run: str, step: str) -> str:
        """What a step of a run logged."""
        return "".join(
            file.read_text() for file in (self.folder / "logs").glob(f"dag_id=*/run_id={run}/task_id={step}/*.log")
        )

    def clear(self, dag: str, run: str, step: str) -> None:
        """Clear a step, as a person does in Airflow's pages."""
        token = requests.post(
            f"{self.airflow.url}/auth/token",
            json={"username": SERVICE, "password": self.airflow.service_password},
            timeout=10,
        ).json()["access_token"]
        requests.post(
            f"{self.airflow.url}/api/v2/dags/{dag}/clearTaskInstances",
            json={"dry_run": False, "dag_run_id": run, "task_ids": [step], "only_failed": False},
            headers={"Authorization": f"Bearer {token}"},
            timeout=10,
        ).raise_for_status()


def eventually(ask: Callable[[], Any], *, within: float = 120.0) -> Any:
    end = time.monotonic() + within
    while time.monotonic() < end:
        if answer := ask():
            return answer
        time.sleep(0.1)
    raise AssertionError("did not come to pass")


@pytest.fixture(scope="module")
def running(
    postgres_url: str, _migrated: str, tmp_path_factory: pytest.TempPathFactory, airflow_home: None
) -> Iterator[Running]:
    from simpul.workflow import publish

    folder = tmp_path_factory.mktemp("stack")
    dags = Path(__file__).parents[2] / "dags"
    name = f"workflow_{secrets.token_hex(4)}"
    create_database(postgres_url, name, template=_migrated)
    ledger = with_database(postgres_url, name)
    publish.publish(ledger, [found.definition for found in publish.read(dags)], actor="test", now=datetime.now(UTC))
    airflow = Airflow(
        folder / "airflow",
        dags=dags,
        database_url=ledger,
        database=f"{name}_airflow",
        port=ports.pick(),
        env={"SIMPUL_DATABASE_URL": ledger, "SIMPUL_WAVE_BUDGET": str(BUDGET)},
    )
    with Supervisor(folder) as supervisor:
        supervisor.start(*airflow.processes(after=()))
        client = AirflowClient(airflow.url, SERVICE, airflow.service_password)
        yield Running(airflow, client, ledger, supervisor, folder / "airflow")
        client.close()
    for database in (name, f"{name}_airflow"):
        drop_database(postgres_url, database)


class Wave:
    """A wave of birth applications in the ledger, and the agencies' answers, which the test gives itself."""

    def __init__(self, ledger: str, size: int) -> None:
        self.id = secrets.token_hex(16)
        self.ledger = ledger
        self.numbers = [f"99{secrets.randbelow(10**12):012d}" for _ in range(size)]
        now = datetime.now(UTC)
        self.execute(
            "INSERT INTO wave (id, service, version, next_step, size, state, claimed_at) "
            "VALUES (%s, 'birth', 1, 'parents', %s, 'started', %s)",
            self.id, size, now,
        )  # fmt: skip
        for number in self.numbers:
            self.execute(
                "INSERT INTO application (number, subject, service, version, channel, state, next_step, wave, since, "
                "data_key, form, traceparent, received_by, request_digest, received_at) "
                "VALUES (%s, %s, 'birth', 1, 'web', 'in_wave', 'parents', %s, %s, '', '', '', 'test', '', %s)",
                number, f"subject-{number}", self.id, now, now,
            )  # fmt: skip

    def execute(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.ledger) as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def entered(self, step: str) -> list[str]:
        """The members for which a step was entered and has not closed."""
        rows = self.execute(
            "SELECT application FROM step_run WHERE step = %s AND application = ANY(%s) AND state <> 'closed' "
            "ORDER BY application",
            step, self.numbers,
        )  # fmt: skip
        return [number for (number,) in rows]

    def answer(self, step: str, numbers: list[str]) -> None:
        """As the projector does: an outcome for each, and the step run closed."""
        with psycopg.connect(self.ledger) as connection:
            for number in numbers:
                connection.execute(
                    "INSERT INTO outcome (application, step, revision, outcome, event_id, reason, at) "
                    "VALUES (%s, %s, 1, 'done', %s, %s, %s)",
                    (number, step, f"{number}{step}", Jsonb(None), datetime.now(UTC)),
                )
                connection.execute(
                    "UPDATE step_run SET state = 'closed' WHERE application = %s AND step = %s", (number, step)
                )


def test_a_run_that_the_ledger_does_not_know_ends_by_itself_in_the_triggerer(running: Running) -> None:
    run = f"manual__{secrets.token_hex(4)}"
    assert running.client.start("birth", run) == Started()
    assert running.finish("birth", run) == "success"
    steps = running.steps(run)
    assert steps.keys() == {"parents", "deed", "family_card", "child_card", "insurance"}
    # A worker would have left its host, its process id and its executor's id.
    assert {tuple(facts) for facts in steps.values()} == {("success", 1, "", None, None)}
    assert f"the ledger does not know the run {run}" in running.log(run, "deed")
    assert running.query("SELECT count(*) FROM xcom WHERE run_id = %s", run) == [(0,)]


def test_a_wave_is_entered_waited_for_parked_and_driven_again_when_a_step_is_cleared(running: Running) -> None:
    wave = Wave(running.ledger, 3)
    assert running.client.start("birth", wave.id) == Started()
    eventually(lambda: wave.entered("parents") == sorted(wave.numbers))
    quick, slow = wave.numbers[:2], wave.numbers[2]
    wave.answer("parents", quick)
    eventually(lambda: wave.entered("deed") == sorted(quick))
    # The slow one has left the wave, and its agency is named.
    assert wave.execute("SELECT state, waiting_for, wave FROM application WHERE number = %s", slow) == [
        ("waiting", "agency:dukcapil", None)
    ]
    wave.answer("deed", quick)
    for step in ("family_card", "child_card", "insurance"):
        eventually(lambda step=step: wave.entered(step) == sorted(quick))
        wave.answer(step, quick)
    assert running.finish("birth", wave.id) == "success"
    counts = running.counts(wave.id)
    assert counts["parents"] == {"done": 2, "waiting": 1, "incident": 0}
    assert counts["deed"] == {"done": 2, "waiting": 0, "incident": 0}
    assert f"/v1/waves/{wave.id}" in running.log(wave.id, "deed")

    wave.execute("UPDATE application SET state = 'in_wave', wave = %s WHERE number = %s", wave.id, slow)
    wave.answer("parents", [slow])
    running.clear("birth", wave.id, "deed")
    eventually(lambda: wave.entered("deed") == [slow])
    wave.answer("deed", [slow])
    assert running.finish("birth", wave.id) == "success"
    assert running.counts(wave.id)["deed"] == {"done": 3, "waiting": 0, "incident": 0}
    assert {tuple(facts[2:]) for facts in running.steps(wave.id).values()} == {("", None, None)}


def test_airflows_answers_about_runs_and_dags(running: Running) -> None:
    run = secrets.token_hex(8)
    assert running.client.start("birth", run) == Started()
    assert running.client.start("birth", run) == Started()
    assert running.client.start("nobody", run) == DagMissing()
    assert running.client.dag_state("birth") == "active"
    assert running.client.dag_state("nobody") == "missing"
    states = running.client.states([("birth", run), ("birth", "never"), ("passport", run)])
    assert states["never"] is None
