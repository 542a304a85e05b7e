import json
import os
import re
import signal
import subprocess
import sys

import pytest
import requests
from typer.testing import CliRunner

from connectors import catalogue
from connectors.toolkit.population import Population
from simpul.commands import connector

FATHER = Population().family(3).father
DEAD = Population().family_with("deceased_father").father
run = CliRunner().invoke


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    for name in os.environ:
        if name.startswith("SIMPUL_"):
            monkeypatch.delenv(name)


def call(*arguments):
    return run(connector.app, ["call", *arguments])


def test_a_call_against_the_sandbox_needs_no_settings_and_shows_no_personal_data():
    done = call("dukcapil.get_person", "--sandbox", "--json", json.dumps({"nik": FATHER.nik}))

    assert done.exit_code == 0
    assert json.loads(done.stdout).keys() >= {"nik", "name", "address"}
    for secret in (FATHER.nik, FATHER.name.upper(), FATHER.nkk):
        assert secret not in done.output


def test_reveal_shows_the_record():
    done = call("dukcapil.get_person", "--sandbox", "--reveal", "--json", json.dumps({"nik": FATHER.nik}))

    assert json.loads(done.stdout)["nik"] == FATHER.nik


def test_a_refusal_is_explained_in_both_languages_and_by_exit_status():
    done = call("dukcapil.get_person", "--sandbox", "--json", json.dumps({"nik": DEAD.nik}))

    assert done.exit_code == connector.EXIT_STATUS["rejected"]
    assert "rejected (11); next move: citizen" in done.stderr
    assert "deceased" in done.stderr
    assert "meninggal" in done.stderr


def test_without_settings_the_missing_variables_are_named():
    done = call("dukcapil.get_person", "--json", json.dumps({"nik": FATHER.nik}))

    assert done.exit_code == connector.EXIT_STATUS["misconfigured"]
    assert "SIMPUL_DUKCAPIL_BASE_URL" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody.get_person", "--json", "{}"], "no agency"),
        (["dukcapil.get_parson", "--json", "{}"], "no operation"),
        (["dukcapil.get_person", "--json", '{"nik": "123"}'], "nik"),
        (["dukcapil.get_person", "--json", "{"], "JSON"),
        (["dukcapil.issue_family_card", "--json", json.dumps({"nkk": FATHER.nkk})], "--reference"),
        (
            ["dukcapil.get_person", "--look-up", "--reference", "R", "--json", '{"nik": "9999010101900001"}'],
            "looked up",
        ),
    ],
)
def test_wrong_usage_is_explained_without_repeating_values(arguments, said):
    done = call(*arguments)
    words = " ".join(re.sub(r"[│╭╰─╮╯]", " ", done.stderr).split())

    assert done.exit_code == 2
    assert said in words
    assert FATHER.nkk not in words


def test_a_write_is_looked_up_instead_of_sent():
    request = json.dumps({"nkk": FATHER.nkk})
    done = call("dukcapil.issue_family_card", "--sandbox", "--look-up", "--reference", "R", "--json", request)

    assert (done.exit_code, done.stdout.strip()) == (0, "null")


def test_the_list_tells_effect_contract_and_look_up():
    done = run(connector.app, ["list"])

    assert re.search(r"dukcapil\.register_birth +write +G +by reference +birth-deed/1 ", done.stdout)
    assert json.loads(run(connector.app, ["list", "--json"]).stdout) == catalogue.load()


def test_the_list_tells_an_agencys_settings():
    done = run(connector.app, ["list", "--settings", "dukcapil"])

    assert "SIMPUL_DUKCAPIL_PASSWORD  (required)" in done.stdout


def test_the_catalogue_check_finds_what_is_out_of_date(monkeypatch, tmp_path):
    assert run(connector.app, ["catalogue", "--check"]).exit_code == 0

    monkeypatch.setattr(catalogue, "path", lambda agency: tmp_path / f"{agency}.json")
    assert run(connector.app, ["catalogue", "--check"]).exit_code == 1
    assert run(connector.app, ["catalogue"]).exit_code == 0
    assert run(connector.app, ["catalogue", "--check"]).exit_code == 0


def test_the_sandbox_command_serves_with_faults_and_says_where(tmp_path):
    faults = tmp_path / "faults.json"
    faults.write_text('{"dukcapil": [{"faults": [{"kind": "status", "status": 503}]}]}')
    command = ["sandbox", "--port", "0", "--agency", "dukcapil", "--environment", "--faults", str(faults)]
    with subprocess.Popen(
        [sys.executable, "-c", "from simpul.cli import app; app()", *command], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            variables = dict(process.stdout.readline().strip().split("=", 1) for _ in range(4))
            url = variables["SIMPUL_DUKCAPIL_BASE_URL"]
            assert requests.post(f"{url}/CALL_NIK", json={}, timeout=10).status_code == 503
            assert requests.post(f"{url}/CALL_NIK", json={}, timeout=10).status_code == 200
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode in {0, -signal.SIGTERM}


def test_the_list_tells_how_agencies_are(database_url, monkeypatch):
    from datetime import UTC, datetime, timedelta

    from schemas.messages import Failure
    from schemas.text import Text
    from simpul.ledger.attempts import Attempts

    now = datetime.now(UTC)
    for agency in ("dukcapil", "simponi"):
        attempts = Attempts(database_url, agency, "gateway", timedelta(seconds=30))
        attempts.agency(now=now)
        if agency == "simponi":
            told = Text(id="Ditolak", en="Refused")
            attempts.stop(Failure(kind="misconfigured", code="IU", diagnosis=told, owner="us"), now=now)
        else:
            attempts.show_circuit("open", now=now)
        attempts.close()
    assert "circuit open" not in run(connector.app, ["list"]).stdout
    monkeypatch.setenv("SIMPUL_DATABASE_URL", database_url)
    lines = run(connector.app, ["list"]).stdout.splitlines()
    assert any(line.startswith("dukcapil.get_person") and "circuit open" in line for line in lines)
    assert any(line.startswith("simponi.get_bill") and "stopped (IU)" in line for line in lines)
