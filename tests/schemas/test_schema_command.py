"""`simpul schema check|publish` as typed: exit status and sentences."""

import shutil
import subprocess

import pytest
from typer.testing import CliRunner

from schemas import compat
from simpul.commands.schema import app


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of what is published, in a Git repository, in place of the real one."""
    copy = tmp_path / "published"
    shutil.copytree(compat.PUBLISHED, copy)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "x")
    monkeypatch.setattr(compat.check, "__defaults__", (copy, *compat.check.__defaults__[1:]))
    monkeypatch.setattr(compat.publish, "__defaults__", (copy, *compat.publish.__defaults__[1:]))
    monkeypatch.setattr(compat, "PUBLISHED", copy)
    return copy


def git(where, *arguments):
    subprocess.run(["git", "-C", where, *arguments], check=True, capture_output=True)


def run(*arguments):
    return CliRunner().invoke(app, arguments)


@pytest.mark.usefixtures("folder")
def test_check_passes_when_everything_is_as_published():
    result = run("check", "--since", "HEAD")

    assert (result.exit_code, result.stderr) == (0, "")
    assert "schemas are what was published" in result.stdout


def test_check_fails_and_says_what_to_do_when_a_schema_is_not_published(folder):
    (folder / "bill.v1.json").unlink()

    result = run("check")

    assert result.exit_code == 1
    assert "bill/1: is not published. Run `simpul schema publish`" in result.stderr


def test_publish_writes_what_is_missing_and_touches_nothing_else(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (folder / "bill.v1.json").unlink()

    result = run("publish")

    assert (result.exit_code, result.stdout) == (0, "published bill.v1.json\n")
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert run("publish").stdout == "Nothing to publish.\n"


def test_publish_fails_when_something_cannot_be_published(folder):
    (folder / "bill.v1.json").write_text("{}")

    result = run("publish")

    assert result.exit_code == 1
    assert "bill.v1.json: was changed after it was published." in result.stderr
    assert (folder / "bill.v1.json").read_text() == "{}"


def test_check_since_finds_a_file_that_was_deleted_and_published_anew(folder):
    new = folder / "car.v1.json"
    new.write_text("{}")
    git(folder, "add", ".")
    (folder / "bill.v1.json").write_text((folder / "bill.v1.json").read_text() + "\n")
    (folder / "payment.v1.json").unlink()

    result = run("check", "--since", "HEAD")

    assert result.exit_code == 1
    assert "bill.v1.json: was changed or removed since HEAD" in result.stderr
    assert "payment.v1.json: was changed or removed since HEAD" in result.stderr
    assert "car.v1.json: was changed or removed" not in result.stderr


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("revision", ["no-such-branch", "--output=x"])
def test_check_since_an_unknown_revision_says_so(revision):
    result = run("check", f"--since={revision}")

    assert result.exit_code == 2
    assert "git does not know the revision" in result.stderr
