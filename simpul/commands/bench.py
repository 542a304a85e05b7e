"""`simpul bench`: measures what the whole stack carries on this machine."""

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simpul.embedded.bench import Result

app = typer.Typer(help="Measure what the whole stack carries.", no_args_is_help=True)


@app.callback()
def _bench() -> None:
    """Measure what the whole stack carries, everything on this machine."""


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
