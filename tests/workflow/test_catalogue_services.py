"""Every service of the catalogue runs to its end against the sandbox: its steps' requests are built and asked, in order.

Airflow, ledger and bus are left out; forms come from the connectors' own examples.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from connectors import registry, sandbox_app
from connectors.toolkit import Connector
from connectors.toolkit.examples import Scene
from simpul import expressions
from simpul.definition import Definition, StepDefinition
from simpul.papers import notices
from simpul.papers.documents import DocumentTemplate
from simpul.papers.notices import NoticeTemplate

DAGS = Path(__file__).parents[2] / "dags"
SERVICES = sorted(
    name for file in (DAGS / "published" / "catalogue").glob("*.json") for name in json.loads(file.read_bytes())
)
OURS = {"identity", "bill", "payment", "document", "notice"}
"""Steps whose requests the catalogue makes itself; the others say by their agency's example what a form has to hold."""
CONTACT = {"channel": "sms", "recipient": "+6281200000001", "language": "id"}
GIVEN = {"service": "Layanan", "number": "99-2026-000001-0"}
PAID = {"simponi": ("billing_code", "billing_code"), "bank": ("number", "number")}


@pytest.fixture(scope="module")
def definitions(airflow_home: None) -> dict[str, Definition]:
    from simpul.workflow import publish

    return {found.definition.dag_id: found.definition for found in publish.read(DAGS)}


class Agencies:
    """The sandbox and a connector to each of its agencies."""

    def __init__(self, running: sandbox_app.Running) -> None:
        self.running = running
        self._connectors: dict[str, Connector[Any]] = {}

    def connector(self, agency: str) -> Connector[Any]:
        if agency not in self._connectors:
            self._connectors[agency] = registry.connector_class(agency)(self.running.settings(agency))
        return self._connectors[agency]

    def scene(self, agency: str, number: int) -> Scene:
        return Scene(self.connector(agency), self.running.app.world, number)

    def ask(self, step: StepDefinition, request: dict[str, Any], reference: str) -> dict[str, Any]:
        operation = self.connector(step.agency).operations()[step.operation.partition(".")[2]]
        ours = None if operation.effect == "read" else reference
        record = operation.invoke(self.connector(step.agency), operation.request.model_validate(request), ours)
        answer: dict[str, Any] = record.model_dump(mode="json")
        return answer

    def pay(self, agency: str, bill: dict[str, Any]) -> None:
        name, ours = PAID[agency]
        url = f"{self.running.url}/_sandbox/{agency}/pay"
        assert requests.post(url, json={name: bill[ours]}, timeout=10).ok


@pytest.fixture(scope="module")
def agencies() -> Iterator[Agencies]:
    with sandbox_app.running() as running:
        yield Agencies(running)


def a_form(definition: Definition, agencies: Agencies, number: int) -> dict[str, Any]:
    """A form with which every agency that the service asks has something to say."""
    scene = agencies.scene("dukcapil", number)
    examples: dict[str, Any] = {"nik": scene.family.father.nik, "nkk": scene.family.nkk}
    for step in definition.steps:
        if step.name not in OURS and any(str(source).startswith("form.") for source in step.request.values()):
            name = step.operation.partition(".")[2]
            example = registry.module(step.agency, "sandbox").EXAMPLES[name](agencies.scene(step.agency, number))
            asked = {
                source.removesuffix("?"): field for field, source in step.request.items() if isinstance(source, str)
            }
            examples |= {
                path.removeprefix("form."): example[field]
                for path, field in asked.items()
                if path.startswith("form.") and field in example
            }
    today = scene.now.date()
    return {
        name: _fitting(examples[name], field)
        if name in examples
        else _made_up(definition.form, field, today.isoformat())
        for name, field in definition.form["properties"].items()
        if name in examples or name in definition.form["required"]
    }


def _fitting(example: Any, field: dict[str, Any]) -> Any:
    """An agency's example as a form has it: amounts are numbers there, and a choice offers only what is to be had."""
    if field.get("type") == "integer":
        return int(example)
    return field["enum"][0] if "enum" in field and example not in field["enum"] else example


def _made_up(form: dict[str, Any], field: dict[str, Any], today: str) -> Any:
    """A value for what only the officer reads."""
    if "$ref" in field:
        field = form["$defs"][field["$ref"].rpartition("/")[2]]
    if "examples" in field:
        return field["examples"][0]
    if "enum" in field:
        return field["enum"][0]
    if field.get("type") == "object":
        return {name: _made_up(form, inner, today) for name, inner in field["properties"].items()}
    if field.get("format") == "date":
        return today
    if "[0-9+]" in field.get("pattern", ""):
        return "+620000000000"
    return {"integer": 250_000, "boolean": True, "array": ["Contoh"]}.get(field["type"], "Contoh")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_of_the_catalogue_runs_against_the_sandbox(
    service: str, definitions: dict[str, Definition], agencies: Agencies
) -> None:
    definition = definitions[service]
    number = 1 + SERVICES.index(service)
    form = a_form(definition, agencies, number)
    jsonschema.validate(form, definition.form)
    scope: dict[str, Any] = {"form": form}
    for step in definition.steps:
        if step.asks_people:
            now = agencies.running.app.world.now() + timedelta(hours=1)
            scope[step.name] = {"decision": "approved", "at": now.isoformat(), "findings": {}}
            continue
        if step.kind == "payment":
            agencies.pay(step.agency, scope["bill"])
        request = expressions.build(step.request, scope)
        if isinstance(step.wording, DocumentTemplate):
            assert step.wording.said(request | GIVEN)["fields.Nama"] == scope["identity"]["name"]
            scope[step.name] = {"check_url": "https://example.invalid/check/1"}
            continue
        if isinstance(step.wording, NoticeTemplate):
            request = notices.message(step.wording, request | GIVEN, CONTACT)
        record = agencies.ask(step, request, f"CATALOGUE{number:04d}{step.name[:6]}")
        assert step.accept is None or expressions.holds(step.accept, {"record": record})
        scope[step.name] = record
    assert scope.keys() == {"form", *definition.by_name}
