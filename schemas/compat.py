"""Compares the records in code with their frozen JSON Schemas in `published/`, and freezes new ones.

A version's first edition is `<name>.v<version>.json`; optional fields added since make `<name>.v<version>.<n>.json`.
Writers and readers of one version are deployed at different times, so it may change in no other way. A file is written
once: its digest shows edits by hand.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.base import Record
from schemas.registry import CONTRACTS, RETIRED

PUBLISHED = Path(__file__).parent / "published"

Schema = dict[str, Any]

_FILE_NAME = re.compile(r"(?P<name>[a-z][a-z0-9-]*)\.v(?P<version>[1-9][0-9]*)(\.(?P<edition>[1-9][0-9]*))?\.json")
_WORDS_ONLY = frozenset({"title", "description", "examples"})
_STRUCTURE = frozenset({"properties", "required", "items", "additionalProperties"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that must not be merged: which schema or file, and a sentence on what is wrong and what to do."""

    subject: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a newer schema differs from an older one."""

    path: str
    sentence: str
    compatible: bool = False


@dataclass(frozen=True, slots=True)
class Edition:
    """A file in `published/`, as read."""

    path: Path
    name: str
    version: int
    edition: int
    document: Schema

    @property
    def schema_id(self) -> str:
        """Name and version, such as `person/1`."""
        return f"{self.name}/{self.version}"


def document(model: type[Record]) -> Schema:
    """The JSON Schema of a record as it is published.

    It describes what is accepted, and leaves room for fields that a newer writer adds.
    """
    schema = _open(model.model_json_schema(mode="validation"))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": model.schema_urn(), **schema}


def differences(old: Schema, new: Schema) -> list[Difference]:
    """How a published schema and a newer one of the same version differ, words apart."""
    return list(_compare(_inlined(old, old), _inlined(new, new), ""))


def check(
    folder: Path = PUBLISHED,
    contracts: Mapping[str, type[Record]] = CONTRACTS,
    retired: AbstractSet[str] = RETIRED,
) -> list[Problem]:
    """Everything that keeps the records in code from being what was published; empty when all is well."""
    editions, problems = _read(folder)
    for model in contracts.values():
        problems += _check_model(model, _of(model, editions))
    problems += _check_history(editions)
    problems += _check_lost({edition.schema_id: edition for edition in editions}, contracts, retired)
    return problems


def publish(folder: Path = PUBLISHED, contracts: Mapping[str, type[Record]] = CONTRACTS) -> list[Path]:
    """Freeze what is not yet published, and return the files written.

    Nothing is ever overwritten. A record with an incompatible change is passed over: `check` says why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    editions, problems = _read(folder)
    damaged = {problem.subject for problem in problems}
    written = []
    for model in contracts.values():
        known = _of(model, editions)
        stem = f"{model.schema_name}.v{model.schema_version}"
        if any(name == f"{stem}.json" or name.startswith(f"{stem}.") for name in damaged):
            continue
        found = differences(known[-1].document, document(model)) if known else []
        if known and (not found or not all(difference.compatible for difference in found)):
            continue
        path = folder / (f"{stem}.{known[-1].edition + 1}.json" if known else f"{stem}.json")
        with path.open("x", encoding="utf-8") as file:
            file.write(_sealed(document(model)))
        written.append(path)
    return written


def _read(folder: Path) -> tuple[list[Edition], list[Problem]]:
    editions, problems = [], []
    for path in sorted(folder.glob("*")):
        named = _FILE_NAME.fullmatch(path.name)
        if named is None:
            problems.append(Problem(path.name, "is not named <name>.v<version>.json. Only `publish` writes here."))
            continue
        try:
            held = json.loads(path.read_bytes())
            intact = held.get("x-digest") == _digest(held)
        except (ValueError, AttributeError):
            intact = False
        if not intact:
            problems.append(
                Problem(
                    path.name, "was changed after it was published. Restore it with `git checkout`, and change code."
                )
            )
            continue
        edition = Edition(path, named["name"], int(named["version"]), int(named["edition"] or 1), held)
        if held.get("$id") != f"urn:simpul:schema:{edition.name}:{edition.version}":
            problems.append(
                Problem(path.name, "holds another schema than its name says. Restore it with `git checkout`.")
            )
            continue
        editions.append(edition)
    return sorted(editions, key=lambda edition: (edition.name, edition.version, edition.edition)), problems


def _of(model: type[Record], editions: list[Edition]) -> list[Edition]:
    return [edition for edition in editions if edition.schema_id == model.schema_id()]


def _check_model(model: type[Record], known: list[Edition]) -> Iterator[Problem]:
    if not known:
        yield Problem(model.schema_id(), "is not published. Run `simpul schema publish` and commit the file.")
        return
    found = differences(known[-1].document, document(model))
    for difference in found:
        if not difference.compatible:
            yield Problem(
                model.schema_id(),
                f"{difference.sentence} This breaks whoever uses version {model.schema_version}: undo it, or make it "
                f"schema_version {model.schema_version + 1} and run `simpul schema publish`.",
            )
    if found and all(difference.compatible for difference in found):
        fields = ", ".join(f"`{difference.path}`" for difference in found)
        yield Problem(
            model.schema_id(),
            f"has new optional fields that are not published: {fields}. Run `simpul schema publish` and commit the file.",
        )


def _check_history(editions: list[Edition]) -> Iterator[Problem]:
    """Files lost, or added by hand, between those that are there."""
    before: dict[str, Edition] = {}
    for edition in editions:
        former = before.get(edition.name)
        before[edition.name] = edition
        if former is None or former.version != edition.version:
            steps = edition.version - (former.version if former else 0)
            if steps != 1 or edition.edition != 1:
                yield Problem(edition.path.name, "is published but what came before it is missing. Restore that file.")
        elif edition.edition != former.edition + 1:
            yield Problem(edition.path.name, "is published but the edition before it is missing. Restore that file.")
        else:
            for difference in differences(former.document, edition.document):
                if not difference.compatible:
                    yield Problem(edition.path.name, f"{difference.sentence} An edition may only add optional fields.")


def _check_lost(
    published: Mapping[str, Edition], contracts: Mapping[str, type[Record]], retired: AbstractSet[str]
) -> Iterator[Problem]:
    """Published schemas that the code has dropped or fallen behind of."""
    newest: dict[str, int] = {}
    for model in contracts.values():
        newest[model.schema_name] = max(newest.get(model.schema_name, 0), model.schema_version)
    for schema_id, edition in published.items():
        if edition.name in retired:
            continue
        if edition.name not in newest:
            yield Problem(
                schema_id,
                "is published but no record in code has this name. Bring it back, or list the name in RETIRED of "
                "schemas/registry.py.",
            )
        elif edition.version > newest[edition.name]:
            yield Problem(
                schema_id,
                f"is published but the code is at version {newest[edition.name]}. Versions never go back: raise "
                "schema_version.",
            )


def _sealed(schema: Schema) -> str:
    return json.dumps({**schema, "x-digest": _digest(schema)}, indent=2, ensure_ascii=False) + "\n"


def _digest(schema: Schema) -> str:
    bare = {key: value for key, value in schema.items() if key != "x-digest"}
    text = json.dumps(bare, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _open(schema: Any) -> Any:
    """Without `additionalProperties: false`, which would have readers refuse what a newer writer added."""
    if isinstance(schema, list):
        return [_open(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _open(value) for key, value in schema.items() if not (key == "additionalProperties" and value is False)
    }


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
