"""The demo and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simpul.embedded import guard
from simpul.embedded.demo import shown
from simpul.embedded.scenarios import SERVICES

NOW = datetime(2026, 1, 9, 3, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def _demo(folder: Path, *options: str) -> list[str]:
    # SIGINT is ignored, and so inherited, where the tests themselves run in the background of a shell.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    call = f"{heed}; from simpul.cli import app; app(prog_name='simpul')"
    return [sys.executable, "-c", call, "demo", "--folder", str(folder), *options]


def _alive(folder: Path) -> list[int]:
    return guard.marked(json.loads((folder / "state.json").read_text())["session"])


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    # Root's Postgres keeps its data where its unprivileged user can reach it.
    if (name := tmp_path / "secrets" / "postgres-folder").exists():
        subprocess.run(["rm", "-rf", f"/var/tmp/{name.read_text()}"], check=True)  # noqa: S108


def test_the_demo_shows_all_services_over_all_channels():
    dealt = shown(NOW)
    assert len(dealt) == 23
    assert {each.scenario.service for each in dealt} > set(SERVICES)
    assert {each.scenario.end.state for each in dealt} == {"completed", "rejected", "withdrawn"}
    assert sum(each.scenario.faulty for each in dealt) == 1
    assert not any(each.scenario.lapses for each in dealt)


def test_where_java_is_missing_the_demo_says_what_to_do_and_leaves_nothing(folder):
    environment = {**os.environ, "PATH": "/nonexistent"}
    environment.pop("JAVA_HOME", None)
    environment.pop("SIMPUL_KAFKA_BOOTSTRAP", None)
    done = subprocess.run(
        _demo(folder, "--exit"), cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert last.startswith("Could not start. kafka: No Java found: install a JRE 17 or newer")
    assert "SIMPUL_KAFKA_BOOTSTRAP" in last
    assert "Traceback" not in done.stdout + done.stderr
    assert _alive(folder) == []


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_the_demo_carries_every_application_to_the_end_its_sample_says(folder):
    done = subprocess.run(_demo(folder, "--exit"), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "All 23 ended as they should" in done.stdout
    assert "Console API" in done.stdout
    assert _alive(folder) == []


@pytest.mark.stack
@pytest.mark.timeout(300)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_when_the_demo_is_stopped_while_it_starts(folder, how):
    with subprocess.Popen(
        _demo(folder), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as running:
        deadline = time.monotonic() + 120
        # Postgres, Kafka and at least one process of Airflow are up.
        while not (folder / "state.json").exists() or len(_alive(folder)) < 4:
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        running.send_signal(how)
        running.wait(60)
    deadline = time.monotonic() + 20
    while _alive(folder):
        assert time.monotonic() < deadline, _alive(folder)
        time.sleep(0.1)
