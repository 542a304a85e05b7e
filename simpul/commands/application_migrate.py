"""`simpul application migrate`: open applications go over to another version of their workflow."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simpul.commands.keys import actor

if TYPE_CHECKING:
    from simpul.engine.versions import Migrator
    from simpul.ledger.versions import Plan, Wish

_STAYS = ("blocked", "in flight", "refused")
"""What keeps an application in its version: the plan, an answer that is outstanding, or that it is none of them."""


def migrate(
    service: Annotated[str, typer.Option(help="What was applied for.")],
    old: Annotated[int, typer.Option("--from", metavar="VERSION", help="The version they go by.")],
    new: Annotated[int, typer.Option("--to", metavar="VERSION", help="The version they are to go by.")],
    number: Annotated[str | None, typer.Argument(help="Only this application.")] = None,
    *,
    state: Annotated[str | None, typer.Option(help="Only those in this state, such as incident.")] = None,
    since: Annotated[datetime | None, typer.Option(help="Only those received since (UTC).")] = None,
    waits_at: Annotated[str | None, typer.Option(metavar="STEP", help="Only those that this step holds up.")] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="OLD=NEW", help="A step's name now, where no file says it.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(metavar="STEP", help="Give up what an old step came to; needs --reason.")
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="STEP", help="It stands, though it would ask something else now; needs --reason."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why. Kept as an event; no numbers of persons.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would come to.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also send writes again that took effect; needs --reason.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="In full, for programs.")] = False,
) -> None:
    """Let open applications go over to another version of their workflow. Refuses to send a write again.

    What a step came to is kept; a step that would ask something else starts afresh. What is gone must be mapped or dropped.
    """
    from simpul import config  # noqa: PLC0415 - help must cost nothing
    from simpul.commands.incident import reason_of  # noqa: PLC0415
    from simpul.commands.trace import number_of  # noqa: PLC0415
    from simpul.engine.versions import Migrator  # noqa: PLC0415
    from simpul.ledger import connect, transaction, versions  # noqa: PLC0415
    from simpul.ledger.definitions import DefinitionError  # noqa: PLC0415

    if (drop or keep or force) and not reason and not dry_run:
        raise typer.BadParameter("say why: --reason")
    why = reason_of(reason) if reason else None
    settings = config.load()
    database = connect(settings.database_url)
    received = since.replace(tzinfo=since.tzinfo or UTC) if since else None
    try:
        with transaction(database) as connection:
            wish = versions.wish(
                connection, service, old, new, mapping=_pairs(mapping or ()), drop=drop or (), keep=keep or ()
            )
            numbers = [number_of(number)] if number else None
            if numbers is None:
                numbers = versions.matching(connection, service, old, state=state, since=received, waits_at=waits_at)
    except (versions.CannotMigrateError, DefinitionError) as error:
        typer.echo(f"simpul: {error}", err=True)
        raise typer.Exit(1) from None
    migrator = Migrator(database, settings.keys, settings.clock)
    # One transaction each: one that cannot go over holds up no other.
    told = [_one(migrator, each, wish, reason=why, force=force, dry_run=dry_run) for each in numbers]
    _tell(told, as_json=as_json)
    if any(each["result"] in _STAYS for each in told):
        raise typer.Exit(1)


def _one(
    migrator: "Migrator", number: str, wish: "Wish", *, reason: str | None, force: bool, dry_run: bool
) -> dict[str, Any]:
    from simpul.crypto import CannotDecryptError  # noqa: PLC0415
    from simpul.ledger import versions  # noqa: PLC0415
    from simpul.ledger.transitions import UnknownApplicationError  # noqa: PLC0415

    state = None
    try:
        if dry_run:
            plan = migrator.plan(number, wish)
        else:
            plan, state = migrator.migrate(number, wish, reason=reason, force=force, actor=actor())
    except versions.InFlightError as error:
        return {"number": number, "result": "in flight", "why": [str(error)]}
    except (versions.CannotMigrateError, UnknownApplicationError) as error:
        return {"number": number, "result": "refused", "why": [str(error)]}
    except CannotDecryptError:
        return {"number": number, "result": "refused", "why": ["its form or a record does not open"]}
    return _result(number, plan, state, force=force)


def _pairs(mapping: Sequence[str]) -> dict[str, str]:
    pairs = [each.partition("=") for each in mapping]
    if wrong := [old for old, equals, new in pairs if not (old and equals and new)]:
        raise typer.BadParameter(f"--map takes OLD=NEW: {', '.join(wrong)}")
    return {old: new for old, _, new in pairs}


def _result(number: str, plan: "Plan | None", state: str | None, *, force: bool) -> dict[str, Any]:
    if plan is None:
        return {"number": number, "result": "already there"}
    found = {**asdict(plan), "writes": [each.step for each in plan.writes]}
    if state is not None:
        return {**found, "result": "migrated", "state": state}
    blocked = list(plan.blocked)
    if plan.writes and not force:
        blocked.append(f"writes would be sent again without --keep or --force: {', '.join(found['writes'])}")
    return {**found, "blocked": blocked, "result": "blocked" if blocked else "would go over"}


def _tell(told: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(told, default=str))
        return
    for each in told:
        for line in _lines(each):
            typer.echo(line)
    through = sum(each["result"] not in _STAYS for each in told)
    typer.echo(f"{through} of {len(told)} applications")


def _lines(each: dict[str, Any]) -> list[str]:
    head = f"{each['number']}: {each['result']}" + (f", {each['state']}" if each.get("state") else "")
    parts = {
        "keeps": ", ".join(each.get("kept", ())),
        "maps": ", ".join(f"{old} to {new}" for old, new in each.get("mapped", {}).items()),
        "drops": ", ".join(_step(one, "its effect stays") for one in each.get("dropped", ())),
        "again": ", ".join(_step(one, "a write is sent again") for one in each.get("again", ())),
        "late": ", ".join(each.get("late", ())),
    }
    lines = [f"  {name}: {text}" for name, text in parts.items() if text]
    return [head, *lines, *(f"  ✗ {why}" for why in (*each.get("blocked", ()), *each.get("why", ())))]


def _step(one: dict[str, Any], write: str) -> str:
    return f"{one['step']} ({one['came_to']}{f'; {write}' if one['writes'] else ''})"
