"""`simpul db`: the ledger's schema."""

import typer

app = typer.Typer(no_args_is_help=True, help="Bring the ledger's schema up to date.")


@app.callback()
def _db() -> None:
    pass


@app.command()
def upgrade() -> None:
    """Bring the ledger's schema up to date; safe to run again, and from several machines at once."""
    from simpul import config  # noqa: PLC0415 - help must cost nothing
    from simpul.ledger import migrate  # noqa: PLC0415 - help must cost nothing

    migrate(config.load().database_url)
    typer.echo("the ledger's schema is up to date")
