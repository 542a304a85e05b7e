"""What the pages show is run: prompts give what is printed there, and the tutorial's agency and service work."""

import doctest
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from documents import OURS, ROOT, blocks, text

from connectors.registry import agencies

CONSOLE = [(page, block) for page in OURS for _, block in blocks(page, "console")]
PROMPTS = [(page, block) for page in OURS for _, block in blocks(page, "pycon")]


@pytest.fixture
def no_settings(monkeypatch):
    for name in [name for name in os.environ if name.startswith("SIMPUL_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(("page", "block"), CONSOLE, ids=lambda value: str(value)[:40])
def test_a_command_prints_what_the_page_shows(page, block, no_settings):
    for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, printed = shown.partition("\n")
        # The environment that runs the tests, wherever it is.
        command = command.replace(".venv/bin/simpul", f"{Path(sys.executable).parent}/simpul")
        run = subprocess.run(
            ["sh", "-c", command], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        assert run.stdout == printed


@pytest.mark.parametrize(("page", "block"), PROMPTS, ids=lambda value: str(value)[:40])
def test_a_python_prompt_answers_what_the_page_shows(page, block, no_settings):
    example = doctest.DocTestParser().get_doctest(block, {}, str(page), str(page), 0)
    runner = doctest.DocTestRunner(verbose=False)
    said = []
    runner.run(example, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)


def test_the_workflow_in_the_readme_is_the_birth_packages():
    code = re.sub(r"\s+", " ", text("dags/birth.py"))
    for _, block in blocks("README.md", "python"):
        assert re.sub(r"\s+", " ", block).strip() in code


@pytest.mark.parametrize("agency", agencies())
def test_every_agencys_page_shows_a_call_that_works(agency, no_settings):
    (call,) = [block for _, block in blocks(f"connectors/{agency}/README.md", "sh") if "connector call" in block]
    run = subprocess.run(
        ["sh", "-c", f"PATH={Path(sys.executable).parent}:$PATH; {call}"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "***" in run.stdout


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """A copy of the code in which a reader of CONTRIBUTING.md has made the files that it shows."""
    copy = tmp_path_factory.mktemp("tutorial")
    for folder in ("schemas", "connectors", "simpul", "dags"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file, block in blocks("CONTRIBUTING.md", "python"):
        (copy / file).parent.mkdir(exist_ok=True)
        (copy / "connectors/kelurahan/__init__.py").touch()
        (copy / file).write_text(block)
    return copy


def test_the_tutorials_agency_and_service_work_as_described(tutorial, no_settings):
    script = "\n".join(["set -e", *(block for _, block in blocks("CONTRIBUTING.md", "sh"))])
    simpul = f'"{sys.executable}" -c "from simpul.cli import app; app()"'
    script = re.sub(r"^simpul ", lambda _: f"{simpul} ", script, flags=re.MULTILINE)
    environment = {**os.environ, "PYTHONPATH": str(tutorial), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        ["sh", "-c", script], cwd=tutorial, env=environment, text=True, capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert '"nik": "99************31"' in run.stdout
    assert "wrote dags/published/domicile.json" in run.stdout
    assert "workflows are in order" in run.stdout


def test_the_tutorials_code_passes_the_checks_of_every_change(tutorial):
    files = [file for file, _ in blocks("CONTRIBUTING.md", "python")]
    for words in (["check"], ["format", "--check"]):
        ruff = [Path(sys.executable).parent / "ruff", *words, "--no-cache", "--config", ROOT / "pyproject.toml", *files]
        run = subprocess.run(ruff, cwd=tutorial, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout


def test_a_training_goes_as_the_sandboxes_page_says(no_settings, tmp_path):
    start, *rest = [block for _, block in blocks("docs/how-to/sandbox.md", "sh")]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    script = "\n".join(
        [
            "set -e",
            start.strip().replace("simpul sandbox", f"simpul sandbox --port {port}") + " &",
            f"until curl --silent --fail {url}/healthz; do sleep 0.1; done",
            *(block.replace("http://127.0.0.1:8900", url).replace("deploy/", f"{ROOT}/deploy/") for block in rest),
            "kill $!",
        ]
    )
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SIMPUL_SANDBOX_URL": url,
    }
    run = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, env=environment, text=True, capture_output=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert '{"issue_family_card":{"TRAINING-1":1}}' in run.stdout
    assert "dukcapil: 1 entry scripted" in run.stdout
    assert "dukcapil: behaves" in run.stdout
