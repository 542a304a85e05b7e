"""What all connectors offer, as data: read by whoever must know operations without importing connectors.

Each agency's `operations.json` is generated (`simpul connector catalogue`) and checked in; reading it costs no more than
JSON.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors import registry

if TYPE_CHECKING:
    from connectors.toolkit import Operation

Catalogue = dict[str, dict[str, Any]]
"""By `agency.operation`: `agency`, `effect`, `purpose`, `legal_basis`, `contract`, `doc`, `reconcile`; `request` with the
model's name and its `fields` (type and whether required), `record` with the schema's id and the names of its `fields`;
`compensate`, where another operation undoes it: its name, and the map that builds its request from `record` and `request`;
`lasts`, where there is nothing to undo; `over`, where an operation undoes: the refusals that say that nothing is left to.
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
    return {operation.qualified: _entry(operation, operations) for operation in operations.values()}


def written(catalogue: Catalogue) -> str:
    """The text of an `operations.json`."""
    return json.dumps(catalogue, indent=2, ensure_ascii=False) + "\n"


def undoing(operation: "Operation", undo: "Operation") -> dict[str, str]:
    """How the request of the operation that undoes another is built: its fields to paths, or to `=text`.

    What it demands is taken from what is always there, the undone call's record before its request; a field that neither
    has is left out, which the conformance kit reports.
    """
    built = {}
    for name, field in undo.request.model_fields.items():
        if name in operation.compensate_with:
            built[name] = f"={operation.compensate_with[name]}"
        elif field.is_required() and (source := _source(operation, name)):
            built[name] = source
    return built


def _source(operation: "Operation", name: str) -> str | None:
    known = {"record": operation.record.model_fields, "request": operation.request.model_fields}
    holding = [(root, fields[name].is_required()) for root, fields in known.items() if name in fields]
    return next((f"{root}.{name}" for sure in (True, False) for root, always in holding if always == sure), None)


def _compensation(operation: "Operation", operations: Mapping[str, "Operation"]) -> dict[str, Any] | None:
    undo = operations.get(operation.compensate or "")
    return {"operation": undo.qualified, "request": undoing(operation, undo)} if undo else None


def _entry(operation: "Operation", operations: Mapping[str, "Operation"]) -> dict[str, Any]:
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
        "compensate": _compensation(operation, operations),
        "lasts": operation.lasts,
        **({"over": list(operation.over)} if operation.over else {}),
    }


def _type(described: dict[str, Any]) -> str:
    """What a field holds: a model's name, a format such as `nik` or `date`, or a JSON type."""
    for branch in described.get("anyOf", ()):
        if branch.get("type") != "null":
            return _type(branch)
    if "$ref" in described:
        return str(described["$ref"]).rpartition("/")[2]
    return str(described.get("format") or described.get("type", "any"))
