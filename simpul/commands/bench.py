"""`simpul bench`: measures what the whole stack carries on this machine."""

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from connectors.bench import Figures
    from simpul.embedded.bench import Result
    from simpul.embedded.bench_mixed import Result as Mixed

app = typer.Typer(help="Measure what the whole stack carries, and what a call costs.", no_args_is_help=True)


@app.callback()
def _bench() -> None:
    """Measure what the whole stack carries and what a call costs, everything on this machine."""


@app.command("end-to-end")
def end_to_end(
    applications: Annotated[int, typer.Option(min=1, help="Birth packages in the backlog.")] = 2000,
    dags: Annotated[Path, typer.Option(envvar="SIMPUL_DAGS_FOLDER", help="The workflows of the services.")] = Path(
        "dags"
    ),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Carry a backlog of birth packages through the whole stack, agencies answering without delay.

    Everything runs on this machine in a folder of its own: Postgres, Kafka, Airflow, sandbox agencies, gateways,
    projector, engine, console, and the load generator. Exit status 1 when an application did not end as it should.
    """
    from rich.console import Console  # noqa: PLC0415  # help must cost nothing

    from simpul.embedded.bench import BenchError, run  # noqa: PLC0415
    from simpul.embedded.display import Display  # noqa: PLC0415
    from simpul.embedded.stack import CANNOT_START, Plan, Stack  # noqa: PLC0415

    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="simpul-bench-") as folder:
        plan = Plan(folder=Path(folder), dags=dags, usual_ports=False, settings={"SIMPUL_LOG_LEVEL": "WARNING"})
        try:
            with Stack(plan, Display(console).happening) as stack:
                result = run(stack, applications)
        except (*CANNOT_START, BenchError) as error:
            console.print(str(error), style="red", markup=False, soft_wrap=True)
            raise typer.Exit(1) from None
        stack.remove_data()
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=2))
    else:
        _show(result)
    if result.as_expected != applications or result.duplicate_writes:
        raise typer.Exit(1)


@app.command("mixed")
def mixed(
    applications: Annotated[int, typer.Option(min=1, help="Over all services in turn.")] = 1000,
    faults: Annotated[float, typer.Option(min=0, max=100, help="Per cent whose agencies fail on the way.")] = 5.0,
    patience: Annotated[float, typer.Option(min=1, help="Seconds after which what has not ended is lost.")] = 3600.0,
    dags: Annotated[Path, typer.Option(envvar="SIMPUL_DAGS_FOLDER", help="The workflows of the services.")] = Path(
        "dags"
    ),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Carry a mix of all services through the whole stack, with officers, citizens and payers, some agencies failing.

    Everything runs on this machine in a folder of its own. Each application is judged by its scenario. Exit status 1
    unless all ended as they should, none was lost, and nothing was written twice.
    """
    from rich.console import Console  # noqa: PLC0415  # help must cost nothing

    from simpul.embedded.bench_mixed import run  # noqa: PLC0415
    from simpul.embedded.display import Display  # noqa: PLC0415
    from simpul.embedded.scenarios.play import SETTINGS  # noqa: PLC0415
    from simpul.embedded.stack import CANNOT_START, Plan, Stack  # noqa: PLC0415

    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="simpul-bench-") as folder:
        settings = {"SIMPUL_LOG_LEVEL": "WARNING", **SETTINGS}
        plan = Plan(folder=Path(folder), dags=dags, usual_ports=False, settings=settings)
        display = Display(console)
        told = -1

        def tell(ended: int, of: int) -> None:
            nonlocal told
            if ended * 10 // of > told:
                told = ended * 10 // of
                display.line("bench", f"{ended} of {of} have ended")

        try:
            with Stack(plan, display.happening) as stack:
                result = run(stack, applications, faults, patience=patience, told=tell)
        except CANNOT_START as error:
            console.print(str(error), style="red", markup=False, soft_wrap=True)
            raise typer.Exit(1) from None
        stack.remove_data()
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=2))
    else:
        _show_mixed(result)
    if not result.is_right:
        raise typer.Exit(1)


def _show_mixed(result: "Mixed") -> None:
    from rich.console import Console  # noqa: PLC0415  # help must cost nothing
    from rich.table import Table  # noqa: PLC0415

    table = Table("figure", "value")
    for name, value in result.as_json().items():
        rows = value.items() if isinstance(value, dict) else [("", value)]
        for key, each in rows:
            table.add_row(f"{name.replace('_', ' ')} {key}".strip(), each if isinstance(each, str) else f"{each:,}")
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@app.command("connectors")
def connectors(
    agencies: Annotated[list[str] | None, typer.Argument(metavar="[AGENCY]...", help="All by default.")] = None,
    calls: Annotated[int, typer.Option(min=1, help="Calls of each kind.")] = 100,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of a table.")] = False,
) -> None:
    """Measure what a call costs through each connector, beside bare requests or bare zeep with the same bytes.

    Against the sandbox agencies in a process of their own, without delay. Overhead is what the toolkit adds to the bare
    client's CPU; reading and signing what the agency asks for stands apart.
    """
    from connectors import bench, registry  # noqa: PLC0415  # help must cost nothing

    unknown = sorted(set(agencies or ()) - set(registry.agencies()))
    if unknown:
        raise typer.BadParameter(f"no agency {', '.join(unknown)}; there are {', '.join(registry.agencies())}")
    figures = bench.run(agencies or None, calls)
    if as_json:
        typer.echo(json.dumps([each.as_json() for each in figures], indent=2))
    else:
        _show_connectors(figures)


def _show_connectors(figures: "list[Figures]") -> None:
    from rich.console import Console  # noqa: PLC0415  # help must cost nothing
    from rich.table import Table  # noqa: PLC0415

    parts = ("transport", "soap", "signing", "mapping", "validation", "toolkit")
    table = Table("operation", "over", "calls/s", "µs CPU", "bare", "ratio", "overhead", *parts)
    for each in figures:
        table.add_row(
            f"{each.agency}.{each.operation}",
            each.transport,
            f"{each.calls_per_second:,.0f}",
            f"{each.cpu:,.0f}",
            f"{each.raw:,.0f}",
            f"{each.ratio:.2f}",
            f"{each.overhead:+.0%}",
            *(f"{each.parts[part]:,.0f}" for part in parts),
        )
    Console(width=None if sys.stdout.isatty() else 200).print(table)


@app.command("exchange")
def exchange(
    calls: Annotated[int, typer.Option(min=100, help="Reads of each kind.")] = 1500,
    rate: Annotated[float, typer.Option(min=1.0, help="Reads per second.")] = 50.0,
    dags: Annotated[Path, typer.Option(envvar="SIMPUL_DAGS_FOLDER", help="The workflows of the services.")] = Path(
        "dags"
    ),
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Ask an agency straight and through the exchange, at the same rate in the same run, and show what the bus adds.

    Everything runs on this machine in a folder of its own. Exit status 1 when a read brought no record.
    """
    from rich.console import Console  # noqa: PLC0415  # help must cost nothing
    from rich.table import Table  # noqa: PLC0415

    from simpul.embedded.bench import BenchError  # noqa: PLC0415
    from simpul.embedded.bench_exchange import AGENCY, run  # noqa: PLC0415
    from simpul.embedded.display import Display  # noqa: PLC0415
    from simpul.embedded.stack import CANNOT_START, Plan, Stack  # noqa: PLC0415

    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="simpul-bench-") as folder:
        # Nothing of it goes through Airflow, which costs a small machine a good part of a core even when it idles.
        plan = Plan(
            folder=Path(folder),
            dags=dags,
            usual_ports=False,
            settings={"SIMPUL_LOG_LEVEL": "WARNING"},
            agencies=(AGENCY,),
            workflows=False,
        )
        try:
            with Stack(plan, Display(console).happening) as stack:
                result = run(stack, calls=calls, rate=rate)
        except (*CANNOT_START, BenchError) as error:
            console.print(str(error), style="red", markup=False, soft_wrap=True)
            raise typer.Exit(1) from None
        stack.remove_data()
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=2))
    else:
        table = Table("milliseconds", "p50", "p95", "p99")
        for name in ("direct", "exchange", "overhead", "bus"):
            of = getattr(result, name)
            table.add_row(name, f"{of.p50:,}", f"{of.p95:,}", f"{of.p99:,}")
        Console().print(table)
    if result.failed:
        raise typer.Exit(1)


def _show(result: "Result") -> None:
    from rich.console import Console  # noqa: PLC0415  # help must cost nothing
    from rich.table import Table  # noqa: PLC0415

    table = Table("figure", "value")
    for name, value in result.as_json().items():
        if name != "core_seconds_by_process":
            table.add_row(name.replace("_", " "), f"{value:,}")
    for name, cpu in result.core_seconds_by_process.items():
        table.add_row(f"core-seconds: {name}", f"{cpu:,}")
    Console().print(table)
