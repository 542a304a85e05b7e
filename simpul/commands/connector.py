"""`simpul connector`: what the connectors offer, and single calls by hand, without Kafka or a ledger."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simpul.commands import connector_check, connector_drift, connector_new

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from connectors.toolkit import Connector, Operation
    from connectors.toolkit.errors import AgencyError

app = typer.Typer(help="List what the connectors offer, and call an operation by hand.", no_args_is_help=True)

EXIT_STATUS = {"rejected": 3, "retriable": 4, "misconfigured": 5, "in_doubt": 6, "bad_data": 7}
"""Exit status of `call` by kind of error; 2 is wrong usage."""


@app.command(name="list")
def list_(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the catalogue as JSON.")] = False,
    settings: Annotated[str | None, typer.Option(metavar="AGENCY", help="List an agency's settings instead.")] = None,
) -> None:
    """List agencies and operations: effect, contract (D document, C public code, G our design), look-up, purpose, health.

    Health is what gateways and watches last told the ledger; it is shown where SIMPUL_DATABASE_URL is set.
    """
    from rich.console import Console  # noqa: PLC0415 - keeps `simpul --help` fast
    from rich.table import Table  # noqa: PLC0415

    from connectors import catalogue  # noqa: PLC0415

    if settings is not None:
        _print_settings(settings)
        return
    operations = catalogue.load()
    if as_json:
        typer.echo(catalogue.written(operations), nl=False)
        return
    table = Table(box=None, pad_edge=False)
    healths = _health()
    for heading in ("operation", "effect", "contract", "look-up", "record", "purpose", "health"):
        table.add_column(heading, no_wrap=heading not in {"purpose", "health"})
    for name, entry in operations.items():
        look_up = "by reference" if entry["reconcile"] else "–"
        facts = (entry["effect"], entry["contract"], look_up, entry["record"]["schema"], entry["purpose"])
        table.add_row(name, *facts, healths.get(entry["agency"], "–"))
    # A pipe has no width: nothing is wrapped for whoever greps it.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@app.command()
def call(
    operation: Annotated[str, typer.Argument(metavar="AGENCY.OPERATION")],
    *,
    request: Annotated[str, typer.Option("--json", metavar="JSON", help="The request; `-` reads it from stdin.")],
    reference: Annotated[
        str | None, typer.Option(help="Our reference; needed by every effect but read, and by --look-up.")
    ] = None,
    look_up: Annotated[
        bool, typer.Option("--look-up", help="Do not write: ask what became of the write with this reference.")
    ] = False,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal data instead of masking them.")] = False,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Call a sandbox agency that is started for this one call.")
    ] = False,
) -> None:
    """Call one operation of an agency and print its record.

    Settings come from the environment (SIMPUL_<AGENCY>_...), or from the sandbox. Exit status: 0 done, 2 wrong usage,
    3 rejected, 4 retriable, 5 misconfigured, 6 in doubt, 7 bad data.
    """
    from connectors.toolkit.errors import AgencyError  # noqa: PLC0415 - imports HTTP

    found = _operation(operation)
    asked = _request(found, sys.stdin.read() if request == "-" else request)
    if reference is None and (look_up or found.effect != "read"):
        raise typer.BadParameter(f"{operation} needs --reference: it does something at the agency ({found.effect})")
    if look_up and found.reconcile is None:
        raise typer.BadParameter(f"{operation} cannot be looked up by reference")
    try:
        with _connected(found.agency, sandbox=sandbox) as connector:
            if look_up:
                record = found.look_up(connector, asked, reference or "")
            else:
                record = found.invoke(connector, asked, reference)
    except AgencyError as error:
        _diagnose(error)
        raise typer.Exit(EXIT_STATUS[error.kind]) from None
    typer.echo(json.dumps(_shown(record, reveal=reveal), indent=2, ensure_ascii=False))


@app.command()
def catalogue(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit status 1 when it is out of date.")
    ] = False,
) -> None:
    """Generate each agency's operations.json, which workflows are checked against, from the connectors' code."""
    from connectors import catalogue as catalogues  # noqa: PLC0415 - keeps `simpul --help` fast
    from connectors import registry  # noqa: PLC0415

    now = {agency: catalogues.written(catalogues.build(agency)) for agency in registry.agencies()}
    old = [agency for agency in now if _text(catalogues.path(agency)) != now[agency]]
    for agency in old:
        if check:
            typer.echo(f"✗ {agency}/operations.json is out of date: run `simpul connector catalogue`", err=True)
        else:
            catalogues.path(agency).write_text(now[agency], encoding="utf-8")
            typer.echo(f"wrote {agency}/operations.json")
    if not old:
        typer.echo("The catalogue is up to date.")
    elif check:
        raise typer.Exit(1)


def _health() -> Mapping[str, str]:
    """By agency, where a ledger is at hand."""
    if not {"SIMPUL_DATABASE_URL", "SIMPUL_DATABASE_URL_FILE"} & os.environ.keys():
        return {}
    from simpul import config  # noqa: PLC0415 - keeps `simpul --help` fast
    from simpul.ledger import UNAVAILABLE, connect, health, transaction  # noqa: PLC0415

    try:
        with transaction(connect(config.load().database_url, pool_size=1)) as connection:
            return health.agencies(connection)
    except UNAVAILABLE:
        typer.echo("the ledger cannot be reached: health is not known", err=True)
        return {}


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _operation(qualified: str) -> "Operation":
    from connectors import registry  # noqa: PLC0415 - imports only what is asked for

    agency, _, name = qualified.partition(".")
    if agency not in registry.agencies():
        raise typer.BadParameter(f"no agency {agency!r}; there are {', '.join(registry.agencies())}")
    operations = registry.connector_class(agency).operations()
    if name not in operations:
        raise typer.BadParameter(f"{agency} has no operation {name!r}; there are {', '.join(operations)}")
    return operations[name]


def _request(operation: "Operation", text: str) -> "BaseModel":
    from pydantic import ValidationError  # noqa: PLC0415 - keeps `simpul --help` fast

    try:
        return operation.request.model_validate_json(text)
    except ValidationError as error:
        raise typer.BadParameter(f"--json for {operation.qualified}: {_problems(error)}") from None


def _problems(error: "ValidationError") -> str:
    """Which field is wrong and how, never its value."""
    return "; ".join(
        ": ".join(filter(None, [".".join(map(str, problem["loc"])), problem["msg"]]))
        for problem in error.errors(include_input=False, include_context=False, include_url=False)
    )


@contextlib.contextmanager
def _connected(agency: str, *, sandbox: bool) -> "Iterator[Connector[Any]]":
    from connectors import registry  # noqa: PLC0415

    with contextlib.ExitStack() as stack:
        settings = None
        if sandbox:
            from connectors import sandbox_app  # noqa: PLC0415 - a server, only for those who ask for it

            settings = stack.enter_context(sandbox_app.running([agency])).settings(agency)
        yield stack.enter_context(registry.connect(agency, settings))


def _diagnose(error: "AgencyError") -> None:
    typer.echo(f"✗ {error.kind} ({error.code}); next move: {error.owner}", err=True)
    typer.echo(f"  {error.diagnosis.en}", err=True)
    typer.echo(f"  {error.diagnosis.id}", err=True)
    if error.detail:
        typer.echo(f"  {error.detail}", err=True)


def _shown(record: "BaseModel | None", *, reveal: bool) -> Any:
    from schemas.privacy import redact  # noqa: PLC0415

    if record is None:
        return None
    return record.model_dump(mode="json") if reveal else redact(record)


def _print_settings(agency: str) -> None:
    from connectors import registry  # noqa: PLC0415

    if agency not in registry.agencies():
        raise typer.BadParameter(f"no agency {agency!r}; there are {', '.join(registry.agencies())}")
    model = registry.connector_class(agency).settings_class()
    for name, field in model.model_fields.items():
        default = "required" if field.is_required() else f"default {field.default}"
        typer.echo(f"{model.variable(name)}  ({default})\n    {field.description}")


for _part in (connector_check, connector_new, connector_drift):
    _part.register(app)
