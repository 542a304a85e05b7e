import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from simpul.commands.service import app
from simpul.workflow import publish

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _airflow_home(airflow_home: None) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path, dags_folder: Path) -> Path:
    """A copy of the folder of workflows in Python, to be changed; test_catalogue.py has the catalogue's."""
    return Path(shutil.copytree(dags_folder, tmp_path / "dags", ignore=shutil.ignore_patterns("catalogue*")))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Callable[..., str]:
    """Runs `simpul service …` on the copy; returns what it says, with its exit status at the end."""

    def go(*words: str) -> str:
        found = CliRunner().invoke(app, [*words, "--dags", str(folder)])
        assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
        return f"{found.output}exit {found.exit_code}"

    return go


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_workflows_of_this_repository_are_in_order(run: Callable[..., str]) -> None:
    assert run("check").endswith("workflows are in order.\nexit 0")


def test_a_changed_step_without_a_raised_version_is_refused(run: Callable[..., str], folder: Path) -> None:
    edit(folder / "birth.py", "parents >> deed >> [family_card, child_card", "parents >> deed >> [child_card")
    said = run("check")
    assert "the steps of birth version 1 differ from those in published/birth.json" in said
    assert "raise the version to 2" in said
    assert said.endswith("exit 1")


def test_a_changed_step_cannot_be_frozen_over_the_old_one(run: Callable[..., str], folder: Path) -> None:
    before = (folder / "published" / "birth.json").read_text()
    edit(folder / "birth.py", "parents >> deed >> [family_card, child_card", "parents >> deed >> [child_card")
    assert run("check", "--freeze").endswith("exit 1")
    assert (folder / "published" / "birth.json").read_text() == before


def test_a_raised_version_is_frozen_beside_the_old_one(run: Callable[..., str], folder: Path) -> None:
    shutil.copy(folder / "death.py", folder / "death_v2.py")
    edit(folder / "death_v2.py", "version=1", "version=2")
    assert "death_v2 is not frozen" in run("check")
    assert run("check", "--freeze").endswith("workflows are in order.\nexit 0")
    assert json.loads((folder / "published" / "death_v2.json").read_text())["version"] == 2


def test_a_corrected_title_is_to_be_frozen_and_needs_no_new_version(run: Callable[..., str], folder: Path) -> None:
    edit(folder / "birth.py", 'standard="3 working days"', 'standard="2 working days"')
    assert "birth was corrected" in run("check")
    assert run("check", "--freeze").endswith("exit 0")


def test_a_workflow_without_owner_or_standard_is_refused(run: Callable[..., str], folder: Path) -> None:
    edit(folder / "birth.py", 'standard="3 working days", owner="dukcapil"', 'standard="", owner=" "')
    said = run("check")
    assert "birth.py: birth has no standard" in said
    assert "birth.py: birth has no owner" in said
    assert said.endswith("exit 1")


def test_a_file_that_airflow_would_overlook_is_refused(run: Callable[..., str], folder: Path) -> None:
    edit(folder / "birth.py", "An Airflow DAG.", "A workflow.")
    assert "birth.py: Airflow would overlook it" in run("check")


def test_a_workflow_that_vanished_is_asked_about(run: Callable[..., str], folder: Path) -> None:
    (folder / "birth.py").unlink()
    assert "birth is frozen but its workflow is gone" in run("check")


def test_a_typo_is_one_line_that_names_the_file(run: Callable[..., str], folder: Path) -> None:
    edit(folder / "birth.py", '"form.nkk"}, title="Data keluarga"', '"form.nkkk"}, title="Data keluarga"')
    said = run("check")
    assert "birth.py: step 'parents': nkk: 'form.nkkk': the form has no 'nkkk'; did you mean 'nkk'?" in said
    assert said.endswith("exit 1")


def test_one_service_and_version_in_two_files_is_refused(run: Callable[..., str], folder: Path) -> None:
    shutil.copy(folder / "birth.py", folder / "geburt.py")
    assert "geburt.py: birth is in birth.py already" in run("check")


def test_publishing_stores_what_the_engine_reads(database_url: str, dags_folder: Path) -> None:
    from simpul.ledger import database
    from simpul.ledger.definitions import current

    definitions = [found.definition for found in publish.read(dags_folder)]
    assert {result for _, result in publish.publish(database_url, definitions, actor="op", now=NOW)} == {"new"}
    assert {result for _, result in publish.publish(database_url, definitions, actor="op", now=NOW)} == {"same"}
    engine = database.connect(database_url)
    with database.transaction(engine) as connection:
        newest = {found.service: found for found in sorted(definitions, key=lambda definition: definition.version)}
        assert current(connection) == [newest[service] for service in sorted(newest)]
    engine.dispose()


def test_publishing_is_all_or_nothing(
    database_url: str, run: Callable[..., str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_DATABASE_URL", database_url)
    assert "birth version 1: new" in run("publish")
    shutil.copy(folder / "birth.py", folder / "adoption.py")
    edit(folder / "adoption.py", '"birth", version=1', '"adoption", version=1')
    edit(folder / "passport.py", '"expires_in_minutes": 120', '"expires_in_minutes": 60')
    said = run("publish")
    assert "the steps of passport version 1 differ from the published ones" in said
    assert said.endswith("exit 1")
    with psycopg.connect(database_url) as connection:
        services = connection.execute("SELECT DISTINCT service FROM definition ORDER BY service").fetchall()
    assert ("birth",) in services
    assert ("adoption",) not in services


def test_a_check_against_the_ledger_finds_what_was_frozen_anew(
    database_url: str, run: Callable[..., str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_DATABASE_URL", database_url)
    run("publish")
    edit(folder / "passport.py", '"expires_in_minutes": 120', '"expires_in_minutes": 60')
    (folder / "published" / "passport.json").unlink()
    assert run("check", "--freeze").endswith("exit 0")
    assert "the steps of passport version 1 differ from those in the ledger" in run("check", "--ledger")


def test_a_version_that_vanished_while_applications_go_by_it_is_refused(
    database_url: str, run: Callable[..., str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMPUL_DATABASE_URL", database_url)
    run("publish")
    assert "passport version 1 has no open application: its file and published/passport.json" in run(
        "check", "--ledger"
    )
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO application (number, subject, service, version, channel, state, since, data_key, form, traceparent,"
            " received_by, request_digest, received_at)"
            " VALUES ('1', 's', 'passport', 1, 'web', 'runnable', now(), '', '', '', 'test', '', now())"
        )
    assert "passport version 1 has no open application" not in run("check", "--ledger")
    (folder / "passport.py").unlink()
    (folder / "published" / "passport.json").unlink()
    for said in (run("check", "--ledger"), run("publish")):
        assert "passport version 1 has 1 open applications and no file any more" in said
        assert said.endswith("exit 1")


def test_a_renamed_step_that_the_version_before_does_not_have_is_refused(run: Callable[..., str], folder: Path) -> None:
    edit(folder / "passport_v2.py", '"passport", version=2', '"passport", version=2, renamed={"invoice": "bill"}')
    assert "passport_v2: renamed: version 1 has no step 'invoice'" in run("check")
