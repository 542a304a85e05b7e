"""A new connector passes the kit's structural half, is clean by the project's own checks, and answers at its sandbox."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.scaffold import PlanError, openapi, plan, wsdl

ROOT = Path(__file__).parents[3]
WSDL = ROOT / "connectors/simponi/SimponiBRI_Service.wsdl"
PETITION = Path(__file__).with_name("petition.json")
SOURCES = {"rest": ["--rest"], "soap": ["--soap", str(WSDL)], "openapi": ["--openapi", str(PETITION)]}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the code in which an agency is made from each kind of source."""
    made = tmp_path_factory.mktemp("scaffold")
    for folder in ("schemas", "connectors", "simpul"):
        shutil.copytree(ROOT / folder, made / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", made)
    for name, source in SOURCES.items():
        run(made, "new", f"made_by_{name}", *source)
    run(made, "catalogue")
    return made


def run(copy, *words, status=0):
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("SIMPUL_")},
        "PYTHONPATH": str(copy),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-c", "from simpul.cli import app; app()", "connector", *words]
    ran = subprocess.run(command, cwd=copy, env=environment, text=True, capture_output=True, check=False)
    assert ran.returncode == status, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_written_passes_the_structural_half_of_the_kit(copy, name):
    results = json.loads(run(copy, "check", f"made_by_{name}", "--only", "structural", "--json"))
    assert results


@pytest.mark.parametrize("name", SOURCES)
def test_what_is_written_is_clean_by_the_projects_own_checks(copy, name):
    bin_ = Path(sys.executable).parent
    for words in (["ruff", "check", "--no-cache"], ["ruff", "format", "--check", "--no-cache"]):
        ran = subprocess.run(
            [bin_ / words[0], *words[1:], f"connectors/made_by_{name}"],
            cwd=copy,
            text=True,
            capture_output=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout


def test_the_new_connectors_answer_at_their_sandboxes(copy):
    said = run(copy, "call", "made_by_openapi.get_petition", "--sandbox", "--json", '{"id": "P 1?"}')
    assert json.loads(said)["status"] == "CONTOH"
    request = '{"subject": "x", "class_": "road", "happened_on": "2026-01-31"}'
    said = run(copy, "call", "made_by_openapi.file_petition", "--sandbox", "--reference", "R1", "--json", request)
    assert json.loads(said)["reference"] == "R1"
    said = run(copy, "call", "made_by_rest.get_status", "--sandbox", "--json", '{"number": "1"}')
    assert json.loads(said)["status"] == "DITERIMA"
    said = run(copy, "call", "made_by_soap.billing_status", "--sandbox", "--json", "{}", status=2)
    assert "trx_id" in said


def test_a_write_that_cannot_be_looked_up_says_so(copy):
    words = ["call", "made_by_openapi.file_petition", "--sandbox", "--look-up", "--reference", "R1"]
    said = run(copy, *words, "--json", '{"subject": "x", "class_": "road"}', status=5)
    assert "NO_LOOK_UP" in said


def test_a_folder_that_is_there_is_left_alone(copy):
    assert "there already" in run(copy, "new", "dukcapil", "--rest", status=1)


@pytest.mark.parametrize("words", [[], ["--rest", "--openapi", str(PETITION)]])
def test_one_source_is_named(copy, words):
    assert "--openapi" in run(copy, "new", "another", *words, status=2)


def test_the_models_of_a_wsdl_are_its_types():
    found = wsdl.plan("treasury", WSDL)
    assert [(each.name, each.effect) for each in found.operations] == [
        ("payment_request", "write"),
        ("billing_status", "read"),
    ]
    assert 'kode_billing_simponi: str | None = Field(default=None, alias="KodeBillingSimponi")' in found.wire_module
    assert found.binding == "{http://SimponiBRI_Service}SimponiBRI_ServiceBinding"


def test_the_models_of_an_openapi_document_are_generated():
    found = openapi.plan("petitions", PETITION)
    assert "class Petition(Shape)" in found.wire_module
    by_name = {field.name: field for field in found.operations[1].fields}
    assert (by_name["class_"].wire, by_name["class_"].example) == ("class", "road")
    assert (by_name["happened_on"].type, by_name["happened_on"].required) == ("date", False)


@pytest.mark.parametrize("text", ["", "{}", "a: [", "openapi: 2.0.0", '{"openapi": "3.0.0", "paths": {}}', "<a/>"])
def test_what_is_no_openapi_document_is_refused(tmp_path, text):
    path = tmp_path / "document.yaml"
    path.write_text(text)
    with pytest.raises(PlanError):
        openapi.plan("petitions", path)


@pytest.mark.parametrize("text", ["", "<a/>", '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'])
def test_what_is_no_wsdl_is_refused(tmp_path, text):
    path = tmp_path / "document.wsdl"
    path.write_text(text)
    with pytest.raises(PlanError):
        wsdl.plan("treasury", path)


@pytest.mark.parametrize("name", ["", "X", "a", "1a", "a-b", "class", "toolkit", "../x"])
def test_a_name_that_is_no_folder_is_refused(name):
    with pytest.raises(PlanError):
        plan.plain(name)
