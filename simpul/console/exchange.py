"""Route on the exchange: asking an agency from a counter. Reads only; for everything else there are applications."""

import json
import math
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from connectors.toolkit import Operation
from connectors.toolkit.errors import AgencyError, Rejected
from schemas.text import Text
from simpul.console import models
from simpul.console.applications import Body, Here, read_body, takes
from simpul.console.auth import may_ask
from simpul.console.problems import FieldProblem, Problem, invalid, unknown_application
from simpul.exchange import BusyError, Question, of_operation
from simpul.ledger.api_keys import ApiKey
from simpul.ledger.exchanges import NoSuchApplicationError

router = APIRouter(prefix="/v1/exchange", tags=["exchange"])

_NAME = r"^[a-z][a-z0-9_]{0,62}$"
_LATE = frozenset({"NO_ANSWER", "DEADLINE"})
_STATUS = {"rejected": 422, "retriable": 503, "misconfigured": 503, "bad_data": 502, "in_doubt": 502}
_USUAL_WAIT = 5.0


@router.post(
    "/{agency}.{operation}",
    responses={
        403: {"description": "The key lacks the scope `exchange`, or the operation is no read"},
        404: {"description": "No such operation, or no such application"},
        422: {"description": "The request does not fit, or the agency says no: `reason` is for the citizen"},
        429: {"description": "Too many questions to this agency are under way here; see Retry-After"},
        502: {"description": "The agency's answer cannot be understood"},
        503: {"description": "The agency cannot be asked now; see Retry-After where asking again may help"},
        504: {"description": "No answer came in time; see Retry-After"},
    },
    openapi_extra=takes(models.NewExchange),
)
async def ask(
    *,
    here: Here,
    key: Annotated[ApiKey, Depends(may_ask)],
    agency: Annotated[str, Path(pattern=_NAME)],
    operation: Annotated[str, Path(pattern=_NAME)],
    raw: Body,
    traceparent: Annotated[str | None, Header(max_length=200)] = None,
) -> models.Exchanged:
    """Ask an agency something, and wait for its answer.

    Every question is recorded with who asked, what for and on what legal basis. Asking again does no harm.
    """
    asked = await run_in_threadpool(_read, agency, operation)
    new = read_body(models.NewExchange, raw)
    question = Question(
        operation=asked,
        request=_fitting(asked, new.request),
        actor=key.name,
        purpose=new.purpose,
        legal_basis=new.legal_basis or asked.legal_basis,
        application=new.application,
        traceparent=traceparent,
    )
    try:
        answer = await here.desk.ask(question)
    except NoSuchApplicationError:
        raise unknown_application() from None
    except BusyError:
        detail = "Too many questions to this agency are under way here. Ask again shortly."
        raise Problem(429, "busy", detail, headers={"Retry-After": "1"}) from None
    except AgencyError as error:
        raise _problem(error) from None
    return models.Exchanged(
        exchange=answer.exchange,
        operation=asked.qualified,
        record_schema=answer.record.schema_id(),
        record=answer.record.model_dump(mode="json"),
        times=models.ExchangeTimes(**answer.times),
    )


def _read(agency: str, name: str) -> Operation:
    operation = of_operation(agency, name)
    if operation is None:
        raise Problem(404, "unknown-operation", "No connector offers this operation: see `simpul connector list`.")
    if operation.effect != "read":
        detail = (
            "This operation does something at the agency. Only reads can be asked for directly: file an application."
        )
        raise Problem(403, "not-a-read", detail)
    return operation


def _fitting(operation: Operation, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request, if it is as the operation asks.

    Raises:
        Problem: 422 with the fields that do not fit; names of our own only, and no value.
    """
    model = operation.request
    try:
        model.model_validate_json(json.dumps(request))
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        raise invalid([_field(problem, model.model_fields) for problem in problems]) from None
    return request


def _field(problem: Any, known: Mapping[str, Any]) -> FieldProblem:
    if problem["type"] == "extra_forbidden":
        names = ", ".join(known)
        return FieldProblem("/request", Text(id=f"isian yang dikenal: {names}", en=f"it knows the fields: {names}"))
    name = str(problem["loc"][0]) if problem["loc"] else ""
    pointer = f"/request/{name}" if name in known else "/request"
    return FieldProblem(pointer, Text(id=f"tidak sesuai: {problem['msg']}", en=problem["msg"]))


def _problem(error: AgencyError) -> Problem:
    """An agency's error as a problem document. What it says comes from our tables and holds nothing personal."""
    said = error.reason if isinstance(error, Rejected) else error.diagnosis
    status = 504 if error.code in _LATE else _STATUS[error.kind]
    headers = {}
    if error.kind == "retriable":
        wait = getattr(error, "retry_after", None) or _USUAL_WAIT
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    more: dict[str, Any] = {"code": error.code, "owner": error.owner}
    more["reason" if isinstance(error, Rejected) else "diagnosis"] = {"id": said.id, "en": said.en}
    return Problem(status, error.kind.replace("_", "-"), said.en, headers=headers, more=more)
