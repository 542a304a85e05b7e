"""The commands that an installation needs first: db, keys, trace."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from schemas.identifiers import application_number, display_number
from simpul import cli, worktime
from simpul.clock import ManualClock
from simpul.crypto import Keys, decode_master_key
from simpul.definition import Definition, StepDefinition
from simpul.engine.standards import Standards
from simpul.ledger import api_keys, connect, definitions, events, intake, transaction
from simpul.ledger.events import Event

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
NUMBER = application_number("99", 2026, 7)


@pytest.fixture
def simpul(database_url):
    def run(*arguments):
        return CliRunner(env={"SIMPUL_DATABASE_URL": database_url}).invoke(cli.app, list(arguments))

    return run


@pytest.fixture
def engine(database_url):
    opened = connect(database_url)
    yield opened
    opened.dispose()


def test_a_new_master_key_is_thirty_two_bytes_and_never_the_same():
    first, second = (CliRunner().invoke(cli.app, ["keys", "new"]).output.strip() for _ in range(2))
    assert len(decode_master_key(first)) == 32
    assert first != second


def test_db_upgrade_makes_an_empty_database_a_ledger_and_may_be_repeated(postgres_url):
    import secrets

    from simpul.embedded.postgres import create_database, drop_database

    name = f"empty_{secrets.token_hex(4)}"
    create_database(postgres_url, name)
    url = f"{postgres_url.rpartition('/')[0]}/{name}"
    for _ in range(2):
        ran = CliRunner(env={"SIMPUL_DATABASE_URL": url}).invoke(cli.app, ["db", "upgrade"])
        assert (ran.exit_code, ran.output) == (0, "the ledger's schema is up to date\n")
    drop_database(postgres_url, name)


def test_an_issued_key_is_printed_once_and_works(simpul, engine):
    key = simpul("keys", "issue", "counter-1", "--scope", "intake").output.strip()
    with transaction(engine) as connection:
        found = api_keys.find(connection, key)
    assert found is not None
    assert (found.name, found.scopes) == ("counter-1", {"intake"})
    assert key not in simpul("keys", "list").output


def test_a_key_without_scopes_named_may_do_both(simpul):
    simpul("keys", "issue", "mobile-3")
    assert "intake read" in simpul("keys", "list").output


def test_a_revoked_key_is_listed_as_such_and_finds_nothing(simpul, engine):
    key = simpul("keys", "issue", "counter-1").output.strip()
    assert simpul("keys", "revoke", "counter-1").exit_code == 0
    assert "revoked" in simpul("keys", "list").output
    with transaction(engine) as connection:
        assert api_keys.find(connection, key) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("issue", "counter-1"), "was used before"),
        (("issue", "counter-2", "--scope", "all"), "one scope or more of: intake, read"),
        (("revoke", "nobody"), "no key named 'nobody' is in force"),
    ],
)
def test_a_key_command_that_cannot_be_done_says_why_in_one_line(simpul, arguments, words):
    simpul("keys", "issue", "counter-1")
    ran = simpul("keys", *arguments)
    assert ran.exit_code == 1
    assert words in ran.output
    assert ran.output.count("\n") == 1


@pytest.fixture
def story(engine):
    def at(seconds):
        return START + timedelta(seconds=seconds)

    with transaction(engine) as connection:
        events.record(
            connection,
            [
                Event(at=at(0), actor="counter-1", action="application.received", application=NUMBER, service="birth",
                      state="runnable", digest="ab" * 32,
                      detail={"version": 1, "channel": "counter", "form_version": 1}),
                Event(at=at(1), actor="engine", action="step.requested", application=NUMBER, step="deed", revision=1,
                      agency="dukcapil", operation="dukcapil.register_birth", purpose="birth registration",
                      legal_basis="UU 24/2013 art. 27", digest="cd" * 32),
                Event(at=at(2.5), actor="gateway:dukcapil", action="step.rejected", application=NUMBER, step="deed",
                      revision=1, operation="dukcapil.register_birth", agency="dukcapil",
                      detail={"reason": {"code": "11", "text": {"id": "x", "en": "y"}}}),
                Event(at=at(2.5), actor="projector", action="application.rejected", application=NUMBER,
                      state="rejected"),
                Event(at=at(3), actor="counter-1", action="application.received", service="birth", state="runnable",
                      application=application_number("99", 2026, 8),
                      detail={"version": 1, "channel": "web", "form_version": 1}),
            ],
        )  # fmt: skip


@pytest.mark.parametrize("written", [NUMBER, display_number(NUMBER)])
def test_trace_tells_the_story_of_one_application(simpul, story, written):
    ran = simpul("trace", written)
    assert ran.exit_code == 0
    told = ran.output.splitlines()
    assert told[0] == f"Application {display_number(NUMBER)}: birth v1, by counter. Rejected after 2.5 s."
    assert "+1.000 s  2026-03-02 08:00:01Z  engine " in ran.output
    assert "birth registration (UU 24/2013 art. 27)" in ran.output
    assert "deed · dukcapil.register_birth" in ran.output
    assert "sha256 cdcdcdcdcdcd…" in ran.output
    assert "reason 11" in ran.output
    assert "An agency said no" in told[-1]


def test_trace_as_json_has_every_event_in_full(simpul, story):
    told = json.loads(simpul("trace", NUMBER, "--json").output)
    assert told["state"]["state"] == "rejected"
    assert told["state"]["outcomes"] == {"deed": "rejected"}
    assert [event["action"] for event in told["events"]] == [
        "application.received",
        "step.requested",
        "step.rejected",
        "application.rejected",
    ]
    assert told["events"][1]["legal_basis"] == "UU 24/2013 art. 27"


def test_trace_says_when_a_digit_of_the_number_is_wrong(simpul):
    wrong = NUMBER[:-1] + str((int(NUMBER[-1]) + 1) % 10)
    ran = simpul("trace", wrong)
    assert ran.exit_code == 2
    assert "check digit" in ran.output
    assert wrong not in ran.output


def test_trace_says_when_a_right_number_is_nobody_s(simpul):
    ran = simpul("trace", NUMBER)
    assert ran.exit_code == 1
    assert "no such application here" in ran.output


def test_late_applications_are_listed_and_trace_tells_whose_time_it_was(simpul, engine):
    step = StepDefinition(name="deed", kind="agency", operation="dukcapil.register_birth", request={})
    facts = {"title": "Birth", "standard": "3 working days", "owner": "dukcapil", "form": {}, "steps": (step,)}
    birth = Definition(service="birth", version=1, **facts)
    clock = ManualClock(START)
    filed = intake.Intake(birth, "counter", {}, "counter-1", f"00-{'1' * 32}-{'2' * 16}-01")
    with transaction(engine) as connection:
        definitions.publish(connection, birth, actor="test", now=START)
        number = intake.file(connection, filed, Keys(bytes(range(32))), clock, "99").number
    assert simpul("application", "list", "--overdue").output == "There are none.\n"
    assert number in simpul("application", "list").output
    clock.turn(timedelta(days=9))
    Standards(engine, clock, worktime.read, share=0.8).once()
    (line,) = simpul("application", "list", "--overdue", "--service", "birth").output.splitlines()
    assert line.split() == [number, "birth", "due", "2026-03-05", "09:00Z", "OVERDUE", "runnable"]
    (plain,) = json.loads(simpul("application", "list", "--overdue", "--json").output)
    assert (plain["number"], plain["breached_at"]) == (number, "2026-03-11 08:00:00+00:00")
    assert simpul("application", "list", "--overdue", "--warning").exit_code == 2
    told = simpul("trace", number).output
    assert "Standard 3 working days: " in told
    assert "due 2026-03-05 09:00Z, over since 2026-03-11 08:00Z." in told
    assert "Time: bus " in told
    assert json.loads(simpul("trace", number, "--json").output)["clock"]["whose"] == "bus"
