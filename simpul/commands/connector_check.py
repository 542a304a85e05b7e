"""`simpul connector check` and `simpul connector record`: the conformance kit, at the sandbox and on site."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from connectors.conformance import Result


def register(app: typer.Typer) -> None:
    """Adds the commands to `simpul connector`."""
    app.command()(check)
    app.command()(record)


def check(
    agency: Annotated[str, typer.Argument(metavar="AGENCY")],
    *,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="CHECK", help="A check or a family of them; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Check the way to the real endpoint instead, and make the reads given.")
    ] = False,
    request: Annotated[
        list[str] | None,
        typer.Option(
            "--request",
            metavar="OPERATION=JSON",
            help='With --live: a read to make, such as \'get_person={"nik": "…"}\'; may be repeated.',
        ),
    ] = None,
) -> None:
    """Run the conformance kit against a connector: its own sandbox, or with --live the real endpoint, reads only.

    Says what failed, why it matters and what to do. Exit status 1 when anything failed.
    """
    _known(agency)
    if request and not live:
        raise typer.BadParameter("--request goes with --live: at the sandbox the kit makes its own requests")
    results = _live(agency, request or []) if live else _examined(agency, only)
    _print(agency, results, as_json=as_json)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


def record(agency: Annotated[str, typer.Argument(metavar="AGENCY")]) -> None:
    """Record what the sandbox answers to each example, and the record that comes of it, for the kit to replay."""
    from connectors.conformance import Subject, recorded  # noqa: PLC0415 - starts a sandbox
    from connectors.toolkit.errors import AgencyError  # noqa: PLC0415

    _known(agency)
    failed = False
    with Subject(agency) as subject:
        for name in subject.with_examples():
            try:
                file = recorded.record(subject, name)
            except AgencyError as error:
                typer.echo(f"✗ {name}: its example is not answered with a record but with {error}", err=True)
                failed = True
            else:
                typer.echo(f"wrote {agency}/{file.parent.name}/{file.name}")
    if failed:
        raise typer.Exit(1)


def _known(agency: str) -> None:
    from connectors import registry  # noqa: PLC0415 - keeps `simpul --help` fast

    if agency not in registry.agencies():
        raise typer.BadParameter(f"no agency {agency!r}; there are {', '.join(registry.agencies())}")


def _examined(agency: str, only: list[str] | None) -> "list[Result]":
    from connectors.conformance import examine  # noqa: PLC0415 - starts a sandbox

    try:
        return list(examine(agency, only or None))
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0])) from None


def _print(agency: str, results: "list[Result]", *, as_json: bool) -> None:
    from connectors.conformance import report  # noqa: PLC0415

    if as_json:
        typer.echo(json.dumps(report.as_json(agency, results), indent=2, ensure_ascii=False))
        return
    from rich.console import Console  # noqa: PLC0415 - keeps `simpul --help` fast

    # A pipe has no width: nothing is wrapped for whoever greps it.
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(report.table(agency, results))
    failed = sum(not result.passed for result in results)
    console.print(f"{len(results) - failed} of {len(results)} checks passed.", highlight=False)


def _live(agency: str, requests: list[str]) -> "list[Result]":
    from pydantic import ValidationError  # noqa: PLC0415 - keeps `simpul --help` fast

    from connectors import registry  # noqa: PLC0415
    from connectors.conformance import live  # noqa: PLC0415

    operations = registry.connector_class(agency).operations()
    asked: dict[str, Any] = {}
    for given in requests:
        name, mark, text = given.partition("=")
        if name not in operations or not mark:
            raise typer.BadParameter(f"--request wants OPERATION=JSON; {agency} has {', '.join(operations)}")
        try:
            asked[name] = operations[name].request.model_validate_json(text)
        except ValidationError as error:
            fields = {".".join(map(str, problem["loc"])) or "JSON" for problem in error.errors(include_input=False)}
            raise typer.BadParameter(f"--request {name}: wrong in {', '.join(sorted(fields))}") from None
    try:
        return list(live.examine(agency, asked))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
