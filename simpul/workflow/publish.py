"""From a folder of workflows to definitions: read, compared with what was frozen, and handed to the ledger.

A published version's steps never change, because applications under way go by them. What there is is frozen beside the
workflows, so that a change is seen in review and in CI, without a ledger: a workflow in Python as `published/<dag_id>.json`,
the catalogue's services as a line each in `published/catalogue/<agency>.json`, from which Airflow also takes their DAGs.
"""

import atexit
import hashlib
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from simpul.definition import Definition
from simpul.workflow import catalogue

if TYPE_CHECKING:
    from simpul.ledger.definitions import Carrying
    from simpul.workflow.dag import Workflow

FROZEN = "published"
_CATALOGUE = "catalogue_"
"""How the names of the catalogue's generators begin."""


class UnreadableWorkflowError(Exception):
    """A file of the folder cannot be imported."""


@dataclass(frozen=True)
class Found:
    """A workflow and the file that Airflow reads it from."""

    file: Path
    definition: Definition
    fans: tuple[str, ...] = ()
    """Which steps stand for the elements of a list, in words."""

    @property
    def frozen(self) -> str:
        """Where it is frozen, below the folder of workflows."""
        if self.file.stem.startswith(_CATALOGUE):
            return f"{FROZEN}/{catalogue.FOLDER}/{self.file.stem.removeprefix(_CATALOGUE)}.json"
        return f"{FROZEN}/{self.definition.dag_id}.json"


@dataclass(frozen=True)
class Frozen:
    """What was frozen of a workflow: where, its steps' names and digest, and the digest of all that may be corrected, too."""

    where: str
    names: tuple[str, ...]
    steps: str
    all: str


def read(folder: Path) -> list[Found]:
    """Import every workflow of a folder, as Airflow would, and build the catalogue's.

    Raises:
        UnreadableWorkflowError: One cannot be imported, or two say the same service and version.
    """
    _keep_airflow_off_the_home_folder()
    found: dict[str, Found] = {}
    for file in sorted(folder.glob("*.py")):
        for workflow in _catalogued(file) if file.stem.startswith(_CATALOGUE) else _import(file):
            definition = workflow.definition()
            if definition.dag_id in found:
                other = found[definition.dag_id].file.name
                raise UnreadableWorkflowError(f"{file.name}: {definition.dag_id} is in {other} already")
            found[definition.dag_id] = Found(file, definition, tuple(map(str, workflow.fans.values())))
    for file in catalogue.files(folder):
        if not (folder / f"{_CATALOGUE}{file.stem}.py").exists():
            raise UnreadableWorkflowError(
                f"{catalogue.FOLDER}/{file.name}: Airflow needs a file {_CATALOGUE}{file.stem}.py: copy another agency's"
            )
    if not found:
        raise UnreadableWorkflowError(f"there is no workflow in {folder}: look at SIMPUL_DAGS_FOLDER or --dags")
    return list(found.values())


def problems(workflows: Sequence[Found], folder: Path) -> list[str]:
    """What keeps these workflows from being deployed, in sentences; empty when nothing does."""
    frozen = _frozen(folder)
    sentences = [sentence for found in workflows for sentence in _problems(found, frozen)]
    sentences += [sentence for found in workflows for sentence in _misnamed(found.definition, workflows, frozen)]
    retired = sorted(frozen.keys() - {found.definition.dag_id for found in workflows})
    return sentences + [
        f"{name} is frozen but its workflow is gone: keep it until its last application has closed, then remove "
        f"{_removal(name, frozen[name].where)}"
        for name in retired
    ]


def unfrozen(workflows: Sequence[Found], folder: Path) -> list[str]:
    """Why the catalogue cannot be published: Airflow would make other DAGs of it than the ledger is told of."""
    frozen = _frozen(folder)
    ours = [found for found in workflows if found.file.stem.startswith(_CATALOGUE)]
    return [sentence for found in ours for sentence in _unlike(found, frozen)]


def freeze(workflows: Sequence[Found], folder: Path) -> list[Path]:
    """Write down what is new or corrected; steps that were frozen stay as they were.

    Returns:
        The files written.
    """
    frozen = _frozen(folder)
    texts: dict[str, dict[str, str]] = {}
    for found in workflows:
        before = frozen.get(found.definition.dag_id)
        corrected = before and before.steps == found.definition.digest and before.all != _all(found.definition)
        if before is None or corrected:
            texts.setdefault(found.frozen, {})[found.definition.dag_id] = _text(found)
    written = []
    for where, services in texts.items():
        file = folder / where
        file.parent.mkdir(parents=True, exist_ok=True)
        text = _lines(file, services) if file.parent.name == catalogue.FOLDER else "".join(services.values())
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
            written.append(file)
    return written


def publish(
    database_url: str, definitions: Sequence[Definition], *, actor: str, now: datetime
) -> list[tuple[Definition, str]]:
    """Store definitions in the ledger, all or none.

    Args:
        definitions: All there are: a version that is not among them has no DAG any more.

    Returns:
        Each definition with `new`, `same` or `corrected`.

    Raises:
        VersionNeedsRaisingError: Steps of a published version changed.
        VersionVanishedError: Open applications go by a version that is not among them.
    """
    from simpul.ledger import database  # noqa: PLC0415 - checking needs no database
    from simpul.ledger import definitions as ledger  # noqa: PLC0415

    engine = database.connect(database_url, pool_size=1)
    try:
        with database.transaction(engine) as connection:
            if vanished := list(_vanished(ledger.carrying(connection), definitions)):
                raise ledger.VersionVanishedError("; ".join(vanished))
            return [
                (definition, ledger.publish(connection, definition, actor=actor, now=now)) for definition in definitions
            ]
    finally:
        engine.dispose()


def differing(database_url: str, definitions: Sequence[Definition]) -> tuple[list[str], list[str]]:
    """What the ledger says to these workflows, in sentences: what is wrong, and which files are needed no more.

    Wrong are steps that differ from those published under the same version, and versions without a file that open applications
    go by.
    """
    from simpul.ledger import database  # noqa: PLC0415 - checking needs no database
    from simpul.ledger import definitions as ledger  # noqa: PLC0415

    engine = database.connect(database_url, pool_size=1)
    sentences = []
    try:
        with database.transaction(engine) as connection:
            for definition in definitions:
                try:
                    published = ledger.definition(connection, definition.service, definition.version)
                except ledger.UnknownServiceError:
                    continue
                if published.digest != definition.digest:
                    sentences.append(_raise_version(definition, "the ledger"))
            versions = ledger.carrying(connection)
    finally:
        engine.dispose()
    return [*sentences, *_vanished(versions, definitions)], list(_spent(versions, definitions))


def _vanished(versions: Iterable["Carrying"], definitions: Iterable[Definition]) -> Iterator[str]:
    here = {(definition.service, definition.version) for definition in definitions}
    for each in versions:
        if each.open and (each.service, each.version) not in here:
            yield (
                f"{each.service} version {each.version} has {each.open} open applications and no file any more: put it back, or "
                f"let them go over first (`simpul application migrate --service {each.service} --from {each.version} --to ...`)"
            )


def _spent(versions: Iterable["Carrying"], definitions: Iterable[Definition]) -> Iterator[str]:
    here = {(definition.service, definition.version): definition for definition in definitions}
    for each in versions:
        definition = here.get((each.service, each.version))
        if definition and not each.open and not each.newest:
            yield (
                f"{each.service} version {each.version} has no open application: its file and "
                f"{FROZEN}/{definition.dag_id}.json may be deleted"
            )


def _problems(found: Found, frozen: Mapping[str, Frozen]) -> Iterable[str]:
    definition = found.definition
    for name in ("title", "standard", "owner"):
        if not getattr(definition, name).strip():
            yield f"{found.file.name}: {definition.dag_id} has no {name}"
    # Airflow passes over files without these words unless it is told otherwise ([core] dag_discovery_safe_mode).
    content = found.file.read_bytes().lower()
    if b"airflow" not in content or b"dag" not in content:
        yield f"{found.file.name}: Airflow would overlook it: say in its docstring that it is a DAG of Airflow"
    yield from _unlike(found, frozen)


def _unlike(found: Found, frozen: Mapping[str, Frozen]) -> Iterable[str]:
    definition = found.definition
    before = frozen.get(definition.dag_id)
    if before is None:
        yield f"{definition.dag_id} is not frozen: run `simpul service check --freeze` and commit what it writes"
    elif before.steps != definition.digest:
        yield _raise_version(definition, before.where)
    elif before.all != _all(definition):
        yield f"{definition.dag_id} was corrected: run `simpul service check --freeze` and commit what it writes"


def _misnamed(definition: Definition, workflows: Sequence[Found], frozen: Mapping[str, Frozen]) -> Iterable[str]:
    """Where a version says that a step was renamed, the version before must have it; unless its file is gone already."""
    known = {name: kept.names for name, kept in frozen.items()}
    known |= {found.definition.dag_id: tuple(found.definition.by_name) for found in workflows}
    before = definition.model_copy(update={"version": definition.version - 1})
    for old in definition.renamed if before.dag_id in known else ():
        if old not in known[before.dag_id]:
            yield f"{definition.dag_id}: renamed: version {before.version} has no step {old!r}"


def _raise_version(definition: Definition, where: str) -> str:
    return (
        f"the steps of {definition.service} version {definition.version} differ from those in {where}: copy "
        f"{'the service' if catalogue.FOLDER in where else 'the file'}, raise the version to {definition.version + 1} "
        "there, and keep this one until its last application has closed"
    )


def _removal(name: str, where: str) -> str:
    return f"its line from {where}" if where != f"{FROZEN}/{name}.json" else where


def _frozen(folder: Path) -> dict[str, Frozen]:
    """What is frozen, by DAG id."""
    found = {}
    for file in (folder / FROZEN).glob("*.json"):
        definition = Definition.model_validate_json(file.read_bytes())
        found[file.stem] = Frozen(
            f"{FROZEN}/{file.name}", tuple(definition.by_name), definition.digest, _all(definition)
        )
    for file in (folder / FROZEN / catalogue.FOLDER).glob("*.json"):
        where = f"{FROZEN}/{catalogue.FOLDER}/{file.name}"
        for name, kept in json.loads(file.read_bytes()).items():
            found[name] = Frozen(where, tuple(step[0] for step in kept["steps"]), kept["digest"], kept["all"])
    return found


def _all(definition: Definition) -> str:
    # Without defaults: what a definition may hold from some day on does not change those that do not hold it.
    return hashlib.sha256(definition.model_dump_json(exclude_defaults=True).encode()).hexdigest()


def _text(found: Found) -> str:
    definition = found.definition
    if not found.file.stem.startswith(_CATALOGUE):
        return json.dumps(definition.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    facts = {name: getattr(definition, name) for name in ("service", "version", "title", "standard")}
    steps = [[step.name, step.kind, step.operation, step.title] for step in definition.steps]
    kept = {**facts, "steps": steps, "digest": definition.digest, "all": _all(definition)}
    return json.dumps(kept, ensure_ascii=False)


def _lines(file: Path, services: Mapping[str, str]) -> str:
    """The text of a catalogue's file: a line for each service, so that a review shows which ones change."""
    before = json.loads(file.read_bytes()) if file.exists() else {}
    kept = {name: json.dumps(value, ensure_ascii=False) for name, value in before.items()} | dict(services)
    return "{\n" + ",\n".join(f'  "{name}": {kept[name]}' for name in sorted(kept)) + "\n}\n"


def _catalogued(generator: Path) -> list["Workflow"]:
    from simpul.workflow.catalogue_dags import workflows  # noqa: PLC0415 - Airflow is imported with a home set

    file = generator.parent / catalogue.FOLDER / f"{generator.stem.removeprefix(_CATALOGUE)}.yaml"
    if not file.exists():
        raise UnreadableWorkflowError(f"{generator.name}: there is no {catalogue.FOLDER}/{file.name}")
    try:
        return workflows(file)
    except catalogue.CatalogueError as error:
        raise UnreadableWorkflowError(str(error)) from error


def _import(file: Path) -> list["Workflow"]:
    from simpul.workflow.dag import collecting  # noqa: PLC0415 - Airflow is imported with a home set

    spec = importlib.util.spec_from_file_location(f"simpul_dags_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise UnreadableWorkflowError(f"{file.name} is no Python file")
    with collecting() as workflows:
        try:
            spec.loader.exec_module(importlib.util.module_from_spec(spec))
        except Exception as error:
            raise UnreadableWorkflowError(f"{file.name}: {error}") from error
    return workflows


def _keep_airflow_off_the_home_folder() -> None:
    """Airflow writes its configuration into ~/airflow when it is imported; reading workflows needs none."""
    if "AIRFLOW_HOME" not in os.environ:
        home = os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="simpul-airflow-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
