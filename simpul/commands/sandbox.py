"""`simpul sandbox`: the simulated agencies, in one process on loopback. What they answer lives in `connectors`."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="sandbox")(serve)


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 for a free one.")] = 8900,
    agency: Annotated[list[str] | None, typer.Option(help="An agency to serve, repeatable; all by default.")] = None,
    faults: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="JSON file of faults by agency, to begin with.")
    ] = None,
    environment: Annotated[
        bool, typer.Option("--environment", help="Print the variables that point connectors here, then go on.")
    ] = False,
) -> None:
    """Run the simulated agencies: their wire contracts, quirks included, over people who do not exist.

    Faults can be scripted while it runs: POST to /_sandbox/AGENCY/faults; GET /_sandbox/AGENCY/writes counts what
    happened, by our reference.
    """
    import uvicorn  # noqa: PLC0415 - keeps `simpul --help` fast

    from connectors import registry, sandbox_app  # noqa: PLC0415 - imports HTTP and every agency served
    from simpul.clock import FileClock  # noqa: PLC0415 - keeps `simpul --help` fast

    unknown = sorted(set(agency or ()) - set(registry.agencies()))
    if unknown:
        raise typer.BadParameter(f"no agency {', '.join(unknown)}; there are {', '.join(registry.agencies())}")
    offset = os.environ.get("SIMPUL_CLOCK_OFFSET_FILE")
    application = sandbox_app.app(agency, clock=FileClock(Path(offset)).now if offset else None)
    if faults is not None:
        try:
            sandbox_app.script(application, json.loads(faults.read_bytes()))
        except (KeyError, ValueError) as error:
            raise typer.BadParameter(f"{faults}: {error}") from None
    with socket.create_server((host, port), backlog=4096) as listening:
        url = f"http://{host}:{listening.getsockname()[1]}"
        typer.echo(f"Sandbox agencies at {url}: {', '.join(application.agencies)}", err=True)
        if environment:
            for name, value in sandbox_app.environment(url, list(application.agencies)).items():
                typer.echo(f"{name}={value}")
        server = uvicorn.Server(sandbox_app.config(application))
        try:
            server.run([listening])
        except KeyboardInterrupt:
            # uvicorn has already shut down; it repeats the signal for callers that want to know.
            raise typer.Exit(128 + signal.SIGINT) from None
