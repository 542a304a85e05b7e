"""`simpul sandbox`: the simulated agencies, in one process on loopback. What they answer lives in `connectors`."""

import json
import os
import shlex
import signal
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Run the simulated agencies; script what goes wrong; list who lives there.")

Url = Annotated[str, typer.Option(envvar="SIMPUL_SANDBOX_URL", help="Where the sandbox runs.")]
_URL = "http://127.0.0.1:8900"


class Format(StrEnum):
    """How people are listed."""

    csv = "csv"
    json = "json"


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for a free one.")] = 8900,
    agency: Annotated[list[str] | None, typer.Option(help="An agency to serve, repeatable; all by default.")] = None,
    faults: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Script of faults (TOML), to begin with.")
    ] = None,
    environment: Annotated[
        bool, typer.Option("--environment", help="Print the variables that point connectors here, then go on.")
    ] = False,
) -> None:
    """Run the simulated agencies: their wire contracts, quirks included, over people who do not exist.

    While it runs, `simpul sandbox fault` scripts what goes wrong; GET /_sandbox/AGENCY/writes counts what happened, by
    our reference.
    """
    if context.invoked_subcommand is not None:
        return
    import uvicorn  # noqa: PLC0415 - keeps `simpul --help` fast

    from connectors import registry, sandbox_app  # noqa: PLC0415 - imports HTTP and every agency served
    from connectors.toolkit.fault_scripts import FaultScriptError, load  # noqa: PLC0415
    from simpul.clock import FileClock  # noqa: PLC0415 - keeps `simpul --help` fast

    unknown = sorted(set(agency or ()) - set(registry.agencies()))
    if unknown:
        raise typer.BadParameter(f"no agency {', '.join(unknown)}; there are {', '.join(registry.agencies())}")
    offset = os.environ.get("SIMPUL_CLOCK_OFFSET_FILE")
    application = sandbox_app.app(agency, clock=FileClock(Path(offset)).now if offset else None)
    if faults is not None:
        try:
            sandbox_app.script(application, load(faults), faults.name)
        except FaultScriptError as error:
            raise typer.BadParameter(str(error)) from None
    with sandbox_app.listening(application, host, port) as listening:
        url = f"http://{host}:{listening.getsockname()[1]}"
        typer.echo(f"Sandbox agencies at {url}: {', '.join(application.agencies)}", err=True)
        if environment:
            for name, value in sandbox_app.environment(url, list(application.agencies)).items():
                typer.echo(f"{name}={shlex.quote(value)}")
            sys.stdout.flush()
        server = uvicorn.Server(sandbox_app.config(application))
        try:
            server.run([listening])
        except KeyboardInterrupt:
            # uvicorn has already shut down; it repeats the signal for callers that want to know.
            raise typer.Exit(128 + signal.SIGINT) from None


@app.command()
def fault(
    agency: Annotated[str, typer.Argument(help="The agency that shall fail.")],
    *,
    script: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Script (TOML); its part for this agency and `*`.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Good behaviour from now on.")] = False,
    url: Url = _URL,
) -> None:
    """Script what goes wrong at an agency of a sandbox that runs, on top of what is scripted there.

    With --clear and --script together, instead of it.
    """
    if script is None and not clear:
        raise typer.BadParameter("give --script FILE, or --clear")
    parts = [] if script is None else _parts(script, agency)
    if clear:
        _control("DELETE", f"{url}/_sandbox/{agency}/faults", f"{agency}: ")
    for where, entries in parts:
        _control("POST", f"{url}/_sandbox/{agency}/faults", where, json.dumps(entries))
    scripted = sum(len(entries) for _, entries in parts)
    told = f"{scripted} {'entry' if scripted == 1 else 'entries'} scripted" if parts else "behaves"
    typer.echo(f"{agency}: {told}")


@app.command()
def people(
    *,
    number: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many residents.")] = 10_000,
    form: Annotated[Format, typer.Option("--format", help="A table for spreadsheets, or JSON.")] = Format.csv,
) -> None:
    """List who lives in the sandbox: made-up people with their numbers at every agency, always the same.

    NIK, family card, tax, health insurance, land, firm, civil service, electricity and water.
    """
    from connectors.toolkit.people import residents  # noqa: PLC0415 - keeps `simpul --help` fast
    from connectors.toolkit.population import SandboxWorld  # noqa: PLC0415

    rows = [asdict(resident) for resident in residents(SandboxWorld(), number)]
    if form is Format.json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        _write_csv(rows)


@app.command()
def credentials() -> None:
    """Print what connectors prove themselves with at the sandbox: a line each, file name and content in base64."""
    import base64  # noqa: PLC0415 - keeps `simpul --help` fast

    from connectors import sandbox_app  # noqa: PLC0415 - imports every agency

    for name, content in sandbox_app.credentials().items():
        typer.echo(f"{name} {base64.b64encode(content.encode()).decode()}")


def _parts(script: Path, agency: str) -> list[tuple[str, list[Any]]]:
    """What a script says of an agency, checked as far as this side can, with what messages begin with."""
    from connectors.toolkit.fault_scripts import EVERY, Anything, FaultScriptError, load, scripts  # noqa: PLC0415

    try:
        entries = load(script)
        parts = [(f"{script.name}: {name}, ", entries[name]) for name in (agency, EVERY) if name in entries]
        for where, found in parts:
            scripts(found, Anything(), where)
    except FaultScriptError as error:
        raise typer.BadParameter(str(error)) from None
    if not parts:
        raise typer.BadParameter(f"{script.name}: says nothing of {agency}")
    return parts


def _control(method: str, url: str, where: str, body: str | None = None) -> None:
    import requests  # noqa: PLC0415 - keeps `simpul --help` fast

    with requests.Session() as session:
        session.trust_env = False
        try:
            answer = session.request(method, url, data=body, timeout=10)
        except requests.RequestException:
            raise typer.BadParameter(f"no sandbox answers at {url.partition('/_sandbox')[0]}: see --url") from None
    if answer.status_code == 404:
        raise typer.BadParameter("this sandbox does not serve the agency")
    if answer.status_code != 200:
        raise typer.BadParameter(f"{where}{answer.json().get('message')}")


def _write_csv(rows: Iterable[Mapping[str, Any]]) -> None:
    import csv  # noqa: PLC0415 - keeps `simpul --help` fast

    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(sys.stdout, list(row), lineterminator="\n")
            writer.writeheader()
        writer.writerow(row)
