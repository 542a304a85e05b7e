"""What every test may ask for: real Postgres, real Kafka, sandbox agencies, settings of its own.

Servers start when the first test asks for them, serve the whole session, and end with it, also when it is killed.
SIMPUL_DATABASE_URL and SIMPUL_KAFKA_BOOTSTRAP name servers to use instead.
"""

import base64
import logging
import os
import secrets as random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog

from simpul.embedded import kafka as embedded_kafka
from simpul.embedded import ports
from simpul.embedded.postgres import Postgres, create_database, drop_database, with_database
from simpul.embedded.supervisor import Process, Supervisor

if TYPE_CHECKING:
    from simpul.embedded.stack import Stack

DAGS = Path(__file__).parents[1] / "dags"
CATALOGUE = ("dukcapil", "imigrasi")
"""Whose services of the catalogue a running stack of the tests has: some that are free, and some that are paid for."""
_TEMPLATE = "ledger_template"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who shares a stack comes after those who start their own, beside which it would idle; who turns its clock, last."""
    items.sort(
        key=lambda item: (
            "stack" in getattr(item, "fixturenames", ()),
            item.get_closest_marker("turns_clock") is not None,
        )
    )


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command that a test runs in this process sets up logging, to a stream that is gone afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def _servers() -> Iterator[Supervisor]:
    with tempfile.TemporaryDirectory(prefix="simpul-tests-") as folder, Supervisor(Path(folder)) as supervisor:
        yield supervisor


@pytest.fixture(scope="session")
def postgres_url(_servers: Supervisor) -> Iterator[str]:
    """A Postgres server: the URL of its maintenance database, as a user that may create databases."""
    if given := os.environ.get("SIMPUL_DATABASE_URL"):
        yield given
        return
    # Killed servers lose nothing without fsync, only crashed machines do; databases are made three times as fast.
    server = Postgres(_servers.folder, port=ports.pick(), durable=False)
    _servers.start(server.process(databases=()))
    yield server.url("postgres")
    _servers.stop_one("postgres")
    server.remove()


@pytest.fixture(scope="session")
def kafka(_servers: Supervisor) -> str:
    """A Kafka broker: its bootstrap address. Keep apart by `settings().topic_prefix`."""
    if given := os.environ.get("SIMPUL_KAFKA_BOOTSTRAP"):
        return given
    port, controller = ports.pick(), ports.pick()
    bootstrap = f"{ports.LOOPBACK}:{port}"
    _servers.start(
        Process(
            name="kafka",
            launch=lambda: embedded_kafka.prepare(_servers.folder / "kafka", port, controller),
            ready=lambda: embedded_kafka.is_ready(bootstrap),
            # The first time it is fetched.
            start_seconds=600,
        )
    )
    return bootstrap


@pytest.fixture(scope="session")
def _migrated(postgres_url: str) -> Iterator[str]:
    from simpul.ledger.database import migrate

    name = f"{_TEMPLATE}_{random.token_hex(4)}"
    create_database(postgres_url, name)
    migrate(with_database(postgres_url, name))
    yield name
    with suppress(Exception):
        drop_database(postgres_url, name)


@pytest.fixture
def database_url(postgres_url: str, _migrated: str) -> Iterator[str]:
    """A database of this test's own with an empty ledger in it."""
    name = f"test_{random.token_hex(6)}"
    create_database(postgres_url, name, template=_migrated)
    yield with_database(postgres_url, name)
    with suppress(Exception):
        drop_database(postgres_url, name)


@pytest.fixture
def settings(request: pytest.FixtureRequest) -> Callable[..., "object"]:
    """Makes `Settings` with a topic prefix and a master key of its own.

    The test's `database_url` and `kafka` go in where the test asks for these fixtures too; arguments win.
    """
    from simpul.config import Settings

    def make(**values: object) -> Settings:
        defaults: dict[str, object] = {
            "topic_prefix": f"t{random.token_hex(4)}.",
            "master_key": base64.b64encode(random.token_bytes(32)).decode(),
        }
        for fixture, name in {"database_url": "database_url", "kafka": "kafka_bootstrap"}.items():
            if fixture in request.fixturenames:
                defaults[name] = request.getfixturevalue(fixture)
        return Settings(**{**defaults, **values})

    return make


@pytest.fixture(scope="session")
def _sandbox(_servers: Supervisor) -> str:
    port = ports.pick()
    _servers.start(
        Process(
            name="sandbox",
            command=[
                *(sys.executable, "-m", "uvicorn", "--factory", "connectors.sandbox_app:app"),
                *("--host", ports.LOOPBACK, "--port", str(port), "--log-level", "warning", "--no-access-log"),
            ],
            ready=lambda: ports.is_open(port),
        )
    )
    return f"http://{ports.LOOPBACK}:{port}"


@pytest.fixture
def sandbox_url(_sandbox: str) -> str:
    """The sandbox agencies in a process of their own, with no faults scripted and nothing written yet."""
    import requests

    from connectors.registry import agencies

    for agency in agencies():
        requests.post(f"{_sandbox}/_sandbox/{agency}/reset", timeout=10).raise_for_status()
    return _sandbox


def dags(folder: Path) -> Path:
    """A folder of workflows with little of the catalogue: Airflow, and with it each stack, starts the sooner."""

    shutil.copytree(DAGS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*folder.glob("catalogue_*.py"), *folder.glob("catalogue/*"), *folder.glob("published/catalogue/*")]:
        if file.stem.removeprefix("catalogue_") not in CATALOGUE:
            file.unlink()
    return folder


@pytest.fixture(scope="session")
def stack() -> Iterator["Stack"]:
    """The whole of Simpul, Airflow included, shared by all tests that ask for it: file cases, break nothing.

    A test that kills processes starts a `Stack` of its own. Its clock is turned by the file that its settings name, forward only.
    """
    from simpul.embedded.scenarios.play import SETTINGS
    from simpul.embedded.stack import Plan, Stack

    with tempfile.TemporaryDirectory(prefix="simpul-stack-") as folder:
        some = dags(Path(folder) / "dags")
        # Fewer and larger waves: each costs Airflow the same, and nobody stands at a counter here.
        settings = {"SIMPUL_CLOCK_OFFSET_FILE": f"{folder}/clock", "SIMPUL_WAVE_LINGER": "2", **SETTINGS}
        running = Stack(Plan(folder=Path(folder), dags=some, durable=False, usual_ports=False, settings=settings))
        try:
            with running:
                yield running
        finally:
            running.remove_data()
