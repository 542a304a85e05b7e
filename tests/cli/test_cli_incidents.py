"""`simpul incident` and `simpul application rerun`, over a real ledger."""

import json

import pytest
from typer.testing import CliRunner

from simpul import cli
from simpul.ledger import transaction, waves
from tests.ledger.conftest import world

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
