"""`simpul application`: what an operator does to applications, one or many."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from simpul.commands.application_migrate import migrate
from simpul.commands.keys import actor

if TYPE_CHECKING:
    from simpul.ledger.reruns import Plan

app = typer.Typer(
    no_args_is_help=True, help="List applications, let a step start afresh, move them to another version."
)


app.command()(migrate)


@app.command("list")
def list_applications(
    *,
    overdue: Annotated[bool, typer.Option("--overdue", help="Open and past their service standard.")] = False,
    warning: Annotated[bool, typer.Option("--warning", help="Open, warned of, and not past it yet.")] = False,
    service: Annotated[str | None, typer.Option(help="Of this service.")] = None,
    state: Annotated[str | None, typer.Option(help="In this state, such as waiting.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most of them.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="In full, for programs.")] = False,
) -> None:
    """List applications, newest first: where they stand, and when their service standard is due."""
    from simpul import config  # noqa: PLC0415 - help must cost nothing
    from simpul.ledger import connect, queries, transaction  # noqa: PLC0415

    if overdue and warning:
        raise typer.BadParameter("say --overdue or --warning, not both")
    standard = "overdue" if overdue else "warning" if warning else None
    with transaction(connect(config.load().database_url)) as connection:
        found = queries.listing(connection, state=state, service=service, standard=standard, limit=limit)
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], default=str))
        return
    for each in found:
        stands = f"{each.state} for {each.waiting_for}" if each.state == "waiting" else each.state
        due = f"due {each.due_at:%Y-%m-%d %H:%M}Z" if each.due_at else "no standard"
        typer.echo(f"{each.number}  {each.service:<12} {due:<21} {'OVERDUE ' if each.breached_at else ''}{stands}")
    if not found:
        typer.echo("There are none.")


@app.command()
def rerun(
    step: Annotated[str, typer.Option("--from", metavar="STEP", help="This step and those that follow it.")],
    number: Annotated[str | None, typer.Argument(help="One application; or name a service.")] = None,
    *,
    service: Annotated[str | None, typer.Option(help="All open applications of this service.")] = None,
    state: Annotated[str | None, typer.Option(help="Of those, the ones in this state, such as incident.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Of those, the ones received since (UTC).")] = None,
    reason: Annotated[str | None, typer.Option(help="Why. Kept as an event; no numbers of persons.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be asked again.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also send writes again that took effect.")] = False,
) -> None:
    """Let a step and those that follow it start afresh, under a new revision. Refuses to send a write again."""
    from simpul import config  # noqa: PLC0415 - help must cost nothing
    from simpul.commands.incident import reason_of  # noqa: PLC0415
    from simpul.commands.trace import number_of  # noqa: PLC0415
    from simpul.ledger import connect, reruns, transaction  # noqa: PLC0415
    from simpul.ledger.transitions import UnknownApplicationError  # noqa: PLC0415

    if (number is None) == (service is None):
        raise typer.BadParameter("name one application, or a --service")
    if not dry_run and not reason:
        raise typer.BadParameter("say why: --reason")
    why = reason_of(reason) if reason else ""
    settings = config.load()
    database = connect(settings.database_url)
    if number is not None:
        numbers = [number_of(number)]
    else:
        received = since.replace(tzinfo=since.tzinfo or UTC) if since else None
        with transaction(database) as connection:
            numbers = reruns.matching(connection, service=str(service), state=state, since=received)
    refused = 0
    for each in numbers:
        try:
            # One transaction each: one that cannot be rerun holds up no other.
            with transaction(database) as connection:
                if dry_run:
                    plan, now = reruns.plan(connection, each, step), "would start afresh"
                else:
                    plan, now = reruns.rerun(
                        connection, each, step, reason=why, force=force, actor=actor(), now=settings.clock.now()
                    )
        except (reruns.CannotRerunError, UnknownApplicationError) as error:
            refused += 1
            typer.echo(f"{each}: refused: {error}", err=True)
        else:
            typer.echo(f"{each}: {now}: {_told(plan)}")
    typer.echo(f"{len(numbers) - refused} of {len(numbers)} applications")
    if refused:
        raise typer.Exit(1)


def _told(plan: "Plan") -> str:
    steps = ", ".join(each.step for each in plan.steps)
    writes = ", ".join(f"{each.step} ({each.operation}, {each.came_to})" for each in plan.writes)
    return f"{steps}; writes sent again: {writes or 'none'}"
