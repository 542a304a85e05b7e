"""Route on callbacks: calls that agencies make to us. Stored as signals before they are acknowledged (design rule 5).

What a call looks like and how its sender proves itself is the connector's to say; here is only the way in.
"""

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from connectors.registry import agencies, connector_class
from connectors.toolkit.callback import Callback, Handled, Received
from connectors.toolkit.errors import BadData, Misconfigured
from connectors.toolkit.settings import from_environment
from simpul import telemetry
from simpul.console.applications import Body
from simpul.console.context import Context, context
from simpul.console.problems import Problem
from simpul.ledger import transaction
from simpul.ledger.signals import Signal, receive

router = APIRouter(prefix="/v1/callbacks", tags=["callbacks"])

_LOG = telemetry.logger(__name__)


@router.post("/{agency}")
def take_call(
    here: Annotated[Context, Depends(context)],
    agency: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,62}$")],
    request: Request,
    raw: Body,
) -> Response:
    """Take in what an agency tells us. Authenticated as its connector defines; answered as its contract asks."""
    callback, settings = _callback(agency)
    received = Received(
        method=request.method,
        path=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        headers=dict(request.headers),
        body=raw,
        peer=request.client.host if request.client else "",
        at=here.clock.now(),
    )
    try:
        taken = callback.take(received, settings)
    except Misconfigured as error:
        _LOG.warning("a callback was refused", agency=agency, code=error.code)
        raise Problem(401, "not-authenticated", "The sender does not prove who it is.") from None
    except BadData as error:
        _LOG.warning("a callback could not be read", agency=agency, code=error.code)
        raise Problem(422, "invalid", "The message does not follow the agency's contract.") from None
    signals = [
        Signal(id=signal.id, kind=signal.kind, source=agency, reference=here.keys.blind(signal.reference))
        for signal in taken.signals
    ]
    with transaction(here.engine) as connection:
        new = receive(connection, signals, now=here.clock.now())
    reply = callback.answer(taken, Handled(new=frozenset(new)))
    return Response(reply.body, reply.status, headers=dict(reply.headers), media_type=reply.media_type)


def _callback(agency: str) -> tuple[Callback, Any]:
    """The agency's callback and the settings it goes by.

    Raises:
        Problem: 404 for an agency that makes no calls, 503 where its settings are incomplete.
    """
    if agency not in agencies():
        raise _nobody()
    try:
        return _loaded(agency)
    except LookupError:
        raise _nobody() from None
    except Misconfigured as error:
        _LOG.error("an agency's callback is not set up", agency=agency, problem=error.detail)
        raise Problem(503, "not-set-up", "This agency's callback is not set up here.") from None


def _nobody() -> Problem:
    return Problem(404, "unknown-agency", "No agency of this name calls us.")


@cache
def _loaded(agency: str) -> tuple[Callback, Any]:
    connector = connector_class(agency)
    if not connector.callbacks:
        raise LookupError(agency)
    return connector.callbacks[0], from_environment(connector.settings_class())
