"""The shape of a payload: which fields there are and of which types, with none of their values. Pure functions.

Shapes are what may be kept of an agency's answers beyond the answer itself: to see that its contract has drifted. Names that
look like data (a NIK as a key) are not kept either.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lxml import etree

Shape = dict[str, dict[str, Any]]
"""By path (`content[].NIK`): `types`, sorted, and `optional`, whether some samples were without it."""

Change = Literal["added", "missing", "retyped"]

_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (dict, "object"),
    (list, "array"),
    (type(None), "null"),
)
_NAME = re.compile(r"(?!.*\d{5})[\w .:@#$/-]{1,80}")
_MOST_FIELDS = 2_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a payload differs from the recorded shape.

    Attributes:
        before: Types as recorded; empty for what was added.
        now: Types as seen; empty for what is missing.
    """

    path: str
    change: Change
    before: tuple[str, ...]
    now: tuple[str, ...]


def of_body(body: bytes) -> Shape | None:
    """The shape of JSON or XML; None for anything else, such as a PDF."""
    start = body[:64].lstrip()
    if start.startswith((b"{", b"[")):
        try:
            return of(json.loads(body))
        except (ValueError, RecursionError):
            return None
    return _of_xml(body) if start.startswith(b"<") else None


def of(value: Any) -> Shape:
    """The shape of dicts, lists and plain values."""
    shape: Shape = {}
    for path, kind in _walk(value, ""):
        if len(shape) >= _MOST_FIELDS and path not in shape:
            continue
        known = shape.setdefault(path, {"types": [], "optional": False})
        known["types"] = sorted({*known["types"], kind})
    for path, fact in shape.items():
        fact["optional"] = _sometimes_absent(value, path)
    return shape


def merged(one: Shape, other: Shape) -> Shape:
    """What two samples have in common and what only one of them has."""
    return {
        path: {
            "types": sorted({*one.get(path, {}).get("types", ()), *other.get(path, {}).get("types", ())}),
            "optional": any(side[path]["optional"] if path in side else _parent(path) in side for side in (one, other)),
        }
        for path in sorted({*one, *other})
    }


def differences(recorded: Shape, seen: Shape) -> list[Difference]:
    """What of a seen shape is not as recorded, field by field.

    A field that the record knows as optional may be absent. One whose parent is absent is told of by its parent. `null` and
    another type are one type that may say nothing.
    """
    found = []
    for path in sorted({*recorded, *seen}):
        before = tuple(recorded.get(path, {}).get("types", ()))
        now = tuple(seen.get(path, {}).get("types", ()))
        if not before:
            if not _inside_new(path, recorded, seen):
                found.append(Difference(path, "added", before, now))
        elif not now:
            if not recorded[path]["optional"] and (path == "" or _parent(path) in seen) and _parents_full(path, seen):
                found.append(Difference(path, "missing", before, now))
        elif not set(now) <= {*before, "null"} and set(before) != {"null"}:
            found.append(Difference(path, "retyped", before, now))
    return found


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    yield path, next(name for kind, name in _TYPES if isinstance(value, kind))
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _walk(below, _join(path, name))
    elif isinstance(value, list):
        for below in value:
            yield from _walk(below, f"{path}[]")


def _join(path: str, name: Any) -> str:
    shown = str(name) if _NAME.fullmatch(str(name)) else "*"
    return f"{path}.{shown}" if path else shown


def _parent(path: str) -> str:
    if path.endswith("[]"):
        return path[:-2]
    return path.rpartition(".")[0]


def _inside_new(path: str, recorded: Shape, seen: Shape) -> bool:
    """Whether what it is in is new itself, or was empty in the record."""
    above = _parent(path)
    if path == "" or above not in seen:
        return False
    if above not in recorded:
        return True
    # An empty list was recorded: nothing is known of what is in it.
    return path.endswith("[]") and path not in recorded and "array" in recorded[above]["types"]


def _parents_full(path: str, seen: Shape) -> bool:
    """Whether the object that the field is missing from really came: an empty list or a null holds no fields."""
    above = _parent(path)
    if path == "":
        return True
    return bool({"object", "array"} & set(seen[above]["types"])) and not (
        path.endswith("[]") and "array" in seen[above]["types"]
    )


def _sometimes_absent(value: Any, path: str) -> bool:
    """Whether some of the objects in a list are without the field that others have."""
    above, _, name = path.rpartition(".")
    if "[]" not in above or name.endswith("[]"):
        return False
    holders = list(_holders(value, above))
    return any(isinstance(each, Mapping) and name not in map(str, each) for each in holders)


def _holders(value: Any, path: str) -> Iterator[Any]:
    if path == "":
        yield value
        return
    if path.endswith("[]"):
        for holder in _holders(value, path[:-2]):
            yield from holder if isinstance(holder, list) else ()
        return
    above, _, name = path.rpartition(".")
    for holder in _holders(value, above):
        if isinstance(holder, Mapping) and name in holder:
            yield holder[name]


def _of_xml(body: bytes) -> Shape | None:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        return None
    if root.getroottree().docinfo.internalDTD is not None:
        return None
    return of({etree.QName(root).localname: _plain(root)})


def _plain(element: Any) -> Any:
    if not len(element):
        return element.text or None
    plain: dict[str, Any] = {}
    for child in element:
        name, value = etree.QName(child).localname, _plain(child)
        if name in plain:
            known = plain[name]
            plain[name] = [*known, value] if isinstance(known, list) else [known, value]
        else:
            plain[name] = value
    return plain
