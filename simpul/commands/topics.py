"""`simpul topics`: create the declared topics on the cluster, show where it differs."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from simpul.bus.admin import Drift

app = typer.Typer(no_args_is_help=True, help="Create the Kafka topics and show drift.")


@app.command()
def apply(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 if the cluster differs from what is declared.")
    ] = False,
    increase_partitions: Annotated[
        bool,
        typer.Option("--increase-partitions", help="Add partitions where there are too few; moves keys to others."),
    ] = False,
    set_configs: Annotated[
        bool, typer.Option("--set-configs", help="Set retention and cleanup policy; a shorter one deletes messages.")
    ] = False,
) -> None:
    """Create missing topics and show what else differs. Nothing is ever deleted."""
    from simpul import config  # noqa: PLC0415  # so that help stays fast
    from simpul.bus import admin  # noqa: PLC0415
    from simpul.bus.errors import BusError  # noqa: PLC0415
    from simpul.bus.topics import topics  # noqa: PLC0415

    settings, declared = config.load(), topics()
    try:
        if check:
            rows = [(each, "differs") for each in admin.drift(settings, declared)]
        else:
            changes = admin.apply(settings, declared, increase_partitions=increase_partitions, set_configs=set_configs)
            rows = [(change.drift, change.done) for change in changes]
    except BusError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    _show(rows)
    typer.echo(f"{len(declared)} topics declared, {len({each.topic for each, _ in rows})} differed.")
    if check and rows:
        raise typer.Exit(1)


@app.command("list")
def list_() -> None:
    """Show the declared topics: key, schema, partitions, retention, owner, purpose."""
    from rich.console import Console  # noqa: PLC0415  # so that help stays fast
    from rich.table import Table  # noqa: PLC0415

    from simpul.bus.topics import topics  # noqa: PLC0415

    table = Table("topic", "key", "schema", "partitions", "kept", "owner", "purpose")
    for topic in topics():
        kept = "for good" if topic.retention is None else f"{topic.retention.days} days"
        table.add_row(topic.name, topic.key, topic.schema, str(topic.partitions), kept, topic.owner, topic.purpose)
    Console().print(table)


def _show(rows: "list[tuple[Drift, str]]") -> None:
    if not rows:
        return
    from rich.console import Console  # noqa: PLC0415  # so that help stays fast
    from rich.table import Table  # noqa: PLC0415

    table = Table("topic", "what", "declared", "found", "done")
    for each, done in rows:
        table.add_row(each.topic, each.what, each.declared, each.found, done)
    Console().print(table)
