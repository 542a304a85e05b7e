"""What travels in envelopes between engine, console, gateways and projector: requests, answers, and the ids that tie them.

Personal data are in `payload` only, as base64 of ciphertext; everything else may be read by an operator.
"""

from typing import ClassVar, Literal
from uuid import NAMESPACE_URL, uuid5

from pydantic import AwareDatetime, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt

from schemas.base import Filled, Part, Record
from schemas.text import Text

REQUEST = "id.simpul.request.v1"
OUTCOME = "id.simpul.outcome.v1"
EXCHANGE = "id.simpul.exchange.v1"
REPLY = "id.simpul.reply.v1"

_NAMESPACE = uuid5(NAMESPACE_URL, "urn:simpul:request")


def record_type(schema_id: str) -> str:
    """The CloudEvents type of a record: `person/1` is `id.simpul.record.person.v1`."""
    name, version = schema_id.split("/")
    return f"id.simpul.record.{name}.v{version}"


def request_id(subject: str, step: str, revision: int, ask: int) -> str:
    """The id of a request, 32 hex digits: the same question always has the same id.

    Args:
        subject: blinded application number.
        step: the step's name in its workflow.
        revision: rises only when an amendment or a forced rerun makes the step start afresh.
        ask: counts from 1 how often the step put its question anew, such as after a payment signal.
    """
    return uuid5(_NAMESPACE, f"{subject}/{step}/{revision}/{ask}").hex


def outcome_id(request: str) -> str:
    """The id of the outcome of a request."""
    return f"{request}:outcome"


def reply_id(request: str) -> str:
    """The id of the reply to an exchange."""
    return f"{request}:reply"


def record_id(request: str) -> str:
    """The id of the record that a request brought, also what its ciphertext is bound to."""
    return f"{request}:record"


class Reason(Part):
    """Why an agency said no, in words for the citizen."""

    code: Filled
    text: Text


class Failure(Part):
    """Why there is no answer, and whose move is next."""

    kind: Literal["retriable", "misconfigured", "in_doubt", "bad_data"]
    code: Filled
    diagnosis: Text
    owner: Literal["us", "agency", "citizen", "network"]


class RequestData(Record):
    """A call that a gateway is asked to make."""

    model_config = ConfigDict(extra="ignore")

    schema_name: ClassVar[str] = "request-message"

    operation: Filled = Field(description="Agency and operation, such as dukcapil.get_person")
    service: Filled
    version: PositiveInt
    step: Filled
    revision: PositiveInt
    ask: PositiveInt = 1
    reference: Filled = Field(description="What the agency knows the call by, and can be asked about it by")
    purpose: Filled
    legal_basis: Filled | None = None
    accept: Filled | None = Field(
        None, description="Expression over `record`; while it is false the answer is: not yet"
    )
    payload: str = Field(description="Base64 of the encrypted request")
    look_up: bool = Field(
        default=False,
        description="It may have happened: the agency is asked by our reference first, and sent nothing it knows",
    )


class OutcomeData(Record):
    """What came of a request, with the record itself, so that no other topic has to be read to go on."""

    model_config = ConfigDict(extra="ignore")

    schema_name: ClassVar[str] = "outcome-message"

    request_id: Filled
    operation: Filled
    step: Filled
    revision: PositiveInt
    ask: PositiveInt = 1
    reference: Filled
    outcome: Literal["done", "rejected", "pending", "failed"]
    record_schema: Filled | None = Field(None, description="Name and version of the record, such as person/1")
    payload: str | None = Field(None, description="Base64 of the encrypted record")
    reason: Reason | None = None
    failure: Failure | None = None
    tries: NonNegativeInt = Field(description="Calls that were made for this request, look-ups included")
    received_at: AwareDatetime | None = Field(None, description="The gateway took the request from the bus")
    sent_at: AwareDatetime | None = Field(None, description="The last call went out; none when nothing was sent")
    answered_at: AwareDatetime | None = Field(None, description="The last answer came in; none when none did")
    published_at: AwareDatetime | None = Field(None, description="The gateway gave the outcome to the bus")


class ExchangeData(Record):
    """A read that a console asks a gateway for while somebody waits. No step, no attempt: asking again does no harm."""

    model_config = ConfigDict(extra="ignore")

    schema_name: ClassVar[str] = "exchange-message"

    operation: Filled = Field(description="Agency and operation, such as dukcapil.get_person")
    purpose: Filled
    legal_basis: Filled | None = None
    until: AwareDatetime = Field(description="Nobody waits for the answer after it, so the agency is not asked")
    reply_to: NonNegativeInt = Field(description="Partition of the topic of replies")
    instance: Filled = Field(description="The console process that waits; a later one on the same partition does not")
    payload: str = Field(description="Base64 of the encrypted request")


class ReplyData(Record):
    """What came of an exchange: for the console process that asked, and nobody else."""

    model_config = ConfigDict(extra="ignore")

    schema_name: ClassVar[str] = "reply-message"

    request_id: Filled
    instance: Filled
    operation: Filled
    outcome: Literal["done", "rejected", "failed"]
    record_schema: Filled | None = Field(None, description="Name and version of the record, such as person/1")
    payload: str | None = Field(None, description="Base64 of the encrypted record")
    reason: Reason | None = None
    failure: Failure | None = None
    retry_after: NonNegativeFloat | None = Field(None, description="Seconds after which asking again may help")
    received_at: AwareDatetime | None = Field(None, description="The gateway took the request from the bus")
    sent_at: AwareDatetime | None = Field(None, description="The call went out; none when nothing was sent")
    answered_at: AwareDatetime | None = Field(None, description="The agency's answer came in; none when none did")
    published_at: AwareDatetime | None = Field(None, description="The gateway gave the reply to the bus")
