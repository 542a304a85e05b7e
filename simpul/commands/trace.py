"""`simpul trace NUMBER`: the whole story of one application, from its events alone."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from datetime import timedelta

    from simpul.ledger.events import Event
    from simpul.ledger.standards import Told
    from simpul.ledger.story import Line


def trace(
    number: Annotated[str, typer.Argument(help="As on the receipt, with or without hyphens.")],
    as_json: Annotated[bool, typer.Option("--json", help="All events in full, and the state they come to.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Tell the whole story of one application from its events."""
    from simpul import config  # noqa: PLC0415 - help must cost nothing
    from simpul.ledger import connect, queries, standards, story, transaction  # noqa: PLC0415 - help must cost nothing

    normalised = number_of(number)
    settings = config.load()
    with transaction(connect(settings.database_url)) as connection:
        events = queries.timeline(connection, normalised)
        clock = standards.told(
            connection,
            normalised,
            calendar=settings.calendar.now(),
            share=settings.standard_warning,
            now=settings.clock.now(),
        )
    if not events:
        typer.echo("simpul: the number is well formed, but there is no such application here", err=True)
        raise typer.Exit(1)
    told = story.rebuild(events)
    if as_json:
        plain = {"state": asdict(told), "clock": _clock(clock), "events": [_plain(event) for event in events]}
        typer.echo(json.dumps(plain, default=str))
        return
    typer.echo(story.headline(told))
    for line in clock_lines(clock) if clock else ():
        typer.echo(line)
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


def _clock(told: "Told | None") -> dict[str, Any] | None:
    from simpul.console import views  # noqa: PLC0415 - help must cost nothing

    return views.clock(told).model_dump(mode="json") if told else None


def clock_lines(told: "Told") -> list[str]:
    """An application's time against its service standard, and whose it was."""
    lines = []
    if told.standing:
        found = told.standing
        share = found.used / found.allowed if found.allowed else 1.0
        due = f"due {found.due:%Y-%m-%d %H:%M}Z" + (", clock stopped" if told.elapsed.stopped else "")
        over = f", over since {told.breached_at:%Y-%m-%d %H:%M}Z" if told.breached_at else ""
        lines.append(f"Standard {told.standard}: {share:.0%} used, {due}{over}.")
    parts = [f"{owner} {_long(wall)} ({_long(worked)} in office hours)" for owner, (wall, worked) in told.parts.items()]
    return [*lines, f"Time: {', '.join(parts)}."] if parts else lines


def _long(span: "timedelta") -> str:
    hours = span.total_seconds() / 3600
    return f"{hours:.1f} h" if hours >= 1 else f"{span.total_seconds():.1f} s"


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
