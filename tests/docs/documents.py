"""The pages of the repository and what stands in them, for the tests of this folder."""

import re
from pathlib import Path

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


def prose(page):
    """A page without its code blocks."""
    return _BLOCK.sub("", text(page))
