"""`simpul connector new`: writes a folder for an agency. What goes into it lives in `connectors.scaffold`."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(new)


def new(
    agency: Annotated[str, typer.Argument(help="The folder's name, such as kelurahan.")],
    *,
    rest: Annotated[bool, typer.Option("--rest", help="REST, from nothing: one read to begin with.")] = False,
    soap: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, metavar="WSDL", help="SOAP, from the agency's WSDL file."),
    ] = None,
    openapi: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, metavar="FILE", help="REST, from an OpenAPI 3 document (JSON or YAML)."
        ),
    ] = None,
    folder: Annotated[
        Path, typer.Option("--folder", exists=True, file_okay=False, help="Where connectors are.")
    ] = Path("connectors"),
) -> None:
    """Write a connector's folder: settings, operations, wire models, sandbox, README.

    It passes `simpul connector check AGENCY --only structural`; the other checks then say what is still to be decided
    with the agency. Reads are GETs, or SOAP operations that sound like questions; everything else is a write, until
    you say otherwise.
    """
    from connectors.scaffold import PlanError, plain, write  # noqa: PLC0415 - keeps `simpul --help` fast

    if sum((rest, soap is not None, openapi is not None)) != 1:
        raise typer.BadParameter("say one of --rest, --soap WSDL and --openapi FILE")
    try:
        if soap is not None:
            from connectors.scaffold import wsdl  # noqa: PLC0415 - imports zeep

            plan = wsdl.plan(agency, soap)
        elif openapi is not None:
            from connectors.scaffold import openapi as documents  # noqa: PLC0415 - imports a generator

            plan = documents.plan(agency, openapi)
        else:
            plan = plain(agency)
        written = write(plan, folder)
    except PlanError as error:
        typer.echo(f"✗ {error}", err=True)
        raise typer.Exit(1) from None
    for path in written:
        typer.echo(f"wrote {path}")
    writes = [each.name for each in plan.operations if each.effect == "write"]
    typer.echo("Next: simpul connector catalogue, then")
    typer.echo(f"      simpul connector check {agency} --only structural")
    if writes:
        typer.echo(
            f"Taken for writes: {', '.join(writes)}. Say in connector.py what each does, and how it is looked up."
        )
