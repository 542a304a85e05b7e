"""A citizen's case as others may see it: where it stands and what its steps came to. Its form is not part of it."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field, PositiveInt

from schemas.base import Filled, Record
from schemas.identifiers import ApplicationNumber
from schemas.messages import Reason

ApplicationState = Literal["runnable", "in_wave", "waiting", "incident", "completed", "rejected", "withdrawn", "lapsed"]


class Outcome(Record):
    """What a step of an application came to. Immutable."""

    schema_name: ClassVar[str] = "outcome"

    number: ApplicationNumber
    step: Filled
    revision: PositiveInt
    outcome: Literal["done", "skipped", "rejected", "lapsed"]
    record_schema: Filled | None = Field(None, description="Name and version of the record it brought, if any")
    reason: Reason | None = None
    decided_at: AwareDatetime


class Application(Record):
    """One application for one service."""

    schema_name: ClassVar[str] = "application"

    number: ApplicationNumber
    service: Filled
    version: PositiveInt = Field(description="Version of the service's workflow that carries it")
    channel: Filled = Field(description="How it came in: counter, kiosk, mobile_unit, web")
    state: ApplicationState
    filed_at: AwareDatetime
    closed_at: AwareDatetime | None = None
    waiting_for: Filled | None = None
    waiting_since: AwareDatetime | None = None
    waiting_until: AwareDatetime | None = None
    outcomes: tuple[Outcome, ...] = ()
