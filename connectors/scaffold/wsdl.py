"""A plan from a WSDL file: its operations, and wire models by zeep's own inspection of types."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connectors.scaffold.plan import Field, OperationPlan, Plan, PlanError, snake, unique

_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("int", "integer", "long", "short", "byte", "nonNegativeInteger", "positiveInteger"), "int"),
    **dict.fromkeys(("float", "double", "decimal"), "float"),
    "boolean": "bool",
    "date": "date",
}
_EXAMPLES: Mapping[str, Any] = {"str": "CONTOH", "int": 1, "float": 1.5, "bool": True, "date": "2026-01-31"}
_READS = ("get", "find", "inquiry", "status", "check", "cek", "lihat", "list", "search", "cari", "verify")
_DEPTH = 6


def plan(agency: str, path: Path) -> Plan:
    """A connector over SOAP.

    Raises:
        PlanError: It is no WSDL that can be read from this one file.
    """
    client = _client(path)
    service: Any = next(iter(client.wsdl.services.values()), None)
    ports = service.ports.values() if service is not None else ()
    port = next((each for each in ports if type(each.binding).__name__ == "Soap11Binding"), None)
    if port is None:
        raise PlanError(f"{path.name} has no service with a SOAP 1.1 binding")
    described = list(port.binding._operations.values())  # noqa: SLF001 - zeep has no public list of them
    names = unique(snake(each.name) for each in described)
    models: dict[str, str] = {}
    operations = tuple(_operation(name, each, models) for name, each in zip(names, described, strict=True))
    namespace = next(iter(client.wsdl._definitions))[0]  # noqa: SLF001
    return Plan(
        agency,
        "soap",
        operations,
        contract="D",
        title=service.name,
        wire_module=_module(path.name, models),
        files={path.name: path.read_bytes()},
        binding=str(port.binding.name),
        namespace=str(namespace),
        document=path.name,
    )


def _client(path: Path) -> Any:
    import zeep  # noqa: PLC0415 - costs more than a second
    from zeep.transports import Transport  # noqa: PLC0415

    class OneFolder(Transport):  # type: ignore[misc]
        """Loads from the WSDL's folder only."""

        def load(self, url: str) -> bytes:
            there = Path(url).resolve()
            if "://" in url or there.parent != path.resolve().parent:
                raise PlanError(f"{path.name} refers to {Path(url).name} elsewhere: put it beside the WSDL")
            return there.read_bytes()

    try:
        return zeep.Client(
            str(path),
            transport=OneFolder(),
            settings=zeep.Settings(forbid_dtd=True, forbid_entities=True, forbid_external=True),
        )
    except PlanError:
        raise
    except Exception as error:  # noqa: BLE001  (zeep stumbles in many ways over what is no WSDL)
        raise PlanError(f"{path.name} is no WSDL that can be read: {type(error).__name__}") from None


def _operation(name: str, described: Any, models: dict[str, str]) -> OperationPlan:
    wire = str(described.name)
    answer = described.output.body.type if described.output and described.output.body is not None else None
    return OperationPlan(
        name=name,
        effect="read" if any(word in wire.lower() for word in _READS) else "write",
        doc=f"Calls {wire}.",
        wire=wire,
        fields=tuple(_fields(described.input.body.type)) if described.input.body is not None else (),
        answer=_example(answer),
        answer_model=_model(f"{wire}Answer", answer, models) if answer is not None else None,
    )


def _elements(kind: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(kind, "elements", ())


def _fields(kind: Any) -> Iterator[Field]:
    for name, element in _elements(kind):
        found = _python(element)
        required = int(getattr(element, "min_occurs", 1)) > 0
        yield Field(snake(name), name, found, required, "body", _EXAMPLES.get(found, _example(element.type)))


def _python(element: Any) -> str:
    if _many(element):
        return "list[Any]"
    if list(_elements(element.type)):
        return "dict[str, Any]"
    return _TYPES.get(str(getattr(element.type, "name", "") or ""), "str")


def _many(element: Any) -> bool:
    most = getattr(element, "max_occurs", 1)
    return most == "unbounded" or int(most) > 1


def _example(kind: Any, depth: int = 0) -> Any:
    if kind is None or depth > _DEPTH:
        return None
    inner = list(_elements(kind))
    if not inner:
        return str(_EXAMPLES[_TYPES.get(str(getattr(kind, "name", "") or ""), "str")])
    found = {}
    for name, element in inner:
        value = _example(element.type, depth + 1)
        found[name] = [value] if _many(element) else value
    return found


def _model(name: str, kind: Any, models: dict[str, str], depth: int = 0) -> str:
    """Writes the class of a complex type, those inside it first; its name."""
    lines = []
    for wire, element in _elements(kind):
        inner = list(_elements(element.type)) if depth < _DEPTH else []
        found = _model(f"{name}{wire[:1].upper()}{wire[1:]}", element.type, models, depth + 1) if inner else "str"
        found = f"list[{found}]" if _many(element) else found
        lines.append(f'    {snake(wire)}: {found} | None = Field(default=None, alias="{wire}")')
    body = "\n".join(lines) or "    pass"
    models[name] = f'class {name}(Shape):\n    """`{getattr(kind, "name", None) or name}` of the WSDL."""\n\n{body}\n'
    return name


def _module(document: str, models: Mapping[str, str]) -> str:
    head = (
        f'"""The agency\'s own shapes, generated from `{document}`. Values are text, as XML has them; mapping reads them."""\n\n'
        "from pydantic import Field\n\nfrom connectors.toolkit.wire import Shape\n"
    )
    return head + "".join(f"\n\n{model}" for model in models.values())
