"""What all connectors offer, as data: read by whoever must know operations without importing connectors.

Each agency's `operations.json` is generated (`simpul connector catalogue`) and checked in; reading it costs no more than
JSON.
"""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors import registry

if TYPE_CHECKING:
    from connectors.toolkit import Operation

Catalogue = dict[str, dict[str, Any]]
"""By `agency.operation`: `agency`, `effect`, `purpose`, `legal_basis`, `contract`, `doc`, `reconcile`; `request` with the
model's name and its `fields` (type and whether required), `record` with the schema's id and the names of its `fields`.
"""


@cache
def load() -> Catalogue:
    """The catalogue as generated; one object for all, to be read only."""
    return {
        name: entry
        for agency in registry.agencies()
        if path(agency).exists()
        for name, entry in json.loads(path(agency).read_bytes()).items()
    }


def path(agency: str) -> Path:
    """Where an agency's part of the catalogue is kept."""
    return registry.folder(agency) / "operations.json"


def build(agency: str) -> Catalogue:
    """An agency's part as its connector's code says it now; imports the connector."""
    operations = registry.connector_class(agency).operations()
    return {operation.qualified: _entry(operation) for operation in operations.values()}


def written(catalogue: Catalogue) -> str:
    """The text of an `operations.json`."""
    return json.dumps(catalogue, indent=2, ensure_ascii=False) + "\n"


def _entry(operation: "Operation") -> dict[str, Any]:
    schema = operation.request.model_json_schema()
    required = schema.get("required", ())
    fields = {
        name: {"type": _type(described), "required": name in required}
        for name, described in schema.get("properties", {}).items()
    }
    return {
        "agency": operation.agency,
        "effect": operation.effect,
        "purpose": operation.purpose,
        "legal_basis": operation.legal_basis,
        "contract": operation.contract,
        "doc": operation.doc,
        "request": {"schema": operation.request.__name__, "fields": fields},
        "record": {"schema": operation.record.schema_id(), "fields": list(operation.record.model_fields)},
        "reconcile": operation.reconcile is not None,
    }


def _type(described: dict[str, Any]) -> str:
    """What a field holds: a model's name, a format such as `nik` or `date`, or a JSON type."""
    for branch in described.get("anyOf", ()):
        if branch.get("type") != "null":
            return _type(branch)
    if "$ref" in described:
        return str(described["$ref"]).rpartition("/")[2]
    return str(described.get("format") or described.get("type", "any"))
