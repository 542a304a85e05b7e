"""Routes on callbacks: calls that agencies make to us. What they mean is stored before they are acknowledged (design rule 5).

What a call looks like and how its sender proves itself is the connector's to say; here is only the way in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from connectors.registry import agencies, connector_class
from connectors.toolkit.callback import Callback, Filing, Handled, Received, Reply, Taken
from connectors.toolkit.callback import Question as Asked
from connectors.toolkit.errors import AgencyError, Misconfigured, Retriable
from connectors.toolkit.settings import from_environment
from schemas.base import Record
from schemas.text import Text
from simpul import telemetry, tracing
from simpul.console.applications import Body
from simpul.console.context import Context, context
from simpul.console.problems import Problem
from simpul.exchange import BusyError, Question, of_operation
from simpul.ledger import UNAVAILABLE, Connection, intake, once, signals, transaction
from simpul.ledger.signals import Signal

router = APIRouter(prefix="/v1/callbacks", tags=["callbacks"])

CHANNEL = "agency"
"""How an application came in that an agency's call started."""

Agency = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,62}$")]

_LOG = telemetry.logger(__name__)
_LATER = Text(
    id="Belum dapat diproses saat ini. Kirim ulang panggilan yang sama sebentar lagi.",
    en="It cannot be handled at this moment. Send the same call again shortly.",
)
_UNPUBLISHED = Text(
    id="Layanan yang diminta belum dibuka di sini. Kirim ulang setelah operator menerbitkannya.",
    en="The service that it asks for is not open here. Send it again once an operator has published it.",
)
_NO_QUESTION = Text(
    id="Pertanyaan yang dimaksud tidak dapat diajukan di sini. Hubungi pengembang konektor.",
    en="What it asks cannot be asked here. Call the connector's developer.",
)
_REFUSALS: Mapping[str, tuple[int, str, str]] = {
    "misconfigured": (401, "not-authenticated", "The sender does not prove who it is."),
    "bad_data": (422, "invalid", "The message does not follow the agency's contract."),
    "rejected": (422, "refused", "The message is refused."),
    "retriable": (503, "later", _LATER.en),
    "in_doubt": (503, "later", _LATER.en),
}


@dataclass(frozen=True, slots=True)
class _Line:
    """One callback of one agency, and the settings it goes by."""

    agency: str
    callback: Callback
    settings: Any


@router.post("/{agency}")
async def take_call(
    here: Annotated[Context, Depends(context)], agency: Agency, request: Request, raw: Body
) -> Response:
    """Take in what an agency tells us or asks. Authenticated as its connector defines; answered as its contract asks."""
    return await _take(here, agency, None, request, raw)


@router.post("/{agency}/{name}")
async def take_named_call(
    here: Annotated[Context, Depends(context)],
    agency: Agency,
    name: Annotated[str, Path(pattern=r"^[a-z][a-z0-9_-]{0,62}$")],
    request: Request,
    raw: Body,
) -> Response:
    """The same, for an agency that makes several kinds of call."""
    return await _take(here, agency, name, request, raw)


def most_bytes(path: str) -> int | None:
    """How large a call to a path may be; None for a path that is no callback's."""
    if not path.startswith(f"{router.prefix}/"):
        return None
    agency, _, name = path.removeprefix(f"{router.prefix}/").partition("/")
    if agency not in agencies():
        return None
    found = _named(agency, name or None)
    return None if found is None else found.max_bytes


async def _take(here: Context, agency: str, name: str | None, request: Request, raw: bytes) -> Response:
    line = await run_in_threadpool(_line, agency, name)
    received = Received(
        method=request.method,
        path=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        headers=dict(request.headers),
        body=raw,
        peer=request.client.host if request.client else "",
        at=here.clock.now(),
    )
    try:
        taken = await run_in_threadpool(line.callback.take, received, line.settings)
        handled = await run_in_threadpool(_store, here, agency, taken)
        if taken.question is not None and not handled.repeated:
            handled = await _asked(here, agency, taken.question, handled)
    except AgencyError as error:
        _LOG.warning("a callback was refused", agency=agency, callback=line.callback.name, code=error.code)
        return _refused(line, received, error)
    return _response(line.callback.answer(taken, handled))


def _store(here: Context, agency: str, taken: Taken) -> Handled:
    """What a call means, all of it or nothing, in one transaction.

    Raises:
        Retriable: The ledger is away, or a service is not published: the call may come again.
    """
    now = here.clock.now()
    sent = [
        Signal(id=signal.id, kind=signal.kind, source=agency, reference=here.keys.blind(signal.reference))
        for signal in taken.signals
    ]
    try:
        with transaction(here.engine) as connection:
            if taken.once is not None and not once.first_use(
                connection, agency, here.keys.blind(f"{agency}/{taken.once}"), now=now
            ):
                return Handled(repeated=True)
            new = signals.receive(connection, sent, now=now)
            unfit: dict[str, tuple[str, ...]] = {}
            # in one order, so that two calls with the same filings do not lock each other out
            for filing in sorted(taken.filings, key=lambda filing: filing.key):
                _file(here, connection, agency, filing, new=new, unfit=unfit)
    except UNAVAILABLE as error:
        _LOG.warning("the ledger cannot be reached", error=error)
        raise Retriable("LEDGER", diagnosis=_LATER, owner="us", retry_after=5.0) from None
    return Handled(new=frozenset(new), unfit=unfit)


def _file(
    here: Context,
    connection: Connection,
    agency: str,
    filing: Filing,
    *,
    new: set[str],
    unfit: dict[str, tuple[str, ...]],
) -> None:
    """File an application as the API does; the agency stands where an API key's name does, the filing's key is its own."""
    service = here.service(filing.service, None)
    if service is None:
        _LOG.error("a callback asks for a service that is not published", agency=agency, service=filing.service)
        raise Retriable("SERVICE_NOT_PUBLISHED", diagnosis=_UNPUBLISHED, owner="us")
    form = dict(filing.form)
    asked = intake.Intake(
        definition=service.definition,
        standing=here.standing(service.definition),
        channel=CHANNEL,
        form=form,
        received_by=agency,
        traceparent=tracing.new(),
        idempotency_key=filing.key,
    )
    problems = service.form.problems(form)
    try:
        if not problems:
            if intake.file(connection, asked, here.keys, here.clock, here.settings.installation).created:
                new.add(filing.key)
        elif intake.replay(connection, asked, here.keys) is None:
            unfit[filing.key] = tuple(sorted({problem.pointer for problem in problems}))
    except intake.ConflictError as error:
        # The connector makes the key from the content, so this is a connector's mistake; the first one stands.
        _LOG.error("a callback's key stands for another application", agency=agency, number=error.number)


async def _asked(here: Context, agency: str, asked: Asked, handled: Handled) -> Handled:
    """What a question brought: a record, or why there is none."""
    record: Record | None = None
    error: AgencyError | None = None
    operation = await run_in_threadpool(of_operation, *_parts(asked.operation))
    if operation is None or operation.effect != "read":
        _LOG.error("a callback asks what cannot be asked", agency=agency, operation=asked.operation)
        error = Misconfigured("NO_SUCH_READ", diagnosis=_NO_QUESTION)
    else:
        question = Question(
            operation=operation,
            request=asked.request.model_dump(mode="json"),
            actor=agency,
            purpose=operation.purpose,
            legal_basis=operation.legal_basis,
        )
        try:
            record = (await here.desk.ask(question)).record
        except BusyError:
            error = Retriable("BUSY", diagnosis=_LATER, owner="us", retry_after=1.0)
        except UNAVAILABLE:
            error = Retriable("LEDGER", diagnosis=_LATER, owner="us", retry_after=5.0)
        except AgencyError as named:
            error = named
    return Handled(new=handled.new, unfit=handled.unfit, record=record, error=error)


def _parts(qualified: str) -> tuple[str, str]:
    agency, _, name = qualified.partition(".")
    return agency, name


def _refused(line: _Line, received: Received, error: AgencyError) -> Response:
    if line.callback.refuse is not None:
        return _response(line.callback.refuse(received, error))
    status, slug, detail = _REFUSALS[error.kind]
    wait = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(max(1, round(wait or 5.0)))} if status == 503 else {}
    return Problem(status, slug, detail, headers=headers).response()


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, headers=dict(reply.headers), media_type=reply.media_type)


def _line(agency: str, name: str | None) -> _Line:
    """An agency's callback, its first when none is named.

    Raises:
        Problem: 404 for an agency that makes no such call, 503 where its settings are incomplete.
    """
    callback = _named(agency, name) if agency in agencies() else None
    if callback is None:
        raise Problem(404, "unknown-agency", "No agency of this name calls us, or not in this way.")
    try:
        return _Line(agency, callback, _settings(agency))
    except Misconfigured as error:
        _LOG.error("an agency's callback is not set up", agency=agency, problem=error.detail)
        raise Problem(503, "not-set-up", "This agency's callback is not set up here.") from None


def _named(agency: str, name: str | None) -> Callback | None:
    callbacks = connector_class(agency).callbacks
    return next((callback for callback in callbacks if name in (None, callback.name)), None)


@cache
def _settings(agency: str) -> Any:
    return from_environment(connector_class(agency).settings_class())
