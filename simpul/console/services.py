"""Route on services: what can be applied for, and with which form."""

from typing import Annotated

from fastapi import APIRouter, Depends

from simpul.console import models
from simpul.console.auth import may_do_either
from simpul.console.context import Context, context
from simpul.ledger import dispatch, transaction
from simpul.ledger.api_keys import ApiKey

router = APIRouter(prefix="/v1/services", tags=["services"])


@router.get("")
def list_services(
    here: Annotated[Context, Depends(context)], _key: Annotated[ApiKey, Depends(may_do_either)]
) -> models.Services:
    """All services in their newest version, with the form as JSON Schema, the standard and the steps."""
    with transaction(here.engine) as connection:
        dags = dispatch.states(connection)
    return models.Services(
        services=[
            models.Service(
                service=found.definition.service,
                version=found.definition.version,
                title=found.definition.title,
                standard=found.definition.standard,
                owner=found.definition.owner,
                airflow=dags.get((found.definition.service, found.definition.version)),
                form=found.definition.form,
                steps=[
                    models.ServiceStep(
                        name=step.name, title=step.title, agency=step.agency, operation=step.operation, after=step.after
                    )
                    for step in found.definition.steps
                ],
            )
            for found in here.current_services()
        ]
    )
