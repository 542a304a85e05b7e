"""`simpul connector drift`: is the agency's system still what its connector was written against?"""

import contextlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from connectors.drift import Drift, Unseen
    from connectors.toolkit import Connector
    from connectors.toolkit.shapes import Shape


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(drift)


def drift(
    agency: Annotated[str, typer.Argument(help="The agency's folder in connectors/, such as dukcapil.")],
    *,
    request: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OPERATION=JSON", help="Ask this read and look at the answer's shape; repeatable. Needs settings."
        ),
    ] = None,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Look at the sandbox agency, by its own example requests.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Record the shapes that are seen, instead of comparing them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print differences as JSON.")] = False,
) -> None:
    """Compare an agency's published contract and the shapes of its answers with what is recorded.

    Without --sandbox the published contract is fetched with the settings of the environment, and the shapes are those
    that the gateways sampled (SIMPUL_DATABASE_URL) and those of the given requests. Values are neither kept nor shown.
    Exit status: 0 as recorded, 1 drift, 2 wrong usage, 3 something could not be looked at.
    """
    from connectors import drift as drifts  # noqa: PLC0415 - keeps `simpul --help` fast
    from connectors import registry  # noqa: PLC0415
    from connectors.toolkit.errors import Misconfigured  # noqa: PLC0415

    if agency not in registry.agencies():
        raise typer.BadParameter(f"no agency {agency!r}; there are {', '.join(registry.agencies())}")
    asked = [_request(agency, each) for each in request or ()]
    try:
        with _connected(agency, sandbox=sandbox) as (connector, examples):
            seen, unseen = _sampled(connector, [*asked, *examples])
            found: list[Drift] = []
            if not record:
                found, hidden = drifts.published(connector)
                unseen += hidden
    except Misconfigured as error:
        typer.echo(f"✗ {error}\n  {error.detail or ''}", err=True)
        raise typer.Exit(3) from None
    if record:
        drifts.record(agency, seen)
        typer.echo(f"recorded the shapes of {', '.join(seen) or 'nothing'}")
    else:
        if not sandbox:
            seen |= _from_gateways(agency)
        found += drifts.compare(agency, seen)
        _tell(agency, found, seen, as_json=as_json)
    for each in unseen:
        typer.echo(f"? {each.where} could not be looked at: {each.why}", err=True)
    if found or unseen:
        raise typer.Exit(1 if found else 3)


def _tell(agency: str, found: "list[Drift]", seen: "dict[str, Shape]", *, as_json: bool) -> None:
    from connectors import drift as drifts  # noqa: PLC0415 - keeps `simpul --help` fast

    if as_json:
        typer.echo(
            json.dumps({"agency": agency, "looked_at": sorted(seen), "drift": [d.as_json() for d in found]}, indent=2)
        )
        return
    for each in found:
        typer.echo(f"✗ {drifts.sentence(each.as_json())}")
    unknown = sorted(set(seen) - set(drifts.recorded(agency)))
    if unknown:
        typer.echo(f"? nothing is recorded of {', '.join(unknown)}: `simpul connector drift {agency} --record`")
    if not found:
        typer.echo(f"✓ {agency}: {len(seen)} operations and the published contract are as recorded")


def _request(agency: str, text: str) -> tuple[str, dict[str, Any], None]:
    from connectors import registry  # noqa: PLC0415 - keeps `simpul --help` fast

    name, separator, body = text.partition("=")
    operation = registry.connector_class(agency).operations().get(name)
    if not separator or operation is None or operation.effect != "read":
        reads = [each.name for each in registry.connector_class(agency).operations().values() if each.effect == "read"]
        raise typer.BadParameter(f"--request is OPERATION=JSON with one of the reads {', '.join(reads)}")
    try:
        plain: dict[str, Any] = json.loads(body)
    except ValueError:
        raise typer.BadParameter(f"--request {name}=…: what follows is no JSON") from None
    return name, plain, None


@contextlib.contextmanager
def _connected(agency: str, *, sandbox: bool) -> "Iterator[tuple[Connector[Any], list[Any]]]":
    from connectors import registry  # noqa: PLC0415

    if not sandbox:
        with registry.connect(agency) as connector:
            yield connector, []
        return
    from connectors import sandbox_app  # noqa: PLC0415 - a server, only for those who ask for it
    from connectors.toolkit.examples import Scene  # noqa: PLC0415

    with (
        sandbox_app.running([agency]) as server,
        registry.connect(agency, server.settings(agency)) as connector,
    ):
        examples = []
        for number, (name, make) in enumerate(registry.module(agency, "sandbox").EXAMPLES.items()):
            scene = Scene(connector, server.app.world, number)
            reference = None if connector.operations()[name].effect == "read" else scene.reference()
            examples.append((name, lambda scene=scene, make=make: make(scene), reference))
        yield connector, examples


def _sampled(connector: "Connector[Any]", asked: list[Any]) -> "tuple[dict[str, Shape], list[Unseen]]":
    from pydantic import ValidationError  # noqa: PLC0415

    from connectors import drift as drifts  # noqa: PLC0415 - keeps `simpul --help` fast
    from connectors.toolkit.errors import AgencyError  # noqa: PLC0415
    from connectors.toolkit.shapes import merged  # noqa: PLC0415

    seen: dict[str, Shape] = {}
    unseen: list[Unseen] = []
    for name, request, reference in asked:
        try:
            shape = drifts.sampled(connector, name, request() if callable(request) else request, reference)
        except AgencyError as error:
            unseen.append(drifts.Unseen(name, str(error)))
        except ValidationError as error:
            fields = ", ".join(".".join(map(str, each["loc"])) for each in error.errors(include_input=False))
            unseen.append(drifts.Unseen(name, f"the request does not fit: {fields}"))
        else:
            if shape is not None:
                seen[name] = merged(seen[name], shape) if name in seen else shape
    return seen, unseen


def _from_gateways(agency: str) -> "dict[str, Shape]":
    """What gateways sampled last; nothing where no ledger is at hand."""
    import os  # noqa: PLC0415 - keeps `simpul --help` fast

    if not {"SIMPUL_DATABASE_URL", "SIMPUL_DATABASE_URL_FILE"} & os.environ.keys():
        return {}
    from simpul import config  # noqa: PLC0415
    from simpul.ledger import UNAVAILABLE, connect, shapes, transaction  # noqa: PLC0415

    try:
        with transaction(connect(config.load().database_url, pool_size=1)) as connection:
            return {seen.operation: seen.shape for seen in shapes.latest(connection) if seen.agency == agency}
    except UNAVAILABLE:
        typer.echo("? the ledger cannot be reached: the gateways' samples are not looked at", err=True)
        return {}
