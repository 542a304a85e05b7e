"""That the benchmark measures what it says; how long things take is for its report."""

import json

import pytest
import requests
from typer.testing import CliRunner

from connectors import bench, registry, sandbox_app
from simpul.cli import app

AGENCIES = [agency for agency in registry.agencies() if hasattr(registry.module(agency, "sandbox"), "EXAMPLES")]


@pytest.fixture(scope="module")
def sandbox():
    with sandbox_app.running(AGENCIES) as running:
        yield running


@pytest.mark.parametrize("agency", AGENCIES)
def test_an_agency_has_a_call_that_the_yardstick_can_repeat_byte_for_byte(sandbox, agency):
    trials = 0
    for trial in bench.trials(agency, sandbox.url):
        trials += 1
        wires, replies, bodies = trial.recorded()
        assert len(wires) == len(replies) >= 1
        assert sum(wire.soap for wire in wires) == len(bodies)
        with requests.Session() as session:
            session.trust_env = False
            again = [wire.again(session) for wire in wires]
        for wire, repeated, reply in zip(wires, again, replies, strict=True):
            # What differs is for being a repeat: the bank has seen its number, immigration its nonce, and the notices'
            # gateway gives what it took before (200) instead of taking it (202).
            known_before = 200 if reply.status == 202 else reply.status
            assert repeated.status_code in {reply.status, 500 if wire.soap else 409, known_before}
    assert trials


def test_the_command_reports_every_part_of_a_call():
    done = CliRunner().invoke(app, ["bench", "connectors", "djp", "--calls", "2", "--json"])
    assert done.exit_code == 0
    for figures in json.loads(done.stdout):
        assert figures["agency"] == "djp"
        assert figures["calls_per_second"] > 0
        assert set(figures["parts"]) == {"transport", "soap", "signing", "mapping", "validation", "toolkit"}


def test_an_agency_that_is_not_there_is_told():
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["bench", "connectors", "nobody"])
    assert done.exit_code == 2
    assert "no agency nobody" in done.stderr
