"""From a folder of workflows to definitions: read, compared with what was frozen, and handed to the ledger.

A published version's steps never change, because applications under way go by them. Each definition is frozen as
`published/<dag_id>.json` beside the workflows, so that a change is seen in review and in CI, without a ledger.
"""

import atexit
import importlib.util
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from simpul.definition import Definition

if TYPE_CHECKING:
    from simpul.ledger.definitions import Carrying
    from simpul.workflow.dag import Workflow

FROZEN = "published"


class UnreadableWorkflowError(Exception):
    """A file of the folder cannot be imported."""


@dataclass(frozen=True)
class Found:
    """A workflow and the file it stands in."""

    file: Path
    definition: Definition
    fans: tuple[str, ...] = ()
    """Which steps stand for the elements of a list, in words."""


def read(folder: Path) -> list[Found]:
    """Import every workflow of a folder, as Airflow would.

    Raises:
        UnreadableWorkflowError: One cannot be imported, or two say the same service and version.
    """
    _keep_airflow_off_the_home_folder()
    found: dict[str, Found] = {}
    for file in sorted(folder.glob("*.py")):
        for workflow in _import(file):
            definition = workflow.definition()
            if definition.dag_id in found:
                other = found[definition.dag_id].file.name
                raise UnreadableWorkflowError(f"{file.name}: {definition.dag_id} is in {other} already")
            found[definition.dag_id] = Found(file, definition, tuple(map(str, workflow.fans.values())))
    if not found:
        raise UnreadableWorkflowError(f"there is no workflow in {folder}: look at SIMPUL_DAGS_FOLDER or --dags")
    return list(found.values())


def problems(workflows: Sequence[Found], folder: Path) -> list[str]:
    """What keeps these workflows from being deployed, in sentences; empty when nothing does."""
    frozen = {file.stem: file for file in (folder / FROZEN).glob("*.json")}
    sentences = [sentence for found in workflows for sentence in _problems(found, frozen)]
    sentences += [sentence for found in workflows for sentence in _misnamed(found.definition, workflows, frozen)]
    retired = sorted(frozen.keys() - {found.definition.dag_id for found in workflows})
    return sentences + [
        f"{name} is frozen but its workflow is gone: keep the file until its last application has closed, then remove "
        f"{FROZEN}/{name}.json"
        for name in retired
    ]


def freeze(workflows: Sequence[Found], folder: Path) -> list[Path]:
    """Write down what is new or corrected; steps that were frozen stay as they were.

    Returns:
        The files written.
    """
    (folder / FROZEN).mkdir(exist_ok=True)
    written = []
    for found in workflows:
        file = folder / FROZEN / f"{found.definition.dag_id}.json"
        text = _text(found.definition)
        before = _frozen(file) if file.exists() else None
        if (before is None or before.digest == found.definition.digest) and (
            before is None or file.read_text() != text
        ):
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


def _problems(found: Found, frozen: dict[str, Path]) -> Iterable[str]:
    definition = found.definition
    for name in ("title", "standard", "owner"):
        if not getattr(definition, name).strip():
            yield f"{found.file.name}: {definition.dag_id} has no {name}"
    # Airflow passes over files without these words unless it is told otherwise ([core] dag_discovery_safe_mode).
    content = found.file.read_bytes().lower()
    if b"airflow" not in content or b"dag" not in content:
        yield f"{found.file.name}: Airflow would overlook it: say in its docstring that it is a DAG of Airflow"
    if definition.dag_id not in frozen:
        yield f"{definition.dag_id} is not frozen: run `simpul service check --freeze` and commit what it writes"
        return
    before = _frozen(frozen[definition.dag_id])
    if before.digest != definition.digest:
        yield _raise_version(definition, f"{FROZEN}/{definition.dag_id}.json")
    elif before != definition:
        yield f"{definition.dag_id} was corrected: run `simpul service check --freeze` and commit what it writes"


def _misnamed(definition: Definition, workflows: Sequence[Found], frozen: dict[str, Path]) -> Iterable[str]:
    """Where a version says that a step was renamed, the version before must have it; unless its file is gone already."""
    known = {found.definition.dag_id: found.definition for found in workflows}
    before = definition.model_copy(update={"version": definition.version - 1}).dag_id if definition.renamed else ""
    earlier = known.get(before) or (_frozen(frozen[before]) if before in frozen else None)
    for old in definition.renamed if earlier else ():
        if earlier and old not in earlier.by_name:
            yield f"{definition.dag_id}: renamed: version {earlier.version} has no step {old!r}"


def _raise_version(definition: Definition, where: str) -> str:
    return (
        f"the steps of {definition.service} version {definition.version} differ from those in {where}: copy the file, "
        f"raise the version to {definition.version + 1} there, and keep this one until its last application has closed"
    )


def _frozen(file: Path) -> Definition:
    return Definition.model_validate_json(file.read_bytes())


def _text(definition: Definition) -> str:
    return json.dumps(definition.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


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
