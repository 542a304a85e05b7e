"""Routes on documents that were issued: which there are, a copy, and declaring one void."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from simpul.console import models
from simpul.console.applications import Body, Changing, Here, Number, must_be_allowed, read_body, takes
from simpul.console.auth import may_manage
from simpul.console.check import opened
from simpul.console.context import Context
from simpul.console.problems import Problem
from simpul.ledger import papers, transaction
from simpul.ledger.api_keys import ApiKey
from simpul.ledger.papers import Paper

router = APIRouter(prefix="/v1/documents", tags=["documents"])

Managing = Annotated[ApiKey, Depends(may_manage)]
StepName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
_YOURS: dict[int | str, dict[str, Any]] = {
    403: {"description": "It was filed with another key, and this one lacks the scope `manage`"},
    404: {"description": "No such application or document"},
}


@router.get("/{number}", responses=_YOURS)
def list_documents(here: Here, key: Changing, number: Number) -> models.Documents:
    """The documents that were issued for an application."""
    must_be_allowed(here, key, number)
    with transaction(here.engine) as connection:
        found = papers.of(connection, number)
    return models.Documents(documents=[_shown(here, paper) for paper in found])


@router.get(
    "/{number}/{step}", response_class=Response, responses={**_YOURS, 200: {"content": {"application/pdf": {}}}}
)
def fetch(here: Here, key: Changing, number: Number, step: StepName) -> Response:
    """A copy of a document for the citizen: signed, once it is. Who fetched it is an event."""
    must_be_allowed(here, key, number)
    with transaction(here.engine) as connection:
        found = next((paper for paper in papers.of(connection, number) if paper.step == step), None)
        if found is None:
            raise _no_document()
        papers.fetched(connection, found, actor=key.name, now=here.clock.now())
    _, _, content = opened(found, here.keys)
    name = f'attachment; filename="{number}-{step}.pdf"'
    return Response(base64.b64decode(content), media_type="application/pdf", headers={"Content-Disposition": name})


@router.post("/{number}/{step}/withdraw", responses=_YOURS, openapi_extra=takes(models.NewVoid))
def withdraw(here: Here, key: Managing, number: Number, step: StepName, raw: Body) -> models.IssuedDocument:
    """Declare a document void. Whoever checks it is told so from now on; it cannot be undone, only issued anew."""
    new = read_body(models.NewVoid, raw)
    with transaction(here.engine) as connection:
        if not papers.withdraw(connection, number, step, new.reason, actor=key.name, now=here.clock.now()):
            raise _no_document()
        found = next(paper for paper in papers.of(connection, number) if paper.step == step)
    return _shown(here, found)


def _shown(here: Context, paper: Paper) -> models.IssuedDocument:
    issued, digest, _ = opened(paper, here.keys)
    return models.IssuedDocument(
        step=paper.step or "",
        number=issued.number,
        title=issued.title,
        issuer=issued.issuer,
        issued_at=issued.issued_at,
        state="valid" if paper.valid else "withdrawn",
        signed=paper.signed,
        sha256=digest,
        check_url=issued.check_url,
    )


def _no_document() -> Problem:
    return Problem(404, "no-document", "There is no document of this step, or it is void: look at the list.")
