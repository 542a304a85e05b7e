"""`simpul trace NUMBER`: the whole story of one application, from its events alone."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from simpul.ledger.events import Event
    from simpul.ledger.story import Line


def trace(
    number: Annotated[str, typer.Argument(help="As on the receipt, with or without hyphens.")],
    as_json: Annotated[bool, typer.Option("--json", help="All events in full, and the state they come to.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Tell the whole story of one application from its events."""
    from simpul import config  # noqa: PLC0415 - help must cost nothing
    from simpul.ledger import connect, queries, story, transaction  # noqa: PLC0415 - help must cost nothing

    normalised = number_of(number)
    with transaction(connect(config.load().database_url)) as connection:
        events = queries.timeline(connection, normalised)
    if not events:
        typer.echo("simpul: the number is well formed, but there is no such application here", err=True)
        raise typer.Exit(1)
    told = story.rebuild(events)
    if as_json:
        typer.echo(json.dumps({"state": asdict(told), "events": [_plain(event) for event in events]}, default=str))
        return
    typer.echo(story.headline(told))
    typer.echo()
    for line in rows(story.tell(events)):
        typer.echo(line)


def number_of(given: str) -> str:
    """An application number as it is kept; leaves the command where it is none."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - help must cost nothing

    from schemas.identifiers import ApplicationNumber  # noqa: PLC0415 - help must cost nothing

    try:
        return str(TypeAdapter(ApplicationNumber).validate_python(given))
    except ValidationError as error:
        typer.echo(f"simpul: {error.errors(include_input=False)[0]['msg']}", err=True)
        raise typer.Exit(2) from None


def _plain(event: "Event") -> dict[str, Any]:
    return {name: value for name, value in asdict(event).items() if value not in (None, {})}


def rows(lines: "Sequence[Line]") -> list[str]:
    """The timeline as text in columns: elapsed, time, actor, what; below, indented, what it is about and why."""
    widest = max(len(line.actor) for line in lines)
    shown = []
    for line in lines:
        shown.append(f"{line.elapsed:>+10.3f} s  {line.at:%Y-%m-%d %H:%M:%S}Z  {line.actor:<{widest}}  {line.what}")
        more = [part for part in (line.about, line.basis, line.digest and f"sha256 {line.digest}…") if part]
        if more:
            shown.append(f"{'':>{40 + widest}}{' | '.join(more)}")
    return shown


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(trace)
