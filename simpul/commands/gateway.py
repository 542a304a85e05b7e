"""`simpul gateway AGENCY…`: run connectors on the bus, or turn a stopped agency on again."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simpul.config import Settings
    from simpul.gateway.gateway import Gateway


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(gateway)


def gateway(
    agency: Annotated[list[str], typer.Argument(help="Folders in connectors/, such as dukcapil.")],
    *,
    resume: Annotated[
        bool, typer.Option("--resume", help="Turn the agency on again after its set-up was put right, and exit.")
    ] = False,
    look_ups: Annotated[
        int, typer.Option(min=1, help="Look-ups without an answer before a doubtful write is an operator's.")
    ] = 10,
) -> None:
    """Run agencies' connectors on the bus until SIGTERM. Several processes may run: they share the topics' partitions.

    Agencies with little traffic may share a process. If one of them cannot run, none does.

    When the agency refuses our set-up (credentials, quota, certificate) it is turned off for all its gateways. Nothing
    is lost; `--resume` turns it on again, and running gateways go on within seconds.
    """
    from connectors.registry import agencies  # noqa: PLC0415  # help must cost nothing
    from simpul import config  # noqa: PLC0415

    if unknown := sorted(set(agency) - set(agencies())):
        typer.echo(f"no agency {', '.join(unknown)}; there are {', '.join(agencies())}", err=True)
        raise typer.Exit(2)
    settings = config.load()
    if resume:
        for each in agency:
            _resume(settings, each)
    else:
        _run(settings, agency, look_ups)


def _resume(settings: "Settings", agency: str) -> None:
    import getpass  # noqa: PLC0415  # help must cost nothing

    from simpul.ledger.attempts import Attempts, UnavailableError  # noqa: PLC0415

    attempts = Attempts(settings.database_url, agency, "operator", timedelta())
    try:
        was_off = attempts.resume(actor=f"user:{getpass.getuser()}", now=settings.clock.now())
    except UnavailableError:
        typer.echo("the ledger cannot be reached: look at SIMPUL_DATABASE_URL and at Postgres", err=True)
        raise typer.Exit(1) from None
    finally:
        attempts.close()
    typer.echo(f"{agency} is on again." if was_off else f"{agency} was not turned off.")


def _run(settings: "Settings", agencies: list[str], look_ups: int) -> None:
    from connectors.registry import connect  # noqa: PLC0415  # help must cost nothing
    from connectors.toolkit.errors import Misconfigured  # noqa: PLC0415
    from simpul import telemetry  # noqa: PLC0415
    from simpul.commands.signals import on_stop  # noqa: PLC0415
    from simpul.gateway.decisions import Backoff  # noqa: PLC0415
    from simpul.gateway.gateway import Gateway  # noqa: PLC0415

    telemetry.configure(f"gateway:{'+'.join(agencies)}", log_format=settings.log_format, level=settings.log_level)
    if settings.metrics_port:
        telemetry.serve_metrics(settings.metrics_port)
    gateways = []
    for agency in agencies:
        try:
            gateways.append(
                Gateway(settings, connect(agency, now=settings.clock.now), backoff=Backoff(look_ups=look_ups))
            )
        except Misconfigured as error:
            typer.echo(f"{error}\n{error.detail or ''}".strip(), err=True)
            raise typer.Exit(2) from None

    def stop() -> None:
        for made in gateways:
            made.stop()

    on_stop(stop)
    if refused := _run_together(gateways, stop):
        typer.echo(refused, err=True)
        raise typer.Exit(2)


def _run_together(gateways: "list[Gateway]", stop: Callable[[], None]) -> str | None:
    """Runs all, the first one in this thread; what ended one of them before its time, ends all of them."""
    from simpul.bus.errors import BusError  # noqa: PLC0415  # help must cost nothing

    refusals: list[str] = []

    def run(made: "Gateway") -> None:
        try:
            made.run()
        except BusError as error:
            refusals.append(str(error))
        finally:
            stop()

    others = [threading.Thread(target=run, args=(made,), name="gateway") for made in gateways[1:]]
    for thread in others:
        thread.start()
    run(gateways[0])
    for thread in others:
        thread.join()
    return refusals[0] if refusals else None
