"""Between a message and the shapes of gateway and mail, both ways. Pure functions."""

import hashlib
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final, Literal

from connectors.notify.requests import Message, phone
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from connectors.toolkit.reading import moment, needed
from schemas.notices import Notice

_STATUSES: Final[dict[str, Literal["accepted", "delivered", "failed"]]] = {
    "queued": "accepted",
    "accepted": "accepted",
    "sent": "accepted",
    "delivered": "delivered",
    "read": "delivered",
    "failed": "failed",
    "undelivered": "failed",
}


def body(message: Message, sender: str) -> dict[str, str]:
    """A message as the gateway wants it. WhatsApp and SMS have no subject: it becomes the first line."""
    text = f"{message.subject}\n\n{message.text}" if message.subject else message.text
    return {"channel": message.channel, "from": sender, "to": phone(message.recipient), "text": text}


def notice(answer: Any, message: Message, reference: str) -> Notice:
    """What the gateway says of a message.

    Raises:
        BadData: It cannot be read.
    """
    if not isinstance(answer, dict):
        raise BadData("NOT_AN_OBJECT", diagnosis=diagnoses.UNREADABLE)
    status = _STATUSES.get(needed(answer.get("status"), "status").lower())
    if status is None:
        raise BadData("STATUS", diagnosis=diagnoses.UNREADABLE, field="status")
    return Notice(
        channel=message.channel,
        recipient=phone(message.recipient),
        status=status,
        message_id=needed(answer.get("id"), "id"),
        accepted_at=moment(answer.get("accepted_at"), "accepted_at"),
        reference=reference,
    )


def mail(message: Message, *, sender: str, reference: str, now: datetime) -> EmailMessage:
    """A message as an email; the same reference makes the same Message-ID."""
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = message.recipient
    made["Subject"] = message.subject or ""
    made["Date"] = format_datetime(now)
    made["Message-ID"] = message_id(sender, reference)
    # So that no out-of-office answer comes back.
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(message.text)
    return made


def message_id(sender: str, reference: str) -> str:
    """The Message-ID of what is sent under a reference; hashed, because mails are shown to many machines."""
    digest = hashlib.sha256(f"notify:{reference}".encode()).hexdigest()[:40]
    return f"<{digest}@{sender.partition('@')[2]}>"
