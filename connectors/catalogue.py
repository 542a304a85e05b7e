"""What all connectors offer, as data: read by whoever must know operations without importing connectors.

`catalogue.json` is generated (`simpul connector catalogue`) and checked in; reading it costs no more than JSON.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.toolkit import Operation

PATH = Path(__file__).with_name("catalogue.json")

Catalogue = dict[str, dict[str, Any]]
"""By `agency.operation`: `agency`, `effect`, `purpose`, `legal_basis`, `contract`, `doc`, `reconcile`; `request` with the
model's name and its `fields` (type and whether required), `record` with the schema's id and the names of its `fields`.
"""


def load() -> Catalogue:
    """The catalogue as generated."""
    catalogue: Catalogue = json.loads(PATH.read_bytes())
    return catalogue


def build() -> Catalogue:
    """The catalogue as the connectors' code says it now; imports every connector."""
    from connectors import registry  # noqa: PLC0415  (readers of the file need none of it)

    operations = [
        operation
        for agency in registry.agencies()
        for operation in registry.connector_class(agency).operations().values()
    ]
    return {operation.qualified: _entry(operation) for operation in operations}


def written(catalogue: Catalogue) -> str:
    """The text of `catalogue.json`."""
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
