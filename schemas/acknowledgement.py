"""What an agency says of a write that brings nothing else: that it has taken it, under which number of its own."""

from typing import Annotated, ClassVar

from pydantic import AwareDatetime, Field

from schemas.base import Filled, Record
from schemas.privacy import personal


class Acknowledgement(Record):
    """An agency has taken what was sent to it. A write that brings data has a record of its own instead."""

    schema_name: ClassVar[str] = "acknowledgement"

    number: Annotated[Filled, personal("general")] | None = Field(None, description="The agency's number for it")
    status: Filled | None = Field(None, description="How it stands, in the agency's words")
    received_at: AwareDatetime | None = None
    reference: Filled | None = Field(None, description="Our reference that it was sent with")


RECORDS: tuple[type[Record], ...] = (Acknowledgement,)
