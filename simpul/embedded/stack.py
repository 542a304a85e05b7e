"""The whole of Simpul on one machine, composed for the supervisor: what runs, in which order, with which settings.

`simpul up`, `simpul demo`, `simpul bench` and the tests of the whole stack start this. What you bring (Postgres by
SIMPUL_DATABASE_URL, Kafka by SIMPUL_KAFKA_BOOTSTRAP) is used; everything else is started here, on loopback.
"""

import base64
import fcntl
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import urlsplit

import psycopg
import requests

from connectors import sandbox_app
from connectors.registry import agencies, connector_class
from simpul.embedded import gateways as shared
from simpul.embedded import guard, kafka, ports, secrets
from simpul.embedded.airflow import PERSON, SERVICE, Airflow
from simpul.embedded.kafka import KafkaUnavailableError
from simpul.embedded.postgres import Postgres, PostgresMissingError, create_database
from simpul.embedded.supervisor import Happening, Process, StartError, Supervisor, at_once

DATABASE, BROKER = "postgres", "kafka"
_LEDGER, _TOPICS, _SERVICES = "ledger", "topics", "services"
_MINE = ("SIMPUL_", "AIRFLOW__", "AIRFLOW_")
_GIVEN = ("SIMPUL_CACHE",)

_EVERYBODY = ("SIMPUL_CLOCK_OFFSET_FILE", "SIMPUL_LOG_*", "SIMPUL_TRACEBACK")
_DATABASE = ("SIMPUL_DATABASE_URL",)
_BUS = ("SIMPUL_KAFKA_BOOTSTRAP", "SIMPUL_TOPIC_PREFIX")
_KEYS = ("SIMPUL_MASTER_KEY", "SIMPUL_INSTALLATION")
READS: Mapping[str, tuple[str, ...]] = {
    "db": _DATABASE,
    "topics": _BUS,
    "service": (*_DATABASE, "SIMPUL_DAGS_FOLDER"),
    "sandbox": (),
    "gateway": (*_DATABASE, *_BUS, *_KEYS, "SIMPUL_ATTEMPTS"),
    "projector": (*_DATABASE, *_BUS),
    "engine": (
        *(*_DATABASE, *_BUS, *_KEYS, "SIMPUL_AIRFLOW_*"),
        *("SIMPUL_WAVE_*", "SIMPUL_WAVES_*", "SIMPUL_LOST_AFTER", "SIMPUL_STRIKES", "SIMPUL_CALENDAR_FILE"),
        *("SIMPUL_PUBLIC_URL", "SIMPUL_STANDARD_WARNING"),
    ),
    "console": (
        *(*_DATABASE, *_BUS, *_KEYS, "SIMPUL_CONSOLE_*"),
        *("SIMPUL_CALENDAR_FILE", "SIMPUL_EXCHANGE_SECONDS", "SIMPUL_EXCHANGES_IN_FLIGHT"),
        *("SIMPUL_HEAD_START", "SIMPUL_STANDARD_WARNING"),
    ),
}
"""What each role is given, by its command: patterns of variables, each of which may also come from a file (`…_FILE`).

A gateway is given its agency's settings besides, the console those of the agencies that call us. Nothing else: what a
process does not read, it cannot leak.
"""
AIRFLOW_READS = (*_EVERYBODY, "SIMPUL_WAVE_*", "SIMPUL_CONSOLE_HOST", "SIMPUL_CONSOLE_PORT")
"""What all of Airflow is given; the triggerer, where steps run, is given the ledger's address besides."""


class FolderInUseError(RuntimeError):
    """Another Simpul runs in the same work folder."""


CANNOT_START = (StartError, FolderInUseError, KafkaUnavailableError, PostgresMissingError)
"""What keeps a stack from starting; each message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a stack is made of.

    Attributes:
        folder: Everything that is written goes here (and see `Postgres` for where its data goes under root).
        dags: The folder of service workflows.
        settings: Added to what every Simpul process gets, by environment variable: `SIMPUL_WAVE_SIZE`, …
        agencies: Whose gateways run; all when empty.
        gateways: Processes per agency.
        gateways_alone: Agencies that share their gateway's process with no other, the busiest ones.
        triggerers: How many share the steps.
        workflows: Whether applications are carried. Without, there is neither Airflow nor engine: what the exchange needs.
        durable: Whether Postgres waits for the disk.
        usual_ports: Take 5432, 9092, 8080, … where they are free. Off for tests, several of which may run at once.
    """

    folder: Path
    dags: Path = Path("dags")
    settings: Mapping[str, str] = field(default_factory=dict)
    agencies: tuple[str, ...] = ()
    gateways: int = 1
    gateways_alone: int = 3
    triggerers: int = 1
    workflows: bool = True
    durable: bool = True
    usual_ports: bool = True

    def port(self, usual: int) -> int:
        """A free port."""
        return ports.pick(usual if self.usual_ports else None)


class Stack:
    """Everything, running between `__enter__` and `__exit__`.

    Args:
        plan: What it is made of.
        report: Told of every happening of every process.
    """

    def __init__(self, plan: Plan, report: Callable[[str, Happening, str], None] | None = None) -> None:
        self.plan = plan
        self.folder = plan.folder.resolve()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(self.folder)
        self._given = {name: os.environ[name] for name in _given_variables()}
        environment = {name: value for name, value in os.environ.items() if not name.startswith(_MINE)}
        self.supervisor = Supervisor(self.folder, report, environment=environment | _kept(_GIVEN))

        given_database = self._given.get("SIMPUL_DATABASE_URL")
        self._postgres = None if given_database else Postgres(self.folder, port=plan.port(5432), durable=plan.durable)
        self.database_url = given_database or self._need_postgres().url()
        self._kafka_port, self._controller_port = plan.port(9092), plan.port(9093)
        self.kafka_bootstrap = self._given.get("SIMPUL_KAFKA_BOOTSTRAP") or f"{ports.LOOPBACK}:{self._kafka_port}"
        self._sandbox_port, self._console_port = plan.port(8900), plan.port(8765)
        self.sandbox_url = f"http://{ports.LOOPBACK}:{self._sandbox_port}"
        self.console_url = f"http://{ports.LOOPBACK}:{self._console_port}"
        self.airflow = Airflow(
            self.folder / "airflow",
            dags=plan.dags,
            database_url=self.database_url,
            database=urlsplit(self.database_url).path.strip("/") + "_airflow",
            port=plan.port(8080),
            triggerers=plan.triggerers,
            env=_only({**self._given, **self._shown, **plan.settings}, AIRFLOW_READS),
            triggerer_env=_only({**self._given, "SIMPUL_DATABASE_URL": self.database_url}, _DATABASE),
        )
        self.metrics = {"console": f"{self.console_url}/metrics"}
        self.supervisor.facts = {
            "metrics": self.metrics,
            "urls": {"console": self.console_url, "airflow": self.airflow.url, "sandbox": self.sandbox_url},
            "kafka": self.kafka_bootstrap,
        }

    def __enter__(self) -> Self:
        self.write_command()
        try:
            self.supervisor.start(*self.processes())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def close(self) -> None:
        """Free the work folder."""
        self._lock.close()

    @property
    def _shown(self) -> dict[str, str]:
        return {
            "SIMPUL_CONSOLE_HOST": ports.LOOPBACK,
            "SIMPUL_CONSOLE_PORT": str(self._console_port),
            "SIMPUL_PUBLIC_URL": self.console_url,
            "SIMPUL_LOG_FORMAT": "text",
        }

    @property
    def environment(self) -> dict[str, str]:
        """The SIMPUL_* variables of this stack, all secrets included: for its owner to run further commands beside it.

        A process of the stack gets only its role's share, see `READS`.
        """
        master_key = secrets.kept(
            self.folder / "secrets", "master-key", lambda: base64.b64encode(os.urandom(32)).decode()
        )
        return {
            "SIMPUL_MASTER_KEY": master_key,
            **self._given,
            "SIMPUL_DATABASE_URL": self.database_url,
            "SIMPUL_KAFKA_BOOTSTRAP": self.kafka_bootstrap,
            "SIMPUL_AIRFLOW_URL": self.airflow.url,
            "SIMPUL_AIRFLOW_USER": SERVICE,
            "SIMPUL_AIRFLOW_PASSWORD": self.airflow.service_password,
            "SIMPUL_DAGS_FOLDER": str(self.plan.dags.resolve()),
            "SIMPUL_WORK_FOLDER": str(self.folder),
            **self._shown,
            **self.plan.settings,
        }

    @property
    def addresses(self) -> dict[str, str]:
        """What a person may want to open, and the login."""
        return {
            "Console API": f"{self.console_url}/docs",
            "Airflow": f"{self.airflow.url}  (user {PERSON}, password {self.airflow.password})",
            "Sandbox agencies": self.sandbox_url,
            "Commands": f"{self.folder / 'simpul'} trace NUMBER",
            "Logs": str(self.supervisor.logs),
        }

    def write_command(self) -> Path:
        """Put a `simpul` into the work folder that speaks to this stack; only its owner reads it, for it holds secrets.

        Variables in the shell instead would outlive the stack, and be taken by the next one for servers to use.
        """
        agencies_settings = sandbox_app.environment(self.sandbox_url)
        variables = {**agencies_settings, **self.environment}
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        path = self.folder / "simpul"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700), "w") as file:
            file.write("\n".join(["#!/bin/sh", *lines, f'exec {shlex.join(command())} "$@"', ""]))
        return path

    def processes(self) -> list[Process]:
        """All of it, in the order in which it is shown."""
        carriers = [*self._airflow(), self._engine()] if self.plan.workflows else []
        return [*self._servers(), *self._set_up(), *self._workers(), *carriers]

    def gateway_names(self, agency: str) -> list[str]:
        """The gateway processes of an agency, which others may share."""
        (name,) = (name for name, members in self._gateway_groups.items() if agency in members)
        more = [f"gateway-{name}-{number}" for number in range(2, self.plan.gateways + 1)]
        return [f"gateway-{name}", *more]

    @cached_property
    def _gateway_groups(self) -> dict[str, tuple[str, ...]]:
        return shared.groups(self.plan.agencies or agencies(), self.plan.dags, self.plan.gateways_alone)

    def remove_data(self) -> None:
        """Delete the embedded Postgres's data; for stacks whose folder is thrown away."""
        if self._postgres:
            self._postgres.remove()

    def _stop(self) -> None:
        self.supervisor.stop()
        self.close()

    def _need_postgres(self) -> Postgres:
        if self._postgres is None:
            raise RuntimeError("Postgres was brought, not started")
        return self._postgres

    def _servers(self) -> list[Process]:
        if self._postgres:
            name = urlsplit(self.database_url).path.strip("/")
            database = self._postgres.process(DATABASE, databases=(name,))
        else:
            database = Process(name=DATABASE, ready=self._database_answers, where="SIMPUL_DATABASE_URL")
        given = "SIMPUL_KAFKA_BOOTSTRAP" in self._given
        broker = Process(
            name=BROKER,
            launch=None
            if given
            else lambda: kafka.prepare(self.folder / "kafka", self._kafka_port, self._controller_port),
            ready=lambda: kafka.is_ready(self.kafka_bootstrap),
            # The first time it is fetched.
            start_seconds=900,
            where=self.kafka_bootstrap,
        )
        return [database, broker]

    def _database_answers(self) -> bool:
        create_database(self.database_url, urlsplit(self.database_url).path.strip("/"))
        with psycopg.connect(self.database_url, connect_timeout=5):
            return True

    def _set_up(self) -> list[Process]:
        return [
            self._simpul(_LEDGER, "db", "upgrade", after=(DATABASE,), once=True),
            self._simpul(_TOPICS, "topics", "apply", after=(BROKER,), once=True),
            # A workflow that cannot be published now cannot be published a second later.
            self._simpul(_SERVICES, "service", "publish", after=(_LEDGER,), once=True, tries=1),
        ]

    def _airflow(self) -> list[Process]:
        return self.airflow.processes(after=(DATABASE,))

    def _workers(self) -> list[Process]:
        prepared = (_LEDGER, _TOPICS)
        sandbox = self._simpul(
            "sandbox",
            *("sandbox", "--port", str(self._sandbox_port)),
            ready=lambda: ports.is_open(self._sandbox_port),
            where=self.sandbox_url,
        )
        gateways = [
            self._worker(name, "gateway", *members, after=(*prepared, "sandbox"), asks=members)
            for members in self._gateway_groups.values()
            for name in self.gateway_names(members[0])
        ]
        console = self._simpul(
            "console",
            "console",
            after=(*prepared, _SERVICES),
            # How they prove themselves is part of their settings.
            asks=[agency for agency in agencies() if connector_class(agency).callbacks],
            ready=self._console_answers,
            where=self.console_url,
        )
        return [
            sandbox,
            *gateways,
            self._worker("projector", "projector", after=prepared),
            console,
        ]

    def _engine(self) -> Process:
        return self._worker("engine", "engine", after=(_LEDGER, _TOPICS, _SERVICES, "airflow-api"))

    def _worker(self, name: str, *words: str, after: tuple[str, ...], asks: Sequence[str] = ()) -> Process:
        """A process without a port of its own: its metrics tell that it is up."""
        port = ports.pick()
        self.metrics[name] = f"http://{ports.LOOPBACK}:{port}/metrics"
        return self._simpul(
            name,
            *words,
            after=after,
            asks=asks,
            env={"SIMPUL_METRICS_PORT": str(port)},
            ready=lambda: ports.is_open(port),
        )

    def _agency_settings(self, agency: str) -> dict[str, str]:
        """The sandbox's; what is set outside wins: an agency's own test system may take its sandbox's place."""
        made = sandbox_app.settings(agency, self.sandbox_url)
        names = [made.variable(field) for field in type(made).model_fields]
        given = _only(self.environment, names)
        made_up = sandbox_app.environment(self.sandbox_url, [agency])
        # A variable would win over the file that somebody named for it.
        return {name: value for name, value in made_up.items() if f"{name}_FILE" not in given} | given

    def _console_answers(self) -> bool:
        return requests.get(f"{self.console_url}/healthz", timeout=5).ok

    def _simpul(
        self,
        name: str,
        *words: str,
        after: tuple[str, ...] = (),
        once: bool = False,
        tries: int = 3,
        asks: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        ready: Callable[[], bool] = at_once,
        where: str = "",
    ) -> Process:
        own = _only(self.environment, (*_EVERYBODY, *READS[words[0]]))
        agencies_settings = {key: value for agency in asks for key, value in self._agency_settings(agency).items()}
        return Process(
            name=name,
            command=command(*words),
            env={**agencies_settings, **own, **(env or {})},
            after=after,
            once=once,
            tries=tries,
            where=where,
            ready=ready,
        )


def command(*words: str) -> Sequence[str]:
    """The `simpul` command of this very environment."""
    return [sys.executable, "-c", "from simpul.cli import app; app(prog_name='simpul')", *words]


def _given_variables() -> list[str]:
    return [name for name in os.environ if name.startswith("SIMPUL_") and name != guard.VARIABLE]


def _kept(names: Sequence[str]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def _only(variables: Mapping[str, str], patterns: Sequence[str]) -> dict[str, str]:
    """The variables that one of the patterns names, and those that name a file for them."""
    return {
        name: value
        for name, value in variables.items()
        if any(fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}_FILE") for pattern in patterns)
    }


def _locked(folder: Path) -> IO[str]:
    """Hold the folder; it is free again when the file is closed or this process has ended."""
    file = (folder / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise FolderInUseError(
            f"Simpul is already running in {folder}: stop it, or choose another work folder."
        ) from None
    return file
