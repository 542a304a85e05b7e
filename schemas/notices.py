"""Notices to citizens: that a message was handed over for sending. What it said is not kept."""

from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from schemas.base import Filled, Record
from schemas.privacy import personal

Channel = Literal["whatsapp", "sms", "email"]
Recipient = Annotated[Filled, personal("general", kind="contact")]


class Notice(Record):
    """A message that a gateway or mail server took over; whether it was read nobody knows."""

    schema_name: ClassVar[str] = "notice"

    channel: Channel
    recipient: Recipient
    status: Literal["accepted", "delivered", "failed"]
    message_id: Filled | None = Field(None, description="The gateway's number, or the mail's Message-ID")
    accepted_at: AwareDatetime | None = None
    reference: Filled | None = Field(None, description="Our reference, under which it is sent once")


RECORDS: tuple[type[Record], ...] = (Notice,)
