"""Airflow as four processes for the supervisor: scheduler, dag-processor, triggerer, api-server, all on loopback.

Starts Airflow, never imports it. Its metadata goes into a database of its own; it gets neither the master key nor the
address of Kafka nor an agency's credentials, and only the triggerer gets the address of the ledger.
"""

import base64
import json
import os
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import psycopg
import requests

from simpul.embedded import ports, secrets
from simpul.embedded.postgres import create_database, with_database
from simpul.embedded.supervisor import Process, StartError

PERSON, SERVICE = "admin", "simpul"
COMPONENTS = ("scheduler", "dag-processor", "triggerer")
_JOBS = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}


class Airflow:
    """One Airflow installation.

    Args:
        folder: Becomes AIRFLOW_HOME; keeps generated secrets and task logs.
        dags: The folder of service workflows.
        database_url: Any database of the Postgres server; Airflow gets one of its own there, of the name `database`.
        port: Of the api-server, on loopback.
        triggerers: How many share the steps.
        env: Added to the environment of all four.
        triggerer_env: Added to that of the triggerers alone, where the steps run.
    """

    def __init__(  # an installation has that many facts
        self,
        folder: Path,
        *,
        dags: Path,
        database_url: str,
        database: str,
        port: int,
        triggerers: int = 1,
        env: Mapping[str, str],
        triggerer_env: Mapping[str, str] | None = None,
    ) -> None:
        self.url = f"http://{ports.LOOPBACK}:{port}"
        self.password = secrets.kept(folder / "secrets", PERSON)
        self.service_password = secrets.kept(folder / "secrets", SERVICE)
        self.database_url = with_database(database_url, database)
        self._database = database
        self._folder = folder.resolve()
        self._dags = dags.resolve()
        self._port = port
        self._triggerers = triggerers
        self._env = env
        self._triggerer_env = triggerer_env or {}
        self._since: dict[str, float] = {}

    def processes(self, *, after: tuple[str, ...]) -> list[Process]:
        """The migration of its database, the four components, and the wait for the DAG files to be parsed."""
        env = self._environment()
        migrate = Process(
            name="airflow-db",
            command=self._command("db", "migrate"),
            env=env,
            prepare=self._prepare,
            after=after,
            once=True,
            start_seconds=300,
        )
        server = Process(
            name="airflow-api",
            command=self._command("api-server", "--host", ports.LOOPBACK, "--port", str(self._port)),
            env=env,
            after=(migrate.name,),
            ready=self._answers,
            where=self.url,
        )
        more = [f"triggerer-{number}" for number in range(2, self._triggerers + 1)]
        components = [
            Process(
                name=f"airflow-{name}",
                # Their log servers would listen on all interfaces; the api-server reads the same folder.
                command=self._command(component, *([] if component == "dag-processor" else ["--skip-serve-logs"])),
                env={**env, **self._triggerer_env} if component == "triggerer" else env,
                after=(migrate.name,),
                prepare=partial(self._note_start, name),
                ready=partial(self._has_started, component, name),
            )
            for name, component in [*((name, name) for name in COMPONENTS), *((name, "triggerer") for name in more)]
        ]
        parsed = Process(name="dags", ready=self._has_parsed_dags, after=("airflow-dag-processor",))
        return [migrate, server, *components, parsed]

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "airflow", *words]

    def _environment(self) -> dict[str, str]:
        """Every option that differs from Airflow's default, and why where it does not show."""
        vault = self._folder / "secrets"
        options: dict[str, dict[str, object]] = {
            "core": {
                "dags_folder": self._dags,
                "load_examples": False,
                "dags_are_paused_at_creation": False,
                "executor": "LocalExecutor",
                # Steps run in the triggerer; a worker only ever runs to record a failure.
                "parallelism": 2,
                "fernet_key": secrets.kept(vault, "fernet", lambda: base64.urlsafe_b64encode(os.urandom(32)).decode()),
                # The default asks the name service, which a laptop on the road may wait for.
                "hostname_callable": "socket.gethostname",
                "min_serialized_dag_update_interval": 5,
                "simple_auth_manager_users": f"{PERSON}:admin,{SERVICE}:user",
                "simple_auth_manager_passwords_file": vault / "passwords.json",
                "execution_api_server_url": f"{self.url}/execution/",
            },
            "database": {
                "sql_alchemy_conn": self.database_url.replace("postgresql://", "postgresql+psycopg2://", 1),
                "sql_alchemy_conn_async": self.database_url.replace("postgresql://", "postgresql+asyncpg://", 1),
            },
            "logging": {
                "base_log_folder": self._folder / "logs",
                "dag_processor_child_process_log_directory": self._folder / "logs" / "dag_processor",
                "uvicorn_logging_level": "WARNING",
                "colored_console_log": False,
            },
            "api": {
                "host": ports.LOOPBACK,
                "port": self._port,
                "base_url": self.url,
                "workers": 1,
                "secret_key": secrets.kept(vault, "session"),
                "instance_name": "Simpul",
            },
            # 64 bytes: Airflow signs with HS512.
            "api_auth": {"jwt_secret": secrets.kept(vault, "jwt", lambda: base64.b64encode(os.urandom(64)).decode())},
            "dag_processor": {
                "refresh_interval": 10,
                "parsing_processes": 2,
                # A changed file is parsed at once all the same.
                "min_file_process_interval": 300,
                "print_stats_interval": 0,
            },
            # A killed triggerer's steps move to its successor after this, not after 30 s.
            "triggerer": {"job_heartbeat_sec": 2, "triggerer_health_check_threshold": 10},
            "scheduler": {"orphaned_tasks_check_interval": 30},
        }
        variables = {
            f"AIRFLOW__{section.upper()}__{option.upper()}": str(value)
            for section, values in options.items()
            for option, value in values.items()
        }
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        return {**variables, **self._env, "AIRFLOW_HOME": str(self._folder), "PATH": path, "NO_COLOR": "1"}

    def _prepare(self) -> None:
        passwords = self._folder / "secrets" / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({PERSON: self.password, SERVICE: self.service_password}) + "\n")
        create_database(self.database_url, self._database)

    def _answers(self) -> bool:
        answer = requests.get(f"{self.url}/api/v2/monitor/health", timeout=5)
        return bool(answer.json()["metadatabase"]["status"] == "healthy")

    def _note_start(self, name: str) -> None:
        self._since[name] = time.time()

    def _has_started(self, component: str, name: str) -> bool:
        """Whether the component has reported to the metadata since it was last started."""
        with psycopg.connect(self.database_url, connect_timeout=5) as connection:
            query = "SELECT 1 FROM job WHERE job_type = %s AND state = 'running' AND start_date >= to_timestamp(%s)"
            return connection.execute(query, [_JOBS[component], self._since[name]]).fetchone() is not None

    def _has_parsed_dags(self) -> bool:
        """Whether Airflow has read every file of the dags folder.

        Raises:
            StartError: It could not import one.
        """
        expected = {str(file) for file in self._dags.glob("*.py")}
        with psycopg.connect(self.database_url, connect_timeout=5) as connection:
            broken = connection.execute("SELECT filename, stacktrace FROM import_error").fetchall()
            if broken:
                raise StartError("; ".join(f"{file}: {trace.strip().splitlines()[-1]}" for file, trace in broken))
            return expected <= {file for (file,) in connection.execute("SELECT fileloc FROM dag WHERE NOT is_stale")}
