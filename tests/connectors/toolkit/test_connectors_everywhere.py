"""What is true of every connector, whoever wrote it."""

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import connectors
from connectors import catalogue, registry
from connectors.toolkit import Connector, ConnectorSettings
from schemas.registry import RECORDS

FOLDER = Path(connectors.__file__).parent
OPERATIONS = [
    operation for agency in registry.agencies() for operation in registry.connector_class(agency).operations().values()
]
every_agency = pytest.mark.parametrize("agency", registry.agencies())
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.qualified)


def test_the_registry_finds_the_agencies_with_a_folder():
    assert {"bpjs_kesehatan", "dukcapil", "simponi"} <= set(registry.agencies())
    assert "toolkit" not in registry.agencies()


def test_the_registry_finds_packages_that_name_themselves_under_the_entry_point(tmp_path, monkeypatch):
    package = tmp_path / "their_agency"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "connector.py").write_text(
        "from connectors.toolkit import ConnectorSettings, RestConnector\n"
        "class Theirs(RestConnector[ConnectorSettings]):\n"
        "    agency = 'theirs'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry = importlib.metadata.EntryPoint("theirs", "their_agency", registry.ENTRY_POINTS)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [entry] if group == entry.group else [])
    registry._packages.cache_clear()
    try:
        assert "theirs" in registry.agencies()
        assert registry.connect("theirs", ConnectorSettings(base_url="https://x")).agency == "theirs"
    finally:
        registry._packages.cache_clear()


def test_an_unknown_agency_is_named_together_with_those_there_are():
    with pytest.raises(KeyError, match="dukcapil"):
        registry.connector_class("nobody")


@every_agency
def test_every_agency_has_one_connector_with_operations(agency):
    found = registry.connector_class(agency)

    assert issubclass(found, Connector)
    assert found.operations()


@every_agency
def test_every_folder_holds_the_same_files(agency):
    assert {"__init__.py", "connector.py", "settings.py", "mapping.py", "sandbox.py", "requests.py", "README.md"} <= {
        path.name for path in (FOLDER / agency).iterdir()
    }


@every_agency
def test_every_readme_tags_each_operation_and_names_owner_hours_quota_and_law(agency):
    text = (FOLDER / agency / "README.md").read_text()

    for name, operation in registry.connector_class(agency).operations().items():
        row = re.search(rf"^.*`{name}`.*\b{operation.contract}\b.*$", text, re.MULTILINE)
        assert row is not None, f"{name} with its tag {operation.contract}"
    for topic in ("owner", "hours", "quota", "legal basis"):
        assert topic in text.lower()


@every_agency
def test_a_sandbox_serves_every_agency_and_has_settings_for_it(agency):
    made = registry.module(agency, "sandbox").settings("http://127.0.0.1:1")

    assert isinstance(made, registry.connector_class(agency).settings_class())
    assert made.base_url.startswith(f"http://127.0.0.1:1/{agency}")


@every_operation
def test_every_operation_brings_a_record_of_the_registry_and_says_what_for(operation):
    assert RECORDS[operation.record.schema_id()] is operation.record
    assert operation.purpose
    assert operation.doc.endswith(".")


@every_operation
def test_every_write_can_be_looked_up_by_our_reference(operation):
    assert operation.effect != "write" or operation.reconcile


@every_operation
def test_every_request_hides_its_input_and_refuses_what_it_does_not_know(operation):
    assert operation.request.model_config.get("hide_input_in_errors")
    assert operation.request.model_config.get("extra") == "forbid"


@every_agency
def test_the_catalogue_is_what_the_code_says(agency):
    now = json.loads(catalogue.written(catalogue.build(agency)))
    assert json.loads(catalogue.path(agency).read_text()) == now, "run `simpul connector catalogue`"


def test_reading_the_catalogue_and_the_agencies_imports_neither_soap_nor_http():
    code = (
        "import sys; from connectors import catalogue, registry; assert catalogue.load() and registry.agencies();"
        "print([name for name in ('zeep', 'requests', 'pydantic', 'uvicorn', 'sqlalchemy') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert ran.stdout.strip() == "[]"
