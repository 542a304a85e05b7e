"""The envelope of every message: CloudEvents 1.0 in structured JSON. What `data` holds is in `schemas.messages`."""

from typing import Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field

from schemas.base import Filled, Record


class Envelope(Record):
    """One CloudEvent. Attributes we do not know are passed over, as the CloudEvents specification asks of consumers."""

    model_config = ConfigDict(extra="ignore")

    schema_name: ClassVar[str] = "envelope"

    specversion: Literal["1.0"] = "1.0"
    id: Filled = Field(description="Deterministic, so that a repeat can be told from something new")
    source: Filled = Field(description="Which process of which installation, such as /simpul/99/gateway/dukcapil")
    type: Filled
    subject: Filled = Field(description="Blinded application number")
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: Filled | None = None
    traceparent: Filled | None = Field(None, description="W3C Trace Context; one that cannot be read is ignored")
    datakey: Filled | None = Field(None, description="Base64 of the wrapped data key that opens the payload")
    data: dict[str, Any]

    def to_bytes(self) -> bytes:
        """Structured-mode JSON in UTF-8, without attributes that are not set."""
        return self.__pydantic_serializer__.to_json(self, exclude_none=True)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read structured-mode JSON.

        Raises:
            ValidationError: not a CloudEvent of version 1.0; the error does not show the input.
        """
        return cls.model_validate_json(data)
