"""`simpul --help` tells the story, costs little, and survives a chapter that is missing or broken."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from simpul import cli

COMMANDS = [
    "demo", "up", "sandbox", "console", "engine", "gateway", "projector", "keys", "db", "topics", "service", "schema",
    "connector", "trace", "bench",
]  # fmt: skip


def simpul(*arguments, **environment):
    return CliRunner(env={"COLUMNS": "100", **environment}).invoke(cli.app, list(arguments))


def test_help_names_every_command_with_what_it_does():
    shown = simpul("--help")
    assert shown.exit_code == 0
    for name in COMMANDS:
        assert f" {name} " in shown.output
        assert cli.CHAPTERS[name].line.split(",")[0][:30] in shown.output


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from simpul.cli import app\n"
        "CliRunner().invoke(app, ['--help'])\n"
        "heavy = {'airflow', 'sqlalchemy', 'kafka', 'zeep', 'fastapi', 'requests', 'pydantic'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_help_brings_nothing_but_the_command_line():
    code = (
        "import sys\nfrom simpul.cli import app\ntry:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'airflow', 'connectors', 'fastapi', 'kafka', 'lxml', 'pydantic', 'requests', 'sqlalchemy', 'zeep'}\n"
        "sys.stderr.write(' '.join(sorted(heavy & {name.split('.')[0] for name in sys.modules})))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "connector" in ran.stdout
    assert ran.stderr == ""


def test_a_chapter_that_is_not_installed_breaks_only_itself(monkeypatch):
    monkeypatch.setitem(cli.CHAPTERS, "demo", cli.Chapter("no_such_module", "x", "Nothing."))
    assert simpul("--help").exit_code == 0
    ran = simpul("demo")
    assert ran.exit_code == 2
    assert "demo: not part of this installation" in ran.output


def test_a_chapter_whose_own_imports_fail_is_not_called_missing(monkeypatch, tmp_path):
    (tmp_path / "simpul_broken.py").write_text("import there_is_no_such_module\n")
    from simpul import commands

    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    monkeypatch.setitem(cli.CHAPTERS, "demo", cli.Chapter("simpul_broken", "x", "Nothing."))
    assert isinstance(simpul("demo").exception, ModuleNotFoundError)


def test_a_typo_is_met_with_a_suggestion():
    ran = simpul("conector")
    assert ran.exit_code == 2
    assert "Did you mean 'connector'" in ran.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_chapter_that_is_there_explains_itself(name):
    ran = simpul(name, "--help")
    assert ran.exit_code in (0, 2)
    if ran.exit_code:
        assert "not part of this installation" in ran.output


def test_a_wrong_setting_is_named_and_its_value_is_not(monkeypatch):
    ran = simpul("db", "upgrade", SIMPUL_CONSOLE_PORT="hunter2", SIMPUL_LOG_FORMAT="hunter3")
    assert ran.exit_code == 1
    assert "SIMPUL_CONSOLE_PORT: input should be a valid integer" in ran.output
    assert "SIMPUL_LOG_FORMAT: input should be 'json' or 'text'" in ran.output
    assert "hunter" not in ran.output
    assert len(ran.output.strip().splitlines()) == 1


def test_a_missing_master_key_is_met_with_the_way_to_make_one():
    ran = simpul("console", SIMPUL_MASTER_KEY="hunter2")
    assert ran.exit_code == 1
    assert "SIMPUL_MASTER_KEY must be base64 of 32 bytes; make one with `simpul keys new`" in ran.output
    assert "hunter2" not in ran.output


def test_a_ledger_that_is_away_is_one_line():
    ran = simpul("db", "upgrade", SIMPUL_DATABASE_URL="postgresql://simpul:hunter2@127.0.0.1:1/simpul")
    assert ran.exit_code == 1
    assert ran.output == "simpul: the ledger cannot be reached: look at SIMPUL_DATABASE_URL and at Postgres\n"


def test_a_secret_s_file_that_is_not_there_is_named():
    ran = simpul("console", SIMPUL_MASTER_KEY_FILE="/nowhere/key")
    assert ran.output == "simpul: /nowhere/key: No such file or directory\n"


def test_what_is_not_expected_keeps_its_traceback(monkeypatch):
    from simpul import config

    def broken():
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(config, "load", broken)
    assert isinstance(simpul("db", "upgrade").exception, RuntimeError)


def test_a_traceback_can_be_asked_for():
    ran = simpul("console", SIMPUL_MASTER_KEY="x", SIMPUL_TRACEBACK="1")
    assert isinstance(ran.exception, ValueError)
