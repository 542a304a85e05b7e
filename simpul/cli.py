"""The `simpul` command: one story from demo to trace, each chapter in a module of `simpul.commands`.

A chapter's module is imported only when it is called, so that help costs nothing. What each command does lives
there, what is said when something expected goes wrong lives in `simpul.commands.errors`.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


@dataclass(frozen=True, slots=True)
class Chapter:
    """A command or group of commands: its module in `simpul.commands`, and its line in the help."""

    module: str
    panel: str
    line: str


_TRY, _RUN, _SET_UP, _LOOK = "See it work", "Run it", "Set it up", "Look into it"

CHAPTERS: dict[str, Chapter] = {
    "demo": Chapter("demo", _TRY, "Start everything on this machine and carry sample applications to their end."),
    "up": Chapter("up", _TRY, "Start everything on this machine and leave it running."),
    "sandbox": Chapter("sandbox", _TRY, "Run the simulated agencies."),
    "console": Chapter("console", _RUN, "Take in applications and callbacks, and say where they stand (HTTP)."),
    "engine": Chapter("engine", _RUN, "Drive applications: waves, requests, timers, recovery."),
    "gateway": Chapter("gateway", _RUN, "Run an agency's connector on the bus."),
    "projector": Chapter("projector", _RUN, "Bring the agencies' answers into the ledger."),
    "keys": Chapter("keys", _SET_UP, "Make the master key; issue, list and revoke API keys."),
    "db": Chapter("database", _SET_UP, "Bring the ledger's schema up to date."),
    "topics": Chapter("topics", _SET_UP, "Create the Kafka topics and show drift."),
    "service": Chapter("service", _SET_UP, "Check and publish the workflows of services."),
    "schema": Chapter("schema", _SET_UP, "Check the shared schemas against what was published."),
    "connector": Chapter("connector", _LOOK, "List what the connectors offer, and call an operation by hand."),
    "incident": Chapter("incident", _RUN, "List what needs an operator, show what is known, and resolve it."),
    "application": Chapter("application", _RUN, "Let a step start afresh, or go over to another version."),
    "trace": Chapter("trace", _LOOK, "Tell the whole story of one application from its events."),
    "bench": Chapter("bench", _LOOK, "Measure what the whole stack carries."),
}
"""Every command, in the order in which the help tells them."""


def _load(name: str) -> Any:
    """The command behind a name.

    A module offers `register(app)` when it is one command, or `app` when it is a group.
    """
    module = import_module(f"simpul.commands.{CHAPTERS[name].module}")
    if hasattr(module, "register"):
        root = typer.Typer()
        module.register(root)
        commands = get_group(root).commands
        return commands[name] if name in commands else next(iter(commands.values()))
    group = get_group(module.app)
    group.name = name
    return group.commands.get(name, group)


class _Story(TyperGroup):
    """Lists every chapter from the table, and loads the one that is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {
            name: TyperCommand(name, help=chapter.line, rich_help_panel=chapter.panel)
            for name, chapter in CHAPTERS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first argument names, imported now."""
        name, _, rest = super().resolve_command(ctx, args)
        try:
            return name, _load(str(name)), rest
        except ModuleNotFoundError as error:
            if error.name != f"simpul.commands.{CHAPTERS[str(name)].module}":
                raise
            typer.echo(f"simpul {name}: not part of this installation", err=True)
            raise typer.Exit(2) from None

    def invoke(self, ctx: Any) -> Any:
        """Run; what is known to go wrong is said in one line instead of a traceback."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            from simpul.commands.errors import explain  # noqa: PLC0415 - needed only when something went wrong

            message = explain(error)
            if message is None:
                raise
            typer.echo(f"simpul: {message}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Story,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks would show local variables
    help="Simpul ties the systems of many agencies together behind one counter.\n\n"
    "Start with [bold]simpul demo[/bold].",
    rich_markup_mode="rich",
)


@app.callback()
def _simpul() -> None:
    pass
