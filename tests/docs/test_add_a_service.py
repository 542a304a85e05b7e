"""docs/how-to/add-a-service.md, followed literally; then what it made is asked of the sandbox, step by step."""

import json
import subprocess
import sys
from pathlib import Path

import documents
import pytest
from documents import ROOT, blocks

from connectors import sandbox_app
from connectors.dukcapil.connector import Dukcapil
from simpul import expressions
from simpul.workflow import publish
from tests.conftest import dags

PAGE = "docs/how-to/add-a-service.md"


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    """The folder that the page's reader has in the end, and what the commands said."""
    folder = tmp_path_factory.mktemp("service")
    dags(folder / "dags")
    written = {file: text for language in ("yaml", "python") for file, text in blocks(PAGE, language) if file}
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # In the order of the page: the workflow in Python comes after the commands for the YAML.
        for (file, text), (_, commands) in zip(written.items(), blocks(PAGE, "sh"), strict=True):
            Path(file).write_text(text)
            said += documents.followed(commands)
    return folder, said


@pytest.mark.timeout(300)
def test_the_page_is_followed_to_its_end(followed):
    _, (frozen, shown, frozen_too, shown_too, listed) = followed
    assert "published/catalogue/kelurahan.json" in frozen
    assert [paper["name"] for paper in json.loads(shown)["requirements"]] == ["kk", "letter"]
    assert "published/domicile.json" in frozen_too
    assert json.loads(shown_too)["standard"] == "1 working day"
    assert [line.split()[0] for line in listed.splitlines()] == ["domicile", "kelurahan_domicile"]


@pytest.mark.timeout(300)
def test_what_the_page_makes_asks_the_registry_what_it_answers(followed):
    folder, _ = followed
    made = {found.definition.service: found.definition for found in publish.read(folder / "dags")}
    with sandbox_app.running(["dukcapil"]) as running:
        family = running.app.world.population.family(1)
        registry = Dukcapil(running.settings("dukcapil"))
        scope = {"form": {"nik": family.father.nik, "nkk": family.nkk}}
        for service in ("domicile", "kelurahan_domicile"):
            asked = [step for step in made[service].steps if step.agency == "dukcapil"]
            assert len(asked) == 2
            for step in asked:
                operation = registry.operations()[step.operation.partition(".")[2]]
                request = operation.request.model_validate(expressions.build(step.request, scope))
                assert operation.invoke(registry, request, None)


def test_what_the_page_writes_passes_the_checks_of_every_change(followed):
    folder, _ = followed
    for words in (["check"], ["format", "--check"]):
        command = [Path(sys.executable).parent / "ruff", *words, "--no-cache", "--config", ROOT / "pyproject.toml"]
        ran = subprocess.run(
            [*command, "dags/domicile.py", "dags/catalogue_kelurahan.py"],
            cwd=folder,
            text=True,
            capture_output=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout
