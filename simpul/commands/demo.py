"""`simpul demo`: start everything, carry sample applications to their end, show it. What is filed is in `embedded.demo`."""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from simpul.embedded.demo import Demo
    from simpul.embedded.scenarios.play import Case

_PATIENCE = 600.0
_WIDTH_OF_A_FILE = 140
_COLOURS = {"completed": "green", "rejected": "yellow", "withdrawn": "yellow", "incident": "red", "waiting": "cyan"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[
        Path, typer.Option(envvar="SIMPUL_WORK_FOLDER", help="Where everything is kept that the processes write.")
    ] = Path(".work"),
    dags: Annotated[Path, typer.Option(envvar="SIMPUL_DAGS_FOLDER", help="The workflows of the services.")] = Path(
        "dags"
    ),
    *,
    leave: Annotated[
        bool,
        typer.Option("--exit", help="Stop when all have ended; status 0 only if each ended as its sample says."),
    ] = False,
    logs: Annotated[bool, typer.Option(help="Show what the processes log, each line with its process's name.")] = False,
) -> None:
    """Start everything on this machine and carry sample applications to their end.

    Births, passports, deaths, moves, marriages, business licences and land transfers are filed over the HTTP API as
    counter, mobile unit, kiosk and web would; officers decide, citizens answer and pay. Some are refused, one is
    withdrawn, one gets through although its agency fails three times. Stays up until Ctrl-C.
    """
    import requests  # noqa: PLC0415  # help must not pay for it
    from rich.console import Console  # noqa: PLC0415

    from simpul.embedded.demo import Demo  # noqa: PLC0415
    from simpul.embedded.display import Display, LogFollower, show_addresses  # noqa: PLC0415
    from simpul.embedded.interrupts import as_ctrl_c  # noqa: PLC0415
    from simpul.embedded.scenarios.play import SETTINGS  # noqa: PLC0415
    from simpul.embedded.stack import CANNOT_START, Plan, Stack  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH_OF_A_FILE)
    display = Display(console)
    plan = Plan(folder=folder, dags=dags, settings=SETTINGS)
    right = False
    try:
        with as_ctrl_c(), Stack(plan, display.happening) as stack:
            follower = LogFollower(stack.supervisor.logs, display)
            if logs:
                follower.start()
            try:
                filed = Demo(stack)
                right = _run(console, filed)
                show_addresses(console, stack.addresses)
                if not leave:
                    console.print("Running until Ctrl-C.")
                    threading.Event().wait()
            finally:
                follower.stop()
    except KeyboardInterrupt:
        console.print("Everything is stopped.")
        right = right and not leave
    except CANNOT_START as error:
        console.print(f"Could not start. {error}", style="red", markup=False, soft_wrap=True)
    except requests.RequestException as error:
        console.print(f"The demo could not go on. {error}", style="red", markup=False, soft_wrap=True)
    if not right:
        raise typer.Exit(1)


def _run(console: "Console", demo: "Demo") -> bool:
    from simpul.clock import SystemClock  # noqa: PLC0415
    from simpul.embedded.demo import shown  # noqa: PLC0415

    began = time.monotonic()
    demo.file(shown(SystemClock().now()))
    console.print(f"\n{len(demo.cases)} applications filed.")
    _follow(console, demo, began)
    console.print(_table(demo.cases))
    wrong = [case for case in demo.cases if case.problem]
    for case in wrong:
        console.print(f"{case.display} {case.problem}", style="red", markup=False)
    told = next(case for case in demo.cases if case.dealt.scenario.faulty)
    console.print(f"\nThe story of {told.display} ({told.dealt.scenario.name}), from its events:\n")
    console.print(demo.trace(told), markup=False, highlight=False, soft_wrap=True)
    if not wrong:
        console.print(
            f"All {len(demo.cases)} ended as they should, after {time.monotonic() - began:.0f} s.", style="green"
        )
    return not wrong


def _follow(console: "Console", demo: "Demo", began: float) -> None:
    from rich.live import Live  # noqa: PLC0415

    if not console.is_terminal:
        for _ in demo.follow(
            _PATIENCE, lambda case: console.print(_line(case, began), soft_wrap=True, highlight=False)
        ):
            pass
        return
    with Live(_table(demo.cases), console=console, transient=True, refresh_per_second=4) as live:
        for _ in demo.follow(_PATIENCE, lambda _case: None):
            live.update(_table(demo.cases))


def _line(case: "Case", began: float) -> str:
    from simpul.embedded.demo import steps_decided  # noqa: PLC0415

    waiting = f" for {case.status['waiting']['whom']}" if case.status.get("waiting") else ""
    return (
        f"{time.monotonic() - began:6.1f} s  {case.display}  {case.dealt.scenario.service:<8}  "
        f"{steps_decided(case)} steps  {case.state}{waiting}"
    )


def _table(cases: "list[Case]") -> "Table":
    from rich.table import Table  # noqa: PLC0415

    from simpul.embedded.demo import agencies, reason, seconds, steps_decided  # noqa: PLC0415

    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("application", "service", "channel", "state", "steps", "agencies", "seconds", "remark"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left", no_wrap=heading == "application")
    for case in cases:
        table.add_row(
            case.display,
            case.dealt.scenario.service,
            case.channel,
            f"[{_COLOURS.get(case.state, 'default')}]{case.state}[/]",
            steps_decided(case),
            ", ".join(agencies(case)),
            f"{seconds(case):.1f}",
            reason(case) or case.dealt.scenario.name,
        )
    return table
