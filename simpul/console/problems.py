"""What the console answers when it cannot do what it was asked: problem documents (RFC 9457), never a value or a trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from schemas.text import Text
from simpul import telemetry
from simpul.ledger import UNAVAILABLE

MEDIA_TYPE = "application/problem+json"
_LOG = telemetry.logger(__name__)


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field.

    Args:
        pointer: JSON pointer (RFC 6901) into the request's body, or the parameter's name.
        message: What is wrong and what would be right; never the value.
    """

    pointer: str
    message: Text


@dataclass
class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """An answer that is not what was asked for.

    Args:
        slug: What kind of problem it is: the end of its `type`.
        detail: What happened and what to do.
        more: Further members of the document, such as the number of the application it is about.
    """

    status: int
    slug: str
    detail: str
    errors: Sequence[FieldProblem] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        body: dict[str, Any] = {
            "type": f"urn:simpul:problem:{self.slug}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        if self.errors:
            body["errors"] = [
                {"pointer": error.pointer, "message": {"id": error.message.id, "en": error.message.en}}
                for error in self.errors
            ]
        return body

    def response(self) -> JSONResponse:
        """The answer itself."""
        return JSONResponse(self.document(), self.status, dict(self.headers), MEDIA_TYPE)


def invalid(errors: Sequence[FieldProblem]) -> Problem:
    """422: these fields do not fit."""
    fields = ", ".join(sorted({error.pointer for error in errors})[:10])
    return Problem(422, "invalid", f"The request does not fit: look at {fields}.", errors)


def unknown_application() -> Problem:
    """404 for an application number that nobody has."""
    return Problem(404, "unknown-application", "There is no application of this number. Copy it from the receipt.")


def unknown_service() -> Problem:
    """404 for a service, or a version of it, that is not published."""
    return Problem(
        404, "unknown-service", "There is no such service in this version. GET /v1/services lists what can be filed."
    )


def failure(error_id: str) -> Problem:
    """500: our mistake, with the id under which the log tells more."""
    return Problem(
        500,
        "failure",
        "Something went wrong here; the request may be repeated with the same Idempotency-Key. "
        f"Tell the operator the error id {error_id}.",
        more={"error_id": error_id},
    )


_PLAIN: dict[int, tuple[str, str]] = {
    404: ("not-found", "There is nothing at this address. /docs lists what there is."),
    405: ("method-not-allowed", "This address does not take this method. /docs says which it takes."),
}


def install(app: FastAPI) -> None:
    """Make every refusal of the app a problem document."""

    async def problem(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)  # noqa: S101 - registered for this class
        return error.response()

    async def invalid_parameters(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class
        return invalid([_parameter(found) for found in error.errors()]).response()

    async def plain(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class
        slug, detail = _PLAIN.get(error.status_code, ("refused", "The request cannot be served."))
        return Problem(error.status_code, slug, detail, headers=dict(error.headers or {})).response()

    async def unreachable(_request: Request, error: Exception) -> JSONResponse:
        _LOG.warning("the ledger cannot be reached", error=error)
        detail = "The ledger cannot be reached at this moment. Nothing was filed; repeat with the same Idempotency-Key."
        return Problem(503, "ledger-unreachable", detail, headers={"Retry-After": "5"}).response()

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, invalid_parameters)
    app.add_exception_handler(HTTPException, plain)
    for kind in UNAVAILABLE:
        app.add_exception_handler(kind, unreachable)


def _parameter(found: Mapping[str, Any]) -> FieldProblem:
    """A path, query or header parameter that does not fit; pydantic's message without the value."""
    name = str(found["loc"][-1]) if found["loc"] else "request"
    message = str(found["msg"])
    return FieldProblem(name, Text(id=f"Tidak sesuai: {message}", en=message))
