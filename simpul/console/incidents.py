"""Routes on incidents: what needs an operator, what is known of it, and what an operator decides."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from schemas.identifiers import ApplicationNumber
from simpul.console import models, views
from simpul.console.applications import Body, Here, read_body, takes
from simpul.console.auth import may_manage
from simpul.console.problems import Problem
from simpul.ledger import incidents, transaction
from simpul.ledger.api_keys import ApiKey
from simpul.ledger.incidents import CannotResolveError, Resolution, UnknownIncidentError

router = APIRouter(prefix="/v1/incidents", tags=["incidents"])

Managing = Annotated[ApiKey, Depends(may_manage)]
Id = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("")
def list_incidents(
    here: Here,
    _key: Managing,
    *,
    application: Annotated[ApplicationNumber | None, Query(description="Of this application")] = None,
    service: Annotated[models.ServiceName | None, Query(description="Of this service")] = None,
    agency: Annotated[str | None, Query(max_length=64, description="Of this agency")] = None,
    kind: Annotated[str | None, Query(max_length=64, description="Of this kind, such as in_doubt")] = None,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> models.IncidentPage:
    """Open incidents, oldest first."""
    with transaction(here.engine) as connection:
        found = incidents.listing(
            connection, application=application, service=service, agency=agency, kind=kind, after=after, limit=limit
        )
    return models.IncidentPage(
        incidents=[views.incident(each) for each in found], next=found[-1].id if len(found) == limit else None
    )


@router.get("/{incident}", responses={404: {"description": "No such incident"}})
def show_incident(here: Here, _key: Managing, incident: Id) -> models.KnownIncident:
    """Everything about one incident: the reference to ask the agency by, its events, and what may be done."""
    try:
        with transaction(here.engine) as connection:
            known = incidents.known(connection, incident)
    except UnknownIncidentError:
        raise _unknown() from None
    return models.KnownIncident(
        **views.incident(known.incident).model_dump(),
        state=known.state,
        operation=known.operation,
        effect=known.effect,
        sent=known.sent,
        reference=known.reference,
        may=list(known.may),
        events=[views.event(each) for each in known.events],
    )


@router.post(
    "/{incident}",
    responses={
        404: {"description": "No such incident"},
        409: {"description": "It is resolved already, or cannot be resolved like this; `detail` says how it can"},
    },
    openapi_extra=takes(models.NewResolution),
)
def resolve(here: Here, key: Managing, incident: Id, raw: Body) -> models.Resolved:
    """Say what is to happen, and why; the reason becomes an event."""
    new = read_body(models.NewResolution, raw)
    told = incidents.told(new.told.id, new.told.en) if new.told else None
    how = Resolution(new.do, new.reason, told=told, force=new.force)
    try:
        with transaction(here.engine) as connection:
            state = incidents.resolve(connection, incident, how, actor=key.name, now=here.clock.now())
    except UnknownIncidentError:
        raise _unknown() from None
    except CannotResolveError as error:
        raise Problem(409, "cannot-resolve", f"{error}.") from None
    return models.Resolved(incident=incident, did=new.do, state=state)


def _unknown() -> Problem:
    return Problem(
        404, "unknown-incident", "There is no incident of this id. GET /v1/incidents lists those that are open."
    )
