"""What an operator types."""

from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from schemas.messages import Failure
from schemas.text import Text
from simpul.cli import app
from simpul.ledger.attempts import Attempts


@pytest.fixture
def run(monkeypatch):
    def call(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, ["gateway", *arguments])

    return call


def test_an_unknown_agency_is_named_together_with_those_there_are(run):
    result = run("ministry_of_silly_walks")
    assert result.exit_code == 2
    assert "dukcapil" in result.output


def test_a_missing_setting_is_named_by_its_variable(run, monkeypatch):
    monkeypatch.delenv("SIMPUL_DUKCAPIL_BASE_URL", raising=False)
    result = run("dukcapil")
    assert result.exit_code == 2
    assert "SIMPUL_DUKCAPIL_BASE_URL" in result.output


def test_resume_turns_a_stopped_agency_on_again(run, database_url):
    attempts = Attempts(database_url, "dukcapil", "gateway", timedelta(seconds=30))
    failure = Failure(kind="misconfigured", code="HTTP_401", diagnosis=Text(id="Ditolak", en="Refused"), owner="us")
    attempts.stop(failure, now=datetime.now(UTC))

    first = run("dukcapil", "--resume", SIMPUL_DATABASE_URL=database_url)
    again = run("dukcapil", "--resume", SIMPUL_DATABASE_URL=database_url)

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert "is on again" in first.output
    assert "was not turned off" in again.output
    assert not attempts.agency(now=datetime.now(UTC)).stopped
    attempts.close()


def test_a_ledger_that_is_away_is_one_line(run):
    result = run("dukcapil", "--resume", SIMPUL_DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert result.exit_code == 1
    assert "SIMPUL_DATABASE_URL" in result.output
