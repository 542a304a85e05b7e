"""The simulated message gateway [G], and a mail server beside it that starts and stops with the sandbox.

The gateway honours Idempotency-Key: the same key and message again are answered as before, another message under it is refused.
Numbers that end in 0000 cannot be written to, nor can addresses at `nobody.invalid`.
"""

import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors.notify.mailroom import Mail, Mailroom
from connectors.notify.settings import NotifySettings
from connectors.toolkit.examples import Example
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.sandbox import Answer, Incoming, SandboxAgency, json_answer

TOKEN, SENDER, MAIL_FROM = "sandbox-token", "MPP-SANDBOX", "mpp@sandbox.invalid"

Sent = tuple[Any, dict[str, Any]]


class Gateway:
    """The gateway's rules, without HTTP."""

    def __init__(self, agency: SandboxAgency, world: SandboxWorld) -> None:
        self.agency = agency
        self.world = world
        self.mailroom: Mailroom | None = None
        self.reset()

    def reset(self) -> None:
        """Nothing was sent."""
        self.sent: dict[str, Sent] = {}
        self.serial = itertools.count(1)
        if self.mailroom is not None:
            self.mailroom.mails.clear()

    def send(self, request: Incoming) -> Answer:
        """Takes a message, once per key."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _error("unauthorized", 401)
        body, key = request.json(), request.headers.get("idempotency-key", "")
        if not isinstance(body, dict) or body.get("channel") not in {"whatsapp", "sms"} or not key:
            return _error("invalid_request", 400)
        if (before := self.sent.get(key)) is not None:
            return json_answer(before[1]) if before[0] == body else _error("key_reused", 422)
        number = str(body.get("to") or "")
        if not number.startswith("+") or number.endswith("0000"):
            return _error("invalid_recipient", 400)
        answer = {
            "id": f"MSG-99{next(self.serial):08d}",
            "status": "queued",
            "accepted_at": self.world.now().isoformat(timespec="seconds"),
        }
        self.sent[key] = (body, answer)
        self.agency.wrote("send", key)
        return json_answer(answer, 202)

    def open_mailroom(self, host: str, port: int) -> Callable[[], None]:
        """Starts the mail server beside a sandbox server at this port."""
        self.mailroom = Mailroom(self._mailed)
        self.mailroom.start(host, mail_port(port))
        return self.mailroom.stop

    def _mailed(self, mail: Mail) -> None:
        self.agency.wrote("send", mail.message_id.strip("<>").partition("@")[0])


def mail_port(port: int) -> int:
    """Where the mail server of a sandbox server at this port is: a client knows that port alone."""
    return port + 10_000 if port < 32_768 else port - 31_000


def build(world: SandboxWorld) -> SandboxAgency:
    """The simulated agency."""
    agency = SandboxAgency("notify", world)
    gateway = Gateway(agency, world)
    agency.on("POST", "/v1/messages", "send", gateway.send)
    agency.on_start(gateway.open_mailroom)
    agency.on_reset(gateway.reset)
    return agency


def settings(base_url: str) -> NotifySettings:
    """Settings for this sandbox, behind a sandbox server at `base_url`."""
    return NotifySettings(
        base_url=f"{base_url}/notify/v1",
        token=SecretStr(TOKEN),
        sender=SENDER,
        smtp_port=mail_port(urlsplit(base_url).port or 80),
        smtp_security="none",
        mail_from=MAIL_FROM,
    )


EXAMPLES: dict[str, Example] = {
    "send": lambda scene: {
        "channel": "whatsapp",
        "recipient": f"0899{scene.number % 1_000_000:06d}01",
        "text": "Dokumen Anda sudah selesai.",
    },
}
"""A request of each operation that this sandbox answers with a record."""


def _error(code: str, status: int) -> Answer:
    return json_answer({"error": {"code": code, "message": code.replace("_", " ")}}, status)
