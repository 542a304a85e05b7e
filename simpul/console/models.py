"""The shapes of the console's requests and answers, as the API's documentation shows them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from connectors.notify.requests import Message
from schemas import notices
from schemas.identifiers import ApplicationNumber
from schemas.text import Text

Channel = Literal["counter", "mobile", "kiosk", "web"]
State = Literal["runnable", "in_wave", "waiting", "incident", "completed", "rejected", "withdrawn", "lapsed"]
Ground = Literal["elderly", "disabled", "pregnant", "child"]
ServiceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Contact(_Request):
    """Where the citizen is told how it goes, and in which language."""

    channel: notices.Channel
    recipient: Annotated[
        str, Field(min_length=3, max_length=254, description="A telephone number, or an email address")
    ]
    language: Literal["id", "en"] = "id"

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        # The connector's own rules: a misspelt number is found here, while the citizen is still there.
        try:
            Message(channel=self.channel, recipient=self.recipient, subject="-", text="-")
        except ValidationError as error:
            raise ValueError(error.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")) from None
        return self


class NewApplication(_Request):
    """An application as a counter, a mobile unit, a kiosk or the web files it."""

    service: ServiceName = Field(description="One of GET /v1/services")
    version: int | None = Field(default=None, ge=1, le=10_000, description="Of the service; the newest when left out")
    channel: Channel
    form: dict[str, Any] = Field(description="As the service's form (JSON Schema) asks")
    consents: tuple[Annotated[str, Field(max_length=100)], ...] = Field(
        (), max_length=50, description="Steps that may fetch a record: the citizen has agreed at the counter"
    )
    contact: Contact | None = Field(None, description="Where notices go; without it the citizen is sent none")
    vulnerable: Ground | None = Field(
        None,
        description="Why it goes first, if it does; needs a key of the scope priority. Kept sealed, shown to who decides",
    )


class Amendment(_Request):
    """The whole form again, as it should have been."""

    form: dict[str, Any]


PersonName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00-\x1f]+$",
        description="Who acts, as the counter's system names them",
    ),
]
MissingThing = Annotated[str, Field(min_length=1, max_length=500)]


class NewDecision(_Request):
    """An officer's decision."""

    decision: Literal["approve", "reject", "return"]
    by: PersonName
    note: Annotated[str, Field(min_length=1, max_length=4000)] | None = Field(
        None, description="Kept with the case, not shown"
    )
    findings: dict[str, Any] = Field(
        default_factory=dict, description="What the task asks the officer to enter, by name"
    )
    reason: Text | None = Field(None, description="What the citizen is told; needed to reject")
    missing: list[MissingThing] = Field(default_factory=list, max_length=20, description="Needed to return")


class NewAnswers(_Request):
    """What the citizen answers or hands in."""

    step: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
    answers: dict[str, Any]
    by: PersonName | None = Field(None, description="Who took it in; the citizen when left out")


Purpose = Annotated[
    str,
    Field(
        min_length=3,
        max_length=200,
        pattern=r"^(?:\d{0,6}[^\d\x00-\x1f]+)*\d{0,6}$",
        description="Why, in words for the record of processing; no number of a person",
    ),
]


class NewExchange(_Request):
    """A read that somebody waits for."""

    request: dict[str, Any] = Field(description="As the operation asks: see `simpul connector list`")
    purpose: Purpose
    legal_basis: Purpose | None = Field(None, description="The law it rests on; the operation's own when left out")
    application: ApplicationNumber | None = Field(None, description="The application it is for, if it is for one")


OperatorsReason = Annotated[
    str,
    Field(
        min_length=3,
        max_length=500,
        pattern=r"^(?:\d{0,9}[^\d\x00-\x1f]+)*\d{0,9}$",
        description="Why, or what was found out; kept as an event, so no number of a person",
    ),
]


class NewResolution(_Request):
    """What an operator decides about an incident."""

    do: Literal["retry", "look_up", "reject", "skip", "withdraw", "note"] = Field(
        description="Ask the step again; ask the agency by our reference first; the step is rejected; what it was to undo "
        "was undone by hand; the application is withdrawn; or only write the reason down"
    )
    reason: OperatorsReason
    told: Text | None = Field(None, description="What the citizen is told; needed to reject")
    force: bool = Field(default=False, description="With retry: also where a write may happen twice")


class NewVoid(_Request):
    """Why a document no longer holds."""

    reason: OperatorsReason


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class ExchangeTimes(_Answer):
    """The four moments of the call at the agency's gateway."""

    received_at: datetime | None = Field(None, description="The gateway took the request from the bus")
    sent_at: datetime | None = Field(None, description="The call went out")
    answered_at: datetime | None = Field(None, description="The agency's answer came in")
    published_at: datetime | None = Field(None, description="The gateway gave the reply to the bus")


class Exchanged(_Answer):
    """What the agency answered."""

    exchange: str = Field(description="The id under which events tell of it")
    operation: str
    record_schema: str = Field(description="Name and version, such as person/1")
    record: dict[str, Any]
    times: ExchangeTimes


class Receipt(_Answer):
    """What the citizen takes home."""

    number: str
    display: str = Field(description="The number as it is printed and read out")
    state: str
    url: str


class BillToPay(_Answer):
    """The bill that an application waits for."""

    billing_code: str = Field(description="The treasury's billing code, or the number of the virtual account")
    amount: Decimal
    currency: str
    expires_at: datetime | None


class Waiting(_Answer):
    """What an application waits for."""

    what: str = Field(description="agency:<agency>, payment, officer:<group>, or citizen")
    whom: str = Field(description="Whose move it is: an agency, a group of officers, or the citizen")
    step: str | None
    since: datetime
    until: datetime | None
    bill: BillToPay | None = None
    missing: list[str] = Field(default_factory=list, description="What an officer found missing")
    wants: list["Wanted"] = Field(default_factory=list, description="What the citizen is asked for")
    consent: "ConsentAsked | None" = Field(
        None, description="Where the citizen is asked whether a record may be fetched"
    )


class Gathered(_Answer):
    """What was fetched from an agency in the citizen's stead, in clear, for the citizen to look at."""

    step: str
    title: str
    operation: str
    instead: str = Field(description="The question that was agreed to")
    record: dict[str, Any]


class AllGathered(_Answer):
    """Everything that was fetched for an application with consent."""

    gathered: list[Gathered]


class ConsentAsked(_Answer):
    """What would be fetched, from whom and why, if the citizen agrees."""

    agency: str
    operation: str
    purpose: str | None
    legal_basis: str | None


class RecordSummary(_Answer):
    """A record that a step brought: what it is, and a proof of it; not what it says."""

    schema_id: str
    digest: str = Field(description="SHA-256 of the ciphertext, as in the events")


class Step(_Answer):
    """One step of an application."""

    name: str
    title: str
    agency: str
    operation: str
    revision: int
    state: str = Field(description="not_started, open, in_flight, waiting, failed or closed")
    outcome: str | None
    opened_at: datetime | None
    decided_at: datetime | None
    reason: dict[str, Any] | None
    record: RecordSummary | None


class Incident(_Answer):
    """Why an operator is called."""

    kind: str
    diagnosis: Text
    owner: str = Field(description="Who moves next: us, agency, citizen or network")
    agency: str | None
    step: str | None
    since: datetime


class ApplicationSummary(_Answer):
    """An application in a list."""

    number: str
    display: str
    service: str
    version: int
    channel: str
    state: State
    since: datetime
    waiting_for: str | None
    waiting_step: str | None
    until: datetime | None
    received_at: datetime
    closed_at: datetime | None
    due_at: datetime | None = Field(description="End of the service standard, as last counted")
    warned_at: datetime | None
    breached_at: datetime | None = Field(description="When the standard had run out")


class TimeOf(_Answer):
    """How much of an application's time was whose."""

    owner: str = Field(description="agency:<agency>, officer, citizen, payment, outage or bus")
    seconds: int
    working_seconds: int = Field(description="Of these, in office hours")


class Clock(_Answer):
    """An application's time against its service standard. Working time where the standard is of working days or hours."""

    standard: str | None = Field(description="As promised when it was filed; null where none can be counted")
    due: datetime | None = Field(description="If the clock runs from now on")
    used_seconds: int | None
    allowed_seconds: int | None
    running: bool = Field(description="False while the clock is stopped, or after the end")
    whose: str = Field(description="Whose the time is now, or was last")
    warned_at: datetime | None
    breached_at: datetime | None
    parts: list[TimeOf]


class ApplicationStatus(_Answer):
    """Where an application stands."""

    number: str
    display: str
    service: str
    version: int
    title: str
    standard: str
    channel: str
    state: State
    since: datetime
    received_at: datetime
    closed_at: datetime | None
    pending: str | None = Field(description="withdraw or amend: asked for, and not yet in effect")
    form_version: int
    clock: Clock | None
    waiting: Waiting | None
    steps: list[Step]
    incidents: list[Incident]


class ApplicationPage(_Answer):
    """A page of applications, newest first; `next` goes into `before` of the next request."""

    applications: list[ApplicationSummary]
    next: str | None


class TimelineEvent(_Answer):
    """One thing that happened to an application."""

    at: datetime
    actor: str
    action: str
    meaning: str
    step: str | None
    revision: int | None
    agency: str | None
    operation: str | None
    purpose: str | None
    legal_basis: str | None
    digest: str | None
    state: str | None
    detail: dict[str, Any]


class Timeline(_Answer):
    """Everything that happened to an application, oldest first."""

    number: str
    events: list[TimelineEvent]


class Wanted(_Answer):
    """One thing that people are asked for."""

    name: str
    title: str
    kind: str = Field(description="text, date, number, yes_no or paper")
    required: bool


class TaskSummary(_Answer):
    """Something that an officer has to decide."""

    number: str
    display: str
    service: str
    service_title: str
    step: str
    title: str
    group: str
    state: str = Field(description="open, or confirming: a second officer has to")
    channel: str
    priority: int = Field(description="Above 0: vulnerable groups")
    opened_at: datetime
    until: datetime | None
    escalated_at: datetime | None
    first_by: str | None


class TaskPage(_Answer):
    """A page of tasks; `next` goes into `after` of the next request."""

    tasks: list[TaskSummary]
    next: str | None


class TaskDetail(TaskSummary):
    """A task with everything that the decision rests on, in clear."""

    wants: list[Wanted]
    form: dict[str, Any]
    records: dict[str, Any] = Field(description="By step")
    vulnerable: Ground | None = Field(description="Why it has priority")
    supplements: list[dict[str, Any]] = Field(description="What the citizen brought when asked")
    entered: dict[str, Any] = Field(description="What the first officer entered")


class Decided(_Answer):
    """Where the application stands after a decision or an answer."""

    number: str
    step: str
    state: str


class Checked(_Answer):
    """What whoever has a document may know of it."""

    title: str
    issuer: str
    issued_on: date
    state: Literal["valid", "withdrawn"]
    signed: bool
    sha256: str = Field(description="Of the document as it is handed out")
    file: Literal["same", "different", "malformed"] | None = Field(
        description="Against the `sha256` that was asked about"
    )


class IssuedDocument(_Answer):
    """A document that was made for an application."""

    step: str
    number: str
    title: str
    issuer: str
    issued_at: datetime
    state: Literal["valid", "withdrawn"]
    signed: bool
    sha256: str
    check_url: str


class Documents(_Answer):
    """The documents of an application."""

    documents: list[IssuedDocument]


class ServiceStep(_Answer):
    """A step of a service's workflow."""

    name: str
    title: str
    agency: str
    operation: str
    after: tuple[str, ...]


class Service(_Answer):
    """A service that can be applied for."""

    service: str
    version: int
    title: str
    standard: str
    owner: str
    airflow: str | None = Field(
        description="How its DAG was last seen: active, paused, missing, broken, unreachable; null before the first look"
    )
    form: dict[str, Any] = Field(description="JSON Schema (Draft 2020-12) of the form")
    steps: list[ServiceStep]


class Services(_Answer):
    """All services, each in its newest version."""

    services: list[Service]


class Changed(_Answer):
    """The state after a withdrawal or an amendment was asked for."""

    number: str
    state: str
    pending: str | None


class WaveMember(_Answer):
    """An application that a wave entered steps for."""

    number: str
    state: State


class Wave(_Answer):
    """What one DAG run carried."""

    id: str = Field(description="Also the run's id in Airflow")
    service: str
    version: int
    state: str = Field(description="claimed, started, ended or lost")
    result: str | None = Field(description="success, failed, missing or refused")
    size: int
    claimed_at: datetime
    ended_at: datetime | None
    members: list[WaveMember]


class OpenIncident(_Answer):
    """Something that cannot go on, or that somebody must look at."""

    id: int
    application: str | None
    service: str | None
    agency: str | None
    step: str | None
    kind: str
    diagnosis: Text
    owner: str = Field(description="Who moves next: us, agency, citizen or network")
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: str | None


class IncidentPage(_Answer):
    """A page of incidents; `next` goes into `after` of the next request."""

    incidents: list[OpenIncident]
    next: int | None


class KnownIncident(OpenIncident):
    """An incident with everything that helps to resolve it."""

    state: str | None = Field(description="Of the application")
    operation: str | None
    effect: str | None
    sent: bool = Field(description="The step's request has gone out, so the agency may know of it")
    reference: str | None = Field(description="What the agency can be asked by")
    may: list[str] = Field(description="What resolving may do, without force")
    events: list[TimelineEvent]


class Resolved(_Answer):
    """What was done about an incident."""

    incident: int
    did: str
    state: str | None = Field(description="Of the application after it")
