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
from schemas.difference import Schema, differences
from schemas.registry import CONTRACTS, RETIRED

PUBLISHED = Path(__file__).parent / "published"

_FILE_NAME = re.compile(r"(?P<name>[a-z][a-z0-9-]*)\.v(?P<version>[1-9][0-9]*)(\.(?P<edition>[1-9][0-9]*))?\.json")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that must not be merged: which schema or file, and a sentence on what is wrong and what to do."""

    subject: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.sentence}"


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
