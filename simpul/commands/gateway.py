"""`simpul gateway AGENCY`: run a connector on the bus, or turn a stopped agency on again."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simpul.config import Settings


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(gateway)


def gateway(
    agency: Annotated[str, typer.Argument(help="The agency's folder in connectors/, such as dukcapil.")],
    *,
    resume: Annotated[
        bool, typer.Option("--resume", help="Turn the agency on again after its set-up was put right, and exit.")
    ] = False,
    look_ups: Annotated[
        int, typer.Option(min=1, help="Look-ups without an answer before a doubtful write is an operator's.")
    ] = 10,
) -> None:
    """Run an agency's connector on the bus until SIGTERM. Several may run: they share the topic's partitions.

    When the agency refuses our set-up (credentials, quota, certificate) it is turned off for all its gateways. Nothing
    is lost; `--resume` turns it on again, and running gateways go on within seconds.
    """
    from connectors.registry import agencies  # noqa: PLC0415  # help must cost nothing
    from simpul import config  # noqa: PLC0415

    if agency not in agencies():
        typer.echo(f"no agency {agency!r}; there are {', '.join(agencies())}", err=True)
        raise typer.Exit(2)
    settings = config.load()
    if resume:
        _resume(settings, agency)
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


def _run(settings: "Settings", agency: str, look_ups: int) -> None:
    from connectors.registry import connect  # noqa: PLC0415  # help must cost nothing
    from connectors.toolkit.errors import Misconfigured  # noqa: PLC0415
    from simpul import telemetry  # noqa: PLC0415
    from simpul.bus.errors import BusError  # noqa: PLC0415
    from simpul.commands.signals import on_stop  # noqa: PLC0415
    from simpul.gateway.decisions import Backoff  # noqa: PLC0415
    from simpul.gateway.gateway import Gateway  # noqa: PLC0415

    telemetry.configure(f"gateway:{agency}", log_format=settings.log_format, level=settings.log_level)
    if settings.metrics_port:
        telemetry.serve_metrics(settings.metrics_port)
    try:
        made = Gateway(settings, connect(agency), backoff=Backoff(look_ups=look_ups))
        on_stop(made.stop)
        made.run()
    except Misconfigured as error:
        typer.echo(f"{error}\n{error.detail or ''}".strip(), err=True)
        raise typer.Exit(2) from None
    except BusError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
