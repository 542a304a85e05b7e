"""The pages of the repository and what stands in them, for the tests of this folder."""

import re
import subprocess
from pathlib import Path

from typer.testing import CliRunner

from simpul import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "connectors/*/README.md")
    for path in ROOT.glob(pattern)
)
OURS = [page for page in PAGES if page.parts[0] != "connectors"]

_BLOCK = re.compile(
    r"(?:<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE
)


def text(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page, language):
    """The code blocks of a page in a language, as (file named above it or None, text)."""
    return [(found["file"], found["text"]) for found in _BLOCK.finditer(text(page)) if found["language"] == language]


def followed(commands):
    """Does what a block of shell says, in the present folder; returns what each `simpul` command said, run in this process."""
    said = []
    for line in commands.splitlines():
        if line.startswith("simpul "):
            ran = CliRunner().invoke(cli.app, line.removeprefix("simpul ").split())
            assert ran.exit_code == 0, ran.output
            said.append(ran.output)
        else:
            subprocess.run(["sh", "-c", line], check=True)
    return said


def prose(page):
    """A page without its code blocks."""
    return _BLOCK.sub("", text(page))
