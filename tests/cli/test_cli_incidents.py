"""`simpul incident`, `simpul application rerun` and `migrate`, over a real ledger."""

import base64
import json

import pytest
from typer.testing import CliRunner

from simpul import cli
from simpul.ledger import definitions, transaction, waves
from tests.ledger.conftest import BIRTH, world

__all__ = ["world"]


@pytest.fixture
def simpul(database_url):
    def run(*arguments):
        return CliRunner(env={"SIMPUL_DATABASE_URL": database_url}).invoke(cli.app, list(arguments))

    return run


@pytest.fixture
def doubtful(world):
    number = world.file()
    wave = world.claim()
    world.enter(wave, "deed")
    world.relay()
    world.answer(number, "deed", "failed")
    return number


def test_a_doubtful_write_is_listed_shown_and_looked_up(simpul, doubtful, world):
    assert f"in_doubt             {doubtful} deed dukcapil  [us moves next]  doubt" in simpul("incident", "list").output
    shown = simpul("incident", "show", "1").output
    for words in ("dukcapil.register_birth (write, sent)", "reference    R", "diagnosa     ragu", "look_up, reject"):
        assert words in shown
    refused = simpul("incident", "resolve", "1", "--retry", "--reason", "try again")
    assert (refused.exit_code, "look it up first" in refused.output) == (1, True)
    done = simpul("incident", "resolve", "1", "--look-up", "--reason", "they are back")
    assert (done.exit_code, done.output) == (0, "incident 1: look_up; the application is runnable\n")
    assert json.loads(simpul("incident", "list", "--json").output) == []


def test_a_no_by_telephone_reaches_the_citizen_in_both_languages(simpul, doubtful, world):
    done = simpul("incident", "resolve", "1", "--rejected", "Ditolak", "--english", "Refused", "--reason", "telephone")
    assert done.exit_code == 0
    assert world.row(doubtful, "outcome")[0].reason["text"] == {"id": "Ditolak", "en": "Refused"}


def test_a_decision_is_exactly_one_and_has_a_reason_without_numbers(simpul, doubtful):
    assert simpul("incident", "resolve", "1", "--reason", "nothing chosen").exit_code == 2
    assert simpul("incident", "resolve", "1", "--retry", "--note", "--reason", "two").exit_code == 2
    assert simpul("incident", "resolve", "1", "--note", "--reason", "of 9974014101900001").exit_code == 2


def test_many_are_rerun_and_what_would_be_written_twice_is_refused(simpul, doubtful, world):
    done = world.file()
    wave = world.claim()
    world.enter(wave, "deed")
    world.relay()
    world.answer(done, "deed", "done")
    with transaction(world.db) as connection:
        waves.give_back(connection, wave, result="success", strikes=3, now=world.now)
    many = ("application", "rerun", "--service", "birth", "--from", "deed")
    dry = simpul(*many, "--dry-run")
    assert "writes sent again: deed (dukcapil.register_birth, done)" in dry.output
    assert "2 of 2 applications" in dry.output
    refused = simpul(*many, "--reason", "as the agency asked")
    assert (refused.exit_code, "0 of 2 applications" in refused.output) == (1, True)
    forced = simpul("application", "rerun", done, "--from", "deed", "--force", "--reason", "as the agency asked")
    assert forced.exit_code == 0
    assert world.row(done)[0].revisions == {"deed": 2}


def test_a_rerun_needs_one_application_or_a_service_and_a_reason(simpul, doubtful):
    assert simpul("application", "rerun", "--from", "deed", "--dry-run").exit_code == 2
    assert simpul("application", "rerun", doubtful, "--from", "deed").exit_code == 2


def test_many_go_over_and_what_is_in_flight_or_blocked_is_told(database_url, world):
    free, busy = world.file(), world.file()
    wave = world.claim(limit=1)
    moving = free if world.row(free)[0].wave else busy
    still = ({free, busy} - {moving}).pop()
    world.enter(wave, "deed")
    world.relay()
    with transaction(world.db) as connection:
        definitions.publish(connection, BIRTH.model_copy(update={"version": 2}), actor="test", now=world.now)
    key = base64.b64encode(bytes(range(32))).decode()
    runner = CliRunner(env={"SIMPUL_DATABASE_URL": database_url, "SIMPUL_MASTER_KEY": key})
    words = ["application", "migrate", "--service", "birth", "--from", "1", "--to", "2"]
    assert runner.invoke(cli.app, [*words, "--drop", "deed"]).exit_code == 2
    assert "no step kard" in runner.invoke(cli.app, [*words, "--map", "deed=kard"]).output
    done = runner.invoke(cli.app, [*words, "--json"])
    told = {each["number"]: each for each in json.loads(done.output)}
    assert done.exit_code == 1
    assert (told[still]["result"], told[moving]["result"]) == ("migrated", "in flight")
    assert (world.row(still)[0].version, world.row(moving)[0].version) == (2, 1)
    again = runner.invoke(cli.app, [*words, still])
    assert (again.exit_code, again.output) == (0, f"{still}: already there\n1 of 1 applications\n")
