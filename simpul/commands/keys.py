"""`simpul keys`: the master key, and the API keys of those who may call the console."""

import getpass
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Make the master key; issue, list and revoke API keys.")

# Every command imports what it needs itself, since help must cost nothing.


def actor() -> str:
    """Who runs this command, as events name it."""
    return f"user:{getpass.getuser()}"


@app.command()
def new() -> None:
    """Make a master key for SIMPUL_MASTER_KEY. Whoever has it can read every form; whoever loses it, none."""
    from simpul.crypto import new_master_key  # noqa: PLC0415

    typer.echo(new_master_key())


@app.command()
def issue(
    name: Annotated[str, typer.Argument(help="Who will hold it; events name this.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="intake (file; amend and withdraw its own), read, or manage (amend any); may be repeated."),
    ] = None,
) -> None:
    """Issue an API key and print it, this once: the ledger keeps only its hash. Without --scope: intake and read."""
    from simpul import config  # noqa: PLC0415
    from simpul.ledger import api_keys, connect, transaction  # noqa: PLC0415

    settings = config.load()
    try:
        with transaction(connect(settings.database_url)) as connection:
            key = api_keys.issue(
                connection, name, scope or list(api_keys.USUAL_SCOPES), actor=actor(), now=settings.clock.now()
            )
    except (api_keys.KeyNameTakenError, ValueError) as error:
        typer.echo(f"simpul: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(key)


@app.command("list")
def list_keys() -> None:
    """List the API keys that were ever issued: names, scopes and dates, never the keys."""
    from simpul import config  # noqa: PLC0415
    from simpul.ledger import api_keys, connect, transaction  # noqa: PLC0415

    with transaction(connect(config.load().database_url)) as connection:
        for key in api_keys.listing(connection):
            until = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else "in force"
            typer.echo(f"{key.name:<30} {' '.join(sorted(key.scopes)):<14} {key.created_at:%Y-%m-%d}  {until}")


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="As in `simpul keys list`.")]) -> None:
    """Take an API key out of force, within seconds."""
    from simpul import config  # noqa: PLC0415
    from simpul.ledger import api_keys, connect, transaction  # noqa: PLC0415

    settings = config.load()
    try:
        with transaction(connect(settings.database_url)) as connection:
            api_keys.revoke(connection, name, actor=actor(), now=settings.clock.now())
    except api_keys.UnknownKeyError as error:
        typer.echo(f"simpul: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{name} is revoked")
