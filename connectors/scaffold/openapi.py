"""A plan from an OpenAPI document (3.x, JSON or YAML): its operations, and wire models by datamodel-code-generator."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from connectors.scaffold.plan import Field, OperationPlan, Plan, PlanError, snake, unique

_METHODS = ("get", "post", "put", "patch", "delete")
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
_EXAMPLES: dict[str, Any] = {"str": "CONTOH", "int": 1, "float": 1.5, "bool": True, "date": "2026-01-31"}
_DEPTH = 6


def plan(agency: str, path: Path) -> Plan:
    """A connector over REST.

    Raises:
        PlanError: It is no OpenAPI document, or describes no operation.
    """
    text = path.read_text(encoding="utf-8")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        raise PlanError(f"{path.name} is neither JSON nor YAML") from None
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise PlanError(f"{path.name} is no OpenAPI document of version 3")
    operations = tuple(_operations(document))
    pinned = "openapi.json"
    return Plan(
        agency,
        "rest",
        operations,
        contract="D",
        title=str(document.get("info", {}).get("title") or agency),
        wire_module=_models(text, path.suffix),
        files={pinned: (json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n").encode()},
        document=pinned,
    )


def _operations(document: Mapping[str, Any]) -> Iterator[OperationPlan]:
    described = [
        (path, method, item[method], item.get("parameters", []))
        for path, item in document.get("paths", {}).items()
        for method in _METHODS
        if method in item
    ]
    names = unique(snake(each.get("operationId") or f"{method}_{path}") for path, method, each, _ in described)
    for name, (path, method, operation, shared) in zip(names, described, strict=True):
        parameters = [_resolved(document, each) for each in (*shared, *operation.get("parameters", []))]
        yield OperationPlan(
            name=name,
            effect="read" if method == "get" else "write",
            doc=_sentence(operation.get("summary") or operation.get("description") or name.replace("_", " ")),
            wire=f"{method.upper()} {path}",
            method=method.upper(),
            path=path,
            fields=tuple(_fields(document, parameters, operation)),
            answer=_example(document, _answer(document, operation)),
        )


def _fields(document: Mapping[str, Any], parameters: list[Any], operation: Mapping[str, Any]) -> Iterator[Field]:
    for each in parameters:
        if each.get("in") in ("path", "query"):
            yield _field(document, each["name"], each.get("schema", {}), bool(each.get("required")), each["in"])
    body = _content(_resolved(document, operation.get("requestBody", {})))
    schema = _resolved(document, body)
    required = set(schema.get("required", ()))
    for name, described in schema.get("properties", {}).items():
        yield _field(document, name, described, name in required, "body")


def _field(document: Mapping[str, Any], name: str, schema: Any, required: bool, where: str) -> Field:  # noqa: FBT001
    resolved = _resolved(document, schema)
    kind = resolved.get("type")
    found = _TYPES.get(
        kind if isinstance(kind, str) else "string",
        "dict[str, Any]" if kind == "object" else "list[Any]" if kind == "array" else "str",
    )
    if resolved.get("format") == "date":
        found = "date"
    example = resolved.get("example", (resolved.get("enum") or [None])[0])
    if example is None:
        example = _EXAMPLES.get(found, _example(document, resolved))
    return Field(snake(name), name, found, required, where, example)


def _answer(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Any:
    for status, response in operation.get("responses", {}).items():
        if str(status).startswith("2"):
            return _content(_resolved(document, response))
    return {}


def _content(holder: Mapping[str, Any]) -> Any:
    for media_type, described in holder.get("content", {}).items():
        if "json" in media_type:
            return described.get("schema", {})
    return {}


def _example(document: Mapping[str, Any], schema: Any, depth: int = 0) -> Any:
    """A small value that fits a schema."""
    resolved = _resolved(document, schema)
    if "example" in resolved:
        return resolved["example"]
    if resolved.get("enum"):
        return resolved["enum"][0]
    kind = resolved.get("type")
    if kind == "array":
        return [_example(document, resolved.get("items", {}), depth + 1)] if depth < _DEPTH else []
    if kind == "object" or "properties" in resolved:
        properties = resolved.get("properties", {}) if depth < _DEPTH else {}
        return {name: _example(document, each, depth + 1) for name, each in properties.items()}
    if resolved.get("format") == "date":
        return _EXAMPLES["date"]
    return _EXAMPLES.get(_TYPES.get(str(kind), ""), {})


def _resolved(document: Mapping[str, Any], schema: Any) -> dict[str, Any]:
    found: Any = schema
    for _ in range(_DEPTH):
        if not isinstance(found, Mapping):
            return {}
        reference = found.get("$ref")
        if reference is None:
            break
        if not str(reference).startswith("#/"):
            raise PlanError("the document refers to other files: bundle it into one first")
        found = document
        for part in str(reference)[2:].split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, Mapping) else {}
    whole: dict[str, Any] = dict(found)
    for part in whole.get("allOf", ()):
        merged = _resolved(document, part)
        whole["properties"] = {**merged.get("properties", {}), **whole.get("properties", {})}
        whole.setdefault("type", merged.get("type", "object"))
    return whole


def _sentence(text: str) -> str:
    first = " ".join(str(text).split()).split(". ")[0].rstrip(".").replace('"', "'").replace("\\", "/")
    return f"{first[:1].upper()}{first[1:100]}."


def _models(text: str, suffix: str) -> str:
    """Wire models, by datamodel-code-generator.

    Raises:
        PlanError: It is not installed, or does not take the document.
    """
    try:
        from datamodel_code_generator import generate  # noqa: PLC0415 - heavy, and optional
        from datamodel_code_generator.enums import DataModelType, InputFileType, OpenAPIScope  # noqa: PLC0415
        from datamodel_code_generator.format import Formatter  # noqa: PLC0415
    except ImportError:
        raise PlanError("datamodel-code-generator is missing: install simpul[authoring]") from None
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "wire.py"
        try:
            generate(
                text,
                input_file_type=InputFileType.OpenAPI,
                input_filename=f"openapi{suffix}",
                output=output,
                output_model_type=DataModelType.PydanticV2BaseModel,
                openapi_scopes=[OpenAPIScope.Schemas, OpenAPIScope.Paths],
                base_class="connectors.toolkit.wire.Shape",
                snake_case_field=True,
                allow_population_by_field_name=True,
                use_standard_collections=True,
                use_union_operator=True,
                disable_timestamp=True,
                use_schema_description=True,
                formatters=[Formatter.BUILTIN],
            )
        except Exception as error:  # noqa: BLE001  (it fails in its own ways over documents that are none)
            raise PlanError(f"no wire models can be made of the document: {type(error).__name__}") from None
        lines = output.read_text(encoding="utf-8").splitlines()
    body = "\n".join(line for line in lines if not line.startswith("#")).strip()
    return f'''"""The agency's own shapes, generated from `openapi.json`."""\n# ruff: noqa: D101\n\n{body}\n'''
