"""Route on waves: what a DAG run carried. The log of each step in Airflow links here."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from simpul.console import models
from simpul.console.auth import may_read
from simpul.console.context import Context, context
from simpul.console.problems import Problem
from simpul.ledger import transaction, waves
from simpul.ledger.api_keys import ApiKey

router = APIRouter(prefix="/v1/waves", tags=["waves"])


@router.get("/{wave}")
def show_wave(
    wave: Annotated[str, Path(pattern=r"^wave_[0-9a-f]{32}$")],
    here: Annotated[Context, Depends(context)],
    _key: Annotated[ApiKey, Depends(may_read)],
) -> models.Wave:
    """A wave, how its run ended, and where the applications stand that it entered steps for."""
    with transaction(here.engine) as connection:
        found = waves.show(connection, wave)
    if found is None:
        raise Problem(404, "unknown-wave", "The ledger knows no wave of this id: the run was not started by Simpul.")
    return models.Wave(
        id=found.id,
        service=found.service,
        version=found.version,
        state=found.state,
        result=found.result,
        size=found.size,
        claimed_at=found.claimed_at,
        ended_at=found.ended_at,
        members=[models.WaveMember(number=number, state=state) for number, state in found.members],
    )
