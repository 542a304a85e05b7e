"""`simpul incident`: what needs an operator, what is known of it, and what an operator decides."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simpul.commands.keys import actor

if TYPE_CHECKING:
    from simpul.ledger.incidents import Incident, Known, Resolution

app = typer.Typer(no_args_is_help=True, help="List what needs an operator, show what is known, and resolve it.")

# Every command imports what it needs itself, since help must cost nothing.

Id = Annotated[int, typer.Argument(metavar="ID", help="As `simpul incident list` shows it.")]
Json = Annotated[bool, typer.Option("--json", help="In full, for programs.")]


@app.command("list")
def list_incidents(
    *,
    application: Annotated[str | None, typer.Option(metavar="NUMBER", help="Of this application.")] = None,
    service: Annotated[str | None, typer.Option(help="Of this service.")] = None,
    agency: Annotated[str | None, typer.Option(help="Of this agency.")] = None,
    kind: Annotated[str | None, typer.Option(help="Of this kind, such as in_doubt.")] = None,
    as_json: Json = False,
) -> None:
    """List open incidents, oldest first."""
    from simpul import config  # noqa: PLC0415
    from simpul.commands.trace import number_of  # noqa: PLC0415
    from simpul.ledger import connect, incidents, transaction  # noqa: PLC0415

    number = number_of(application) if application else None
    with transaction(connect(config.load().database_url)) as connection:
        found = incidents.listing(
            connection, application=number, service=service, agency=agency, kind=kind, limit=10_000
        )
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], default=str))
        return
    for each in found:
        typer.echo(_line(each))
    if not found:
        typer.echo("No incident is open.")


@app.command()
def show(incident: Id, *, as_json: Json = False) -> None:
    """Show what is known of an incident: diagnosis, reference to ask the agency by, events, and what may be done."""
    from simpul import config  # noqa: PLC0415
    from simpul.ledger import connect, incidents, transaction  # noqa: PLC0415

    try:
        with transaction(connect(config.load().database_url)) as connection:
            known = incidents.known(connection, incident)
    except incidents.UnknownIncidentError as error:
        raise _refused(error) from None
    if as_json:
        typer.echo(json.dumps(asdict(known), default=str))
        return
    for line in _shown(known):
        typer.echo(line)


@app.command()
def resolve(
    incident: Id,
    reason: Annotated[str, typer.Option(help="Why, or what was found out. Kept as an event; no numbers of persons.")],
    *,
    retry: Annotated[bool, typer.Option("--retry", help="Ask the step again.")] = False,
    look_up: Annotated[bool, typer.Option("--look-up", help="Ask the agency by our reference first.")] = False,
    rejected: Annotated[
        str | None, typer.Option(metavar="REASON", help="The agency said no: what the citizen is told, in Indonesian.")
    ] = None,
    english: Annotated[str | None, typer.Option(metavar="REASON", help="The same in English.")] = None,
    skip: Annotated[
        bool, typer.Option("--skip", help="Of a compensation: it was undone by hand, or stays; go on with the rest.")
    ] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Withdraw the application.")] = False,
    note: Annotated[bool, typer.Option("--note", help="Write the reason down, nothing else.")] = False,
    force: Annotated[bool, typer.Option("--force", help="With --retry: also where a write may happen twice.")] = False,
) -> None:
    """Resolve an incident: say what is to happen, and why."""
    from simpul import config  # noqa: PLC0415
    from simpul.ledger import connect, incidents, transaction  # noqa: PLC0415

    chosen = {
        "retry": retry,
        "look_up": look_up,
        "reject": bool(rejected),
        "skip": skip,
        "withdraw": withdraw,
        "note": note,
    }
    wanted = [name for name, given in chosen.items() if given]
    if len(wanted) != 1:
        typer.echo("simpul: say one of --retry, --look-up, --rejected, --skip, --withdraw and --note", err=True)
        raise typer.Exit(2)
    settings = config.load()
    how = _resolution(wanted[0], reason, rejected, english, force=force)
    try:
        with transaction(connect(settings.database_url)) as connection:
            state = incidents.resolve(connection, incident, how, actor=actor(), now=settings.clock.now())
    except (incidents.UnknownIncidentError, incidents.CannotResolveError) as error:
        raise _refused(error) from None
    typer.echo(f"incident {incident}: {how.do}" + (f"; the application is {state}" if state else ""))


def reason_of(given: str) -> str:
    """An operator's reason as it may be kept in an event; leaves the command where it may not."""
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415

    from simpul.console.models import OperatorsReason  # noqa: PLC0415

    try:
        return str(TypeAdapter(OperatorsReason).validate_python(given))
    except ValidationError:
        typer.echo("simpul: the reason is 3 to 500 characters in one line, without long numbers", err=True)
        raise typer.Exit(2) from None


def _resolution(do: Any, reason: str, rejected: str | None, english: str | None, *, force: bool) -> "Resolution":
    from simpul.ledger.incidents import Resolution, told  # noqa: PLC0415

    return Resolution(
        do, reason_of(reason), told=told(rejected, english or rejected) if rejected else None, force=force
    )


def _refused(error: Exception) -> typer.Exit:
    typer.echo(f"simpul: {error}", err=True)
    return typer.Exit(1)


def _line(each: "Incident") -> str:
    about = " ".join(part for part in (each.application or each.service, each.step, each.agency) if part)
    head = f"{each.id:>6}  {each.opened_at:%Y-%m-%d %H:%M}Z  {each.kind:<20}"
    return f"{head} {about}  [{each.owner} moves next]  {each.diagnosis.get('en', '')}"


def _shown(known: "Known") -> list[str]:
    found = known.incident
    facts = {
        "application": found.application and f"{found.application} ({known.state})",
        "service": found.service,
        "step": found.step,
        "operation": known.operation and f"{known.operation} ({known.effect}, {'sent' if known.sent else 'not sent'})",
        "agency": found.agency,
        "reference": known.reference,
        "next move": found.owner,
        "resolved": found.resolved_at and f"{found.resolved_at:%Y-%m-%d %H:%M}Z by {found.resolved_by}",
        "diagnosis": found.diagnosis.get("en"),
        "diagnosa": found.diagnosis.get("id"),
        "may be": ", ".join(known.may),
    }
    lines = [f"Incident {found.id}: {found.kind}, open since {found.opened_at:%Y-%m-%d %H:%M}Z"]
    lines += [f"  {name:<12} {value}" for name, value in facts.items() if value]
    return [*lines, *(f"  {each.at:%Y-%m-%d %H:%M:%S}Z  {each.actor}  {each.action}" for each in known.events)]
