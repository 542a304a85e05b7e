"""Routes on applications: file, look up, list, follow, amend, withdraw."""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from schemas.identifiers import ApplicationNumber, display_number
from schemas.text import Text
from simpul import tracing
from simpul.console import models, views
from simpul.console.auth import may_change, may_file, may_read
from simpul.console.context import Context, Service, context
from simpul.console.problems import FieldProblem, Problem, invalid, unknown_application, unknown_service
from simpul.definition import Definition
from simpul.ledger import api_keys, intake, queries, standards, transaction
from simpul.ledger.api_keys import ApiKey
from simpul.ledger.transitions import ClosedError, UnknownApplicationError, request_withdrawal

router = APIRouter(prefix="/v1/applications", tags=["applications"])

Here = Annotated[Context, Depends(context)]
Filing = Annotated[ApiKey, Depends(may_file)]
Changing = Annotated[ApiKey, Depends(may_change)]
Reading = Annotated[ApiKey, Depends(may_read)]
Number = Annotated[ApplicationNumber, Path(description="As on the receipt, with or without hyphens")]
R = TypeVar("R", bound=BaseModel)


async def body(request: Request) -> bytes:
    """The raw body, already bounded by the guard."""
    return await request.body()


Body = Annotated[bytes, Depends(body)]


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """What the documentation says about a body that we read ourselves, so that no parser's error can quote it."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


@router.post(
    "",
    status_code=201,
    responses={
        201: {"model": models.Receipt, "description": "Filed"},
        200: {"model": models.Receipt, "description": "Filed before with the same Idempotency-Key"},
        403: {"description": "The key lacks the scope `intake`, or for `vulnerable` the scope `priority`"},
        404: {"description": "No such service"},
        409: {"description": "The Idempotency-Key was used for another application"},
        413: {"description": "Larger than 1 MiB"},
        422: {"description": "Names each field that does not fit, and what is wrong with it"},
    },
    openapi_extra=takes(models.NewApplication),
)
def file(
    here: Here,
    key: Filing,
    raw: Body,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
    traceparent: Annotated[str | None, Header(max_length=200)] = None,
) -> JSONResponse:
    """File an application.

    Send an `Idempotency-Key` that is new for each application: when the line breaks, repeat the same request with
    the same key and the application is filed once.
    """
    new = read_body(models.NewApplication, raw)
    service = here.service(new.service, new.version)
    if service is None:
        raise unknown_service()
    if new.vulnerable is not None and "priority" not in key.scopes:
        raise Problem(403, "scope", "This key does not file applications that go first; it takes the scope priority.")
    asked = intake.Intake(
        definition=service.definition,
        standing=here.standing(service.definition),
        channel=new.channel,
        form=new.form,
        received_by=key.name,
        traceparent=tracing.child(traceparent),
        asked_version=new.version,
        idempotency_key=idempotency_key,
        contact=new.contact.model_dump() if new.contact else None,
        consents=tuple(dict.fromkeys(new.consents)),
        ground=new.vulnerable,
        head_start=timedelta(seconds=here.settings.head_start),
    )
    problems = [*service.form.problems(new.form), *_unknown_consents(service.definition, new.consents)]
    try:
        with transaction(here.engine) as connection:
            if problems:
                filed = intake.replay(connection, asked, here.keys)
                if filed is None:
                    raise invalid(problems)
            else:
                filed = intake.file(connection, asked, here.keys, here.clock, here.settings.installation)
    except intake.ConflictError as error:
        raise Problem(409, "idempotency-conflict", str(error), more={"number": error.number}) from None
    url = f"{router.prefix}/{filed.number}"
    receipt = {"number": filed.number, "display": display_number(filed.number), "state": "received", "url": url}
    return JSONResponse(receipt, 201 if filed.created else 200, {"Location": url})


@router.get("")
def list_applications(  # noqa: PLR0917 - FastAPI calls it by name
    here: Here,
    _key: Reading,
    state: Annotated[models.State | None, Query()] = None,
    service: Annotated[models.ServiceName | None, Query()] = None,
    standard: Annotated[
        Literal["overdue", "warning"] | None,
        Query(description="Only open ones past their service standard, or warned of"),
    ] = None,
    before: Annotated[ApplicationNumber | None, Query(description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> models.ApplicationPage:
    """List applications, newest first."""
    with transaction(here.engine) as connection:
        rows = queries.listing(connection, state=state, service=service, standard=standard, before=before, limit=limit)
    return models.ApplicationPage(
        applications=[views.summary(row) for row in rows], next=rows[-1].number if len(rows) == limit else None
    )


@router.get("/{number}")
def show(here: Here, _key: Reading, number: Number) -> models.ApplicationStatus:
    """Where an application stands: its state, its steps, whom it waits for, and whose time it was so far."""
    with transaction(here.engine) as connection:
        told = standards.told(
            connection,
            number,
            calendar=here.calendar.now(),
            share=here.settings.standard_warning,
            now=here.clock.now(),
        )
    return views.status(_status(here, number), here.keys, told)


@router.get("/{number}/events")
def timeline(here: Here, _key: Reading, number: Number) -> models.Timeline:
    """Everything that happened to an application: who did what, when, why and on what legal basis."""
    with transaction(here.engine) as connection:
        events = queries.timeline(connection, number)
    if not events:
        raise unknown_application()
    return models.Timeline(number=number, events=[views.event(happened) for happened in events])


_CHANGED: dict[int | str, dict[str, Any]] = {
    403: {"description": "It was filed with another key, and this one lacks the scope `manage`"},
    409: {"description": "It has ended already"},
}


@router.post("/{number}/withdraw", responses=_CHANGED)
def withdraw(here: Here, key: Changing, number: Number) -> models.Changed:
    """Withdraw an application. It takes effect when no agency's answer is outstanding."""
    must_be_allowed(here, key, number)
    try:
        with transaction(here.engine) as connection:
            state = request_withdrawal(connection, number, actor=key.name, now=here.clock.now())
    except UnknownApplicationError:
        raise unknown_application() from None
    except ClosedError as error:
        raise Problem(409, "closed", f"{error}.") from None
    return models.Changed(number=number, state=state, pending=None if state == "withdrawn" else "withdraw")


@router.post(
    "/{number}/amend",
    status_code=202,
    responses=_CHANGED,
    openapi_extra=takes(models.Amendment),
)
def amend(here: Here, key: Changing, number: Number, raw: Body) -> models.Changed:
    """Change an application's form. Steps that it touches are asked anew once no agency's answer is outstanding."""
    must_be_allowed(here, key, number)
    amendment = read_body(models.Amendment, raw)
    found = _status(here, number)
    service = _service_of(here, found)
    problems = service.form.problems(amendment.form)
    if problems:
        raise invalid(problems)
    try:
        with transaction(here.engine) as connection:
            intake.amend(connection, number, amendment.form, here.keys, actor=key.name, now=here.clock.now())
    except ClosedError as error:
        raise Problem(409, "closed", f"{error}.") from None
    return models.Changed(number=number, state=found.summary.state, pending="amend")


def _unknown_consents(definition: Definition, given: Sequence[str]) -> list[FieldProblem]:
    known = ", ".join(definition.consents) or "-"
    told = Text(
        id=f"memuat persetujuan yang tidak ditanyakan; yang ditanyakan: {known}",
        en=f"has a consent that is not asked for; asked for: {known}",
    )
    return [] if set(given) <= definition.consents.keys() else [FieldProblem("/consents", told)]


def must_be_allowed(here: Context, key: ApiKey, number: str) -> None:
    """Refuse a key that may not change this application. Who filed it never changes, so asking first is safe.

    Raises:
        Problem: 404 when there is no such application, 403 when it is another key's.
    """
    with transaction(here.engine) as connection:
        allowed = api_keys.may_change(connection, key, number)
    if allowed is None:
        raise unknown_application()
    if not allowed:
        detail = "This application was filed with another key: change it there, or with a key of the scope manage."
        raise Problem(403, "not-yours", detail)


def _status(here: Context, number: str) -> queries.Status:
    with transaction(here.engine) as connection:
        found = queries.status(connection, number)
    if found is None:
        raise unknown_application()
    return found


def _service_of(here: Context, found: queries.Status) -> Service:
    service = here.service(found.summary.service, found.summary.version)
    if service is None:
        raise unknown_service()
    return service


def read_body(model: type[R], raw: bytes) -> R:
    """A request's body as its model.

    Raises:
        Problem: 400 when it is not JSON, 422 when it does not fit; neither quotes it.
    """
    try:
        plain = from_json(raw, allow_inf_nan=False)
    except ValueError:
        raise Problem(400, "not-json", "The request's body is not JSON text in UTF-8 (RFC 8259).") from None
    if not _finite(plain):
        raise Problem(400, "not-json", "The request's body holds a number that no computer can hold.")
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        raise invalid([_told(model, found) for found in error.errors(include_input=False)]) from None


def _finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _told(model: type[BaseModel], found: Any) -> FieldProblem:
    if found["type"] == "extra_forbidden":
        known = ", ".join(model.model_fields)
        return FieldProblem(
            "",
            Text(
                id=f"memuat isian yang tidak dikenal; yang dikenal: {known}",
                en=f"has a field that is not known; it knows: {known}",
            ),
        )
    # Only names of our own: deeper parts of a path would come from the sender.
    name = str(found["loc"][0]) if found["loc"] else ""
    message = str(found["msg"])
    return FieldProblem(f"/{name}" if name else "", Text(id=f"tidak sesuai: {message}", en=message))
