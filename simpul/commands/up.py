"""`simpul up`: the whole stack on this machine, until Ctrl-C."""

import threading
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up")(up)


def up(
    folder: Annotated[
        Path, typer.Option(envvar="SIMPUL_WORK_FOLDER", help="Where everything is kept that the processes write.")
    ] = Path(".work"),
    dags: Annotated[Path, typer.Option(envvar="SIMPUL_DAGS_FOLDER", help="The workflows of the services.")] = Path(
        "dags"
    ),
    *,
    logs: Annotated[bool, typer.Option(help="Show what the processes log, each line with its process's name.")] = True,
) -> None:
    """Start everything on this machine and leave it running until Ctrl-C.

    Uses your Postgres and Kafka where SIMPUL_DATABASE_URL and SIMPUL_KAFKA_BOOTSTRAP name them, and starts the rest.
    What dies is started again. The agencies are simulated.
    """
    from rich.console import Console  # noqa: PLC0415  # help must not pay for it

    from simpul.embedded.display import Display, LogFollower, show_addresses  # noqa: PLC0415
    from simpul.embedded.interrupts import as_ctrl_c  # noqa: PLC0415
    from simpul.embedded.stack import CANNOT_START, Plan, Stack  # noqa: PLC0415

    console = Console()
    display = Display(console)
    try:
        with as_ctrl_c(), Stack(Plan(folder=folder, dags=dags), display.happening) as stack:
            show_addresses(console, stack.addresses)
            follower = LogFollower(stack.supervisor.logs, display)
            if logs:
                follower.start(from_now=True)
            try:
                threading.Event().wait()
            finally:
                follower.stop()
    except KeyboardInterrupt:
        console.print("Everything is stopped.")
    except CANNOT_START as error:
        console.print(f"Could not start. {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
