"""How two JSON Schemas of one record differ, in sentences for whoever changed it, and whether that breaks anyone.

Knows the shapes that Pydantic writes. Which files are compared is the business of `schemas.compat`.
"""

import json
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]

_WORDS_ONLY = frozenset({"title", "description", "examples"})
_STRUCTURE = frozenset({"properties", "required", "items", "additionalProperties"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a newer schema differs from an older one."""

    path: str
    sentence: str
    compatible: bool = False


def differences(old: Schema, new: Schema) -> list[Difference]:
    """How a published schema and a newer one of the same version differ, words apart."""
    return list(_compare(_inlined(old, old), _inlined(new, new), ""))


def _inlined(schema: Any, root: Schema, inside: AbstractSet[str] = frozenset()) -> Any:
    """References resolved, words dropped, and the several ways to say one thing brought to one.

    Args:
        schema: a schema, or anything found in one.
        root: the document it is from, for its `$defs`.
        inside: references being resolved; one that is met again inside itself is left as it is.
    """
    if isinstance(schema, list):
        return [_inlined(each, root, inside) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if reference in inside:
        return {"type": "object", "same as": reference}
    if reference is not None:
        target = root["$defs"][reference.removeprefix("#/$defs/")]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return _inlined({**target, **beside}, root, inside | {reference})
    plain: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            plain[key] = {name: _inlined(field, root, inside) for name, field in value.items()}
        elif key == "const":
            plain["enum"] = [value]
        elif key not in _WORDS_ONLY and not key.startswith("$") and key != "x-digest":
            plain[key] = _inlined(value, root, inside)
    return _one_way(plain)


def _one_way(plain: Schema) -> Schema:
    choices = [choice for choice in plain.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1 and len(plain["anyOf"]) == 2:
        del plain["anyOf"]
        plain = {**choices[0], **plain, "nullable": True}
    if "enum" in plain:
        plain["enum"] = sorted(plain["enum"], key=str)
    return plain


def _compare(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    where = f"field `{path}`" if path else "the record"
    if old.get("type") != new.get("type"):
        yield Difference(path, f"{where} was of type {_kind(old)} and is now {_kind(new)}.")
        return
    yield from _compare_fields(old, new, path)
    for key in ("items", "additionalProperties"):
        one, other = old.get(key), new.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _compare(one, other, f"{path}.*" if path else "*")
        elif one != other:
            yield Difference(path, f"{where} changed what its items are.")
    for key in sorted((old.keys() | new.keys()) - _STRUCTURE):
        if (key in old, old.get(key)) != (key in new, new.get(key)):
            yield Difference(path, f"{where} {_changed(key, old.get(key), new.get(key))}.")


def _compare_fields(old: Schema, new: Schema, path: str) -> Iterator[Difference]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name, field in before.items():
        full = f"{path}.{name}" if path else name
        if name not in after:
            twins = [other for other in after if other not in before and after[other] == field]
            yield Difference(full, f"field `{full}` is gone{f', perhaps renamed to `{twins[0]}`' if twins else ''}.")
            continue
        if (name in needed_before) != (name in needed_after):
            now = "now required, and data without it exist" if name in needed_after else "no longer required"
            yield Difference(full, f"field `{full}` is {now}.")
        yield from _compare(field, after[name], full)
    for name in after.keys() - before.keys():
        full = f"{path}.{name}" if path else name
        if name in needed_after:
            yield Difference(full, f"field `{full}` is new and required, and data without it exist.")
        else:
            yield Difference(full, f"field `{full}` is new and optional.", compatible=True)


def _kind(schema: Schema) -> str:
    return str(schema.get("type") or " or ".join(_kind(each) for each in schema.get("anyOf", ())) or "anything")


def _changed(key: str, old: Any, new: Any) -> str:
    if key == "enum" and isinstance(old, list) and isinstance(new, list):
        lost = ", ".join(f"`{value}`" for value in old if value not in new)
        gained = ", ".join(f"`{value}`" for value in new if value not in old)
        return f"no longer allows {lost}" if lost else f"now allows {gained}, which readers of this version refuse"
    if key == "nullable":
        return "may now be null, which readers of this version refuse" if new else "may no longer be null"
    if key == "x-personal":
        return f"changed its class of personal data: it was {_class(old)} and is now {_class(new)}"
    return f"changed its {key}: it was {_told(old)} and is now {_told(new)}"


def _told(value: Any) -> str:
    return "not set" if value is None else json.dumps(value)


def _class(mark: Any) -> str:
    return f"{mark['class']} ({mark['kind']})" if mark else "not personal"
