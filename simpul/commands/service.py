"""`simpul service`: lists the services of a folder of workflows, checks them and publishes them to the ledger.

What is compared with what is decided in `simpul.workflow.publish`, what is listed in `simpul.workflow.listing`.
"""

import getpass
import json
from pathlib import Path
from typing import Annotated

import typer

from simpul import config
from simpul.workflow import listing
from simpul.workflow import publish as workflows
from simpul.workflow.catalogue import CatalogueError

app = typer.Typer(help="List, check and publish the workflows of services.", no_args_is_help=True)

DagsFolder = Annotated[
    Path | None, typer.Option("--dags", metavar="FOLDER", help="The folder of workflows.", show_default="dags")
]


@app.command()
def publish(dags: DagsFolder = None) -> None:
    """Write the workflows to the ledger, all or none; a step of a deployment."""
    from simpul.ledger.definitions import VersionNeedsRaisingError, VersionVanishedError  # noqa: PLC0415 - checking needs no database

    settings = config.load()
    folder = dags or settings.dags_folder
    found = _read(folder)
    _refuse(workflows.unfrozen(found, folder))
    try:
        results = workflows.publish(
            settings.database_url,
            [each.definition for each in found],
            actor=getpass.getuser(),
            now=settings.clock.now(),
        )
    except (VersionNeedsRaisingError, VersionVanishedError) as error:
        _refuse([str(error)])
        return
    for definition, result in results:
        typer.echo(f"{definition.service} version {definition.version}: {result}")


@app.command()
def check(
    dags: DagsFolder = None,
    *,
    freeze: Annotated[bool, typer.Option("--freeze", help="First write down versions that are new.")] = False,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Compare with the ledger too, and say what may be deleted.")
    ] = False,
) -> None:
    """Refuse workflows whose steps changed within a version, or that lack owner or standard; exit status 1.

    With --ledger also those that vanished while open applications go by them.
    """
    settings = config.load()
    folder = dags or settings.dags_folder
    found = _read(folder)
    if freeze:
        for path in workflows.freeze(found, folder):
            typer.echo(f"wrote {path}")
    sentences = workflows.problems(found, folder)
    spent: list[str] = []
    if ledger:
        wrong, spent = workflows.differing(settings.database_url, [each.definition for each in found])
        sentences += wrong
    for sentence in spent:
        typer.echo(sentence)
    _refuse(sentences)
    for each in found:
        for fan in each.fans:
            typer.echo(f"{each.definition.dag_id}: {fan}")
    typer.echo(f"{len(found)} workflows are in order.")


@app.command(name="list")
def list_services(
    dags: DagsFolder = None,
    *,
    agency: Annotated[str | None, typer.Option("--agency", help="Only this agency's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines: one object per service.")] = False,
) -> None:
    """List the services, as they are frozen: who answers for them, how long they take, what they cost, where."""
    found = [service for service in _listed(dags) if agency in (None, service.agency)]
    if as_json:
        typer.echo(json.dumps([service.brief for service in found], ensure_ascii=False, indent=2))
        return
    for service in found:
        typer.echo(f"{service.id:40} {service.agency:20} {service.standard:16} {service.price:>22}  {service.title}")


@app.command()
def show(service: Annotated[str, typer.Argument(metavar="ID")], dags: DagsFolder = None) -> None:
    """Show what one service asks for, does and gives."""
    found = {each.id: each for each in _listed(dags)}
    if service not in found:
        _refuse([f"there is no service {service!r}{listing.nearest(service, found)}"])
    typer.echo(json.dumps(found[service].whole, ensure_ascii=False, indent=2))


def _listed(dags: Path | None) -> list[listing.Listed]:
    try:
        return listing.services(dags or config.load().dags_folder)
    except CatalogueError as error:
        _refuse([str(error)])
        raise  # unreachable: the line above exits


def _read(folder: Path) -> list[workflows.Found]:
    try:
        return workflows.read(folder)
    except workflows.UnreadableWorkflowError as error:
        _refuse([str(error)])
        raise  # unreachable: the line above exits


def _refuse(sentences: list[str]) -> None:
    for sentence in sentences:
        typer.echo(f"✗ {sentence}", err=True)
    if sentences:
        raise typer.Exit(1)
