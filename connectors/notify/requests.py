"""What a caller wants said to a citizen. The words are the caller's, in the citizen's language; nothing is filled in here."""

import re
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.notices import Channel, Recipient
from schemas.privacy import personal

_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")
_MAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Message(BaseModel):
    """One message to one citizen."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    channel: Channel
    recipient: Recipient = Field(description="A telephone number, 08… or +62…, or for email an address")
    subject: Annotated[str, Field(min_length=1, max_length=200), personal("general")] | None = None
    text: Annotated[str, Field(min_length=1, max_length=4000), personal("general")]

    @model_validator(mode="after")
    def _can_be_sent(self) -> Self:
        # A line break in either would be the beginning of a header, or of a command to the mail server.
        if _CONTROL.search(self.recipient) or _CONTROL.search(self.subject or ""):
            raise ValueError("recipient and subject are one line each, without control characters")
        if _CONTROL_BUT_LINES.search(self.text):
            raise ValueError("text holds control characters")
        if self.channel != "email":
            if _PHONE.fullmatch(phone(self.recipient)) is None:
                raise ValueError("recipient is no telephone number: 08… or +62…")
            return self
        if len(self.recipient) > 254 or _MAIL.fullmatch(self.recipient) is None:
            raise ValueError("recipient is no email address")
        if self.subject is None:
            raise ValueError("an email has a subject")
        return self


def phone(written: str) -> str:
    """A telephone number in international form: `0812-…` and `62812…` are `+62812…`."""
    digits = re.sub(r"[ .()-]", "", written)
    if digits.startswith("0"):
        return f"+62{digits[1:]}"
    return f"+{digits}" if digits.startswith("62") else digits
