"""The connector for notices to citizens: one operation, three channels. Shapes and codes are beside it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from connectors.notify import mail, mapping, verdicts
from connectors.notify.requests import Message
from connectors.notify.settings import NotifySettings
from connectors.toolkit import RestConnector, operation
from schemas.notices import Notice


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Notify(RestConnector[NotifySettings]):
    """Messages to citizens: a WhatsApp and SMS gateway over REST, email over SMTP. Contract: [G].

    Args:
        settings: Read from the environment when not given.
        now: The clock that mails are dated with.
    """

    agency = "notify"

    def __init__(self, settings: NotifySettings | None = None, *, now: Callable[[], datetime] = _utc_now) -> None:
        super().__init__(settings)
        self._now = now

    def headers(self) -> Mapping[str, str]:
        """The token."""
        return {"Authorization": f"Bearer {self.settings.token.get_secret_value()}"}

    @operation(
        effect="idempotent", purpose="notice to an applicant", legal_basis="UU 25/2009", contract="G", lasts=True
    )
    def send(self, message: Message, *, reference: str) -> Notice:
        """Hands one message over for sending; the same reference again is not sent again.

        Raises:
            Rejected: Nothing can be sent to this number or address.
            Misconfigured: Token, login, sender or balance refused.
        """
        if message.channel == "email":
            return self._mail(message, reference)
        reply = self.exchange(
            "POST",
            "messages",
            json=mapping.body(message, self.settings.sender),
            headers={"Idempotency-Key": reference},
            accept=(400, 402, 409, 422),
        )
        if reply.status >= 400:
            raise verdicts.refusal(reply.json())
        return mapping.notice(reply.json(), message, reference)

    def _mail(self, message: Message, reference: str) -> Notice:
        sender, now = self.settings.mail_from, self._now()
        mail.send(mapping.mail(message, sender=sender, reference=reference, now=now), message.recipient, self.settings)
        return Notice(
            channel="email",
            recipient=message.recipient,
            status="accepted",
            message_id=mapping.message_id(sender, reference),
            accepted_at=now,
            reference=reference,
        )
