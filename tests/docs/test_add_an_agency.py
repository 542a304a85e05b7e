"""docs/how-to/add-an-agency.md, followed literally: its files written and its commands run, in the order of the page."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT, text

PAGE = "docs/how-to/add-an-agency.md"
_BLOCK = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE
)


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """What the page's reader has in the end, and what the commands printed."""
    copy = tmp_path_factory.mktemp("agency")
    for folder in ("schemas", "connectors", "simpul"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    simpul = f'"{sys.executable}" -c "from simpul.cli import app; app()"'
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_")}
    environment |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    printed = []
    for block in _BLOCK.finditer(text(PAGE)):
        if block["file"]:
            (copy / block["file"]).write_text(block["text"])
        elif block["language"] == "sh":
            script = "set -e\n" + re.sub(r"^simpul ", lambda _: f"{simpul} ", block["text"], flags=re.MULTILINE)
            ran = subprocess.run(
                ["sh", "-c", script], cwd=copy, env=environment, text=True, capture_output=True, check=False
            )
            assert ran.returncode == 0, ran.stdout + ran.stderr
            printed.append(ran.stdout)
    return copy, printed


@pytest.mark.timeout(600)
def test_the_page_is_followed_to_its_end(followed):
    copy, printed = followed
    assert len(printed) == 3
    assert "wrote connectors/kelurahan/connector.py" in printed[0]
    assert '"status": "AKTIF"' in printed[0]
    assert (copy / "connectors/kelurahan/recorded/get_resident.json").exists()
    assert (copy / "connectors/kelurahan/shapes.json").exists()


@pytest.mark.timeout(600)
def test_what_the_page_writes_passes_the_checks_of_every_change(followed):
    copy, _ = followed
    for words in (["check"], ["format", "--check"]):
        command = [Path(sys.executable).parent / "ruff", *words, "--no-cache", "connectors/kelurahan"]
        ran = subprocess.run(command, cwd=copy, text=True, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stdout
