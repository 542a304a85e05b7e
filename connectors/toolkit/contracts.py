"""An agency's published contract (WSDL, OpenAPI) as flat facts, so that two editions can be compared field by field. Pure.

What does not change what travels is left out: comments, descriptions, examples, and the address of the service, which comes from
our settings anyway.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from connectors.toolkit.shapes import Difference

_IRRELEVANT: Final = frozenset(
    {"description", "summary", "example", "examples", "externalDocs", "contact", "servers", "tags"}
)
_QUIET: Final = frozenset({"documentation", "annotation", "address", "import"})


class ContractError(ValueError):
    """Not a contract that can be read; the message never holds any of it."""


@dataclass(frozen=True)
class ContractDocument:
    """A contract that the agency publishes, and our pinned copy of it.

    Attributes:
        file: In the connector's folder.
        path: Added to the agency's address to fetch the published one, such as `?wsdl`.
        operations: The operations whose calls it describes; all of the connector's when empty.
    """

    file: str
    path: str
    operations: tuple[str, ...] = ()


def facts(document: bytes) -> dict[str, str]:
    """What a WSDL, XML Schema or OpenAPI document (JSON) says, by path.

    Raises:
        ContractError: It is none of these.
    """
    start = document[:256].lstrip()
    if start.startswith(b"<"):
        return dict(_of_xml(document))
    try:
        plain = json.loads(document)
    except (ValueError, RecursionError):
        raise ContractError("neither XML nor JSON") from None
    if not isinstance(plain, dict) or not {"openapi", "swagger"} & plain.keys():
        raise ContractError("JSON, but no OpenAPI document")
    return {path: value for path, value in _of_json(plain, "") if not path.startswith("info.")}


def differences(pinned: bytes, published: bytes) -> list[Difference]:
    """What the published contract says otherwise than our pinned one.

    Raises:
        ContractError: One of them cannot be read.
    """
    before, now = facts(pinned), facts(published)
    found = []
    for path in sorted(before.keys() | now.keys()):
        if path not in before:
            found.append(Difference(path, "added", (), (now[path],)))
        elif path not in now:
            found.append(Difference(path, "missing", (before[path],), ()))
        elif before[path] != now[path]:
            found.append(Difference(path, "retyped", (before[path],), (now[path],)))
    return found


def _of_json(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, below in value.items():
            if name not in _IRRELEVANT or path.endswith("properties"):
                yield from _of_json(below, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for place, below in enumerate(sorted(value, key=json.dumps) if _plain(value) else value):
            yield from _of_json(below, f"{path}[{place}]")
    else:
        yield path, json.dumps(value)


def _plain(value: list[Any]) -> bool:
    return all(isinstance(each, str | int | float | bool) for each in value)


def _of_xml(document: bytes) -> Iterator[tuple[str, str]]:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError:
        raise ContractError("not well-formed XML") from None
    info: Any = root.getroottree().docinfo
    if info.internalDTD is not None or info.doctype:
        raise ContractError("document types are refused")
    yield from _of_element(root, "")


def _of_element(element: Any, above: str) -> Iterator[tuple[str, str]]:
    local = etree.QName(element).localname
    if local in _QUIET:
        return
    named = element.get("name") or element.get("ref") or element.get("element") or ""
    path = f"{above}/{local}" + (f"[{named}]" if named else "")
    attributes = {name: value for name, value in element.attrib.items() if name != "name" and not name.startswith("{")}
    # A prefix is the writer's choice: what it stands for is what counts.
    told = {
        name: value.rpartition(":")[2] if name in {"type", "base", "ref", "element", "message", "binding"} else value
        for name, value in attributes.items()
    }
    yield path, " ".join(f"{name}={value}" for name, value in sorted(told.items()))
    for child in element:
        yield from _of_element(child, path)
