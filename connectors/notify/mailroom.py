"""The sandbox's mail server: as much of SMTP as a client needs, on a port of its own, in a thread of its own.

It keeps no words, only who was written to, and drops a Message-ID that it has seen, as mail stores with duplicate suppression do.
"""

import asyncio
import email
import email.policy
import re
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass

MAX_BYTES = 1024 * 1024
REFUSED_DOMAIN = "nobody.invalid"

_TLS, _CONTENT, _BYE = ("220 go ahead",), ("354 go ahead",), ("221 bye",)

_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>\s]*)>.*", re.IGNORECASE)


@dataclass(frozen=True)
class Mail:
    """A mail that was taken."""

    message_id: str
    recipient: str
    subject: str


class Mailroom:
    """A mail server.

    Args:
        taken: Told of each mail that is new.
        tls: STARTTLS is offered, and asked for, when given.

    Attributes:
        mails: What was taken, each once.
    """

    def __init__(self, taken: Callable[[Mail], None], tls: ssl.SSLContext | None = None) -> None:
        self.mails: dict[str, Mail] = {}
        self._taken = taken
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox-mail", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    def start(self, host: str, port: int) -> int:
        """Listens from now on, and says on which port.

        Raises:
            OSError: The port is taken.
        """
        self._thread.start()
        starting = asyncio.start_server(self._talk, host, port, limit=MAX_BYTES)
        try:
            self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result()
        except OSError:
            self._end()
            raise
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    def stop(self) -> None:
        """Listens no more, and hangs up on everybody."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._loop).result()
        self._end()

    async def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
        for conversation in self._open:
            conversation.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.current_task()
        assert conversation is not None  # noqa: S101  (a server's callback is a task)
        self._open.add(conversation)
        try:
            await self._converse(reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(conversation)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = self._tls is None
        recipient: str | None = None
        writer.write(b"220 sandbox.invalid\r\n")
        while line := (await reader.readline()).decode("ascii", "replace").strip():
            verb, _, rest = line.partition(" ")
            said, recipient = self._said(verb.upper(), rest, recipient, secure=secure)
            writer.write("".join(f"{one}\r\n" for one in said).encode())
            await writer.drain()
            if said == _TLS and self._tls is not None:
                await writer.start_tls(self._tls)
                secure = True
            elif said == _CONTENT and recipient is not None:
                self._take(await reader.readuntil(b"\r\n.\r\n"), recipient)
                recipient = None
                writer.write(b"250 taken\r\n")
            elif said == _BYE:
                return

    @staticmethod
    def _said(verb: str, rest: str, recipient: str | None, *, secure: bool) -> tuple[tuple[str, ...], str | None]:
        """What a command is answered, and who is written to from then on."""
        always: dict[str, tuple[str, ...]] = {
            "EHLO": ("250-sandbox.invalid", "250 8BITMIME" if secure else "250 STARTTLS"),
            "NOOP": ("250 OK",),
            "RSET": ("250 OK",),
            "QUIT": _BYE,
            **({} if secure else {"STARTTLS": _TLS}),
        }
        if verb in always or not secure:
            return always.get(verb, ("530 STARTTLS first",)), None
        path = _PATH.fullmatch(rest)
        if path and verb in {"MAIL", "RCPT"}:
            known = not path[1].endswith(f"@{REFUSED_DOMAIN}")
            return ("250 OK" if known else "550 no such mailbox",), path[1] if known and verb == "RCPT" else None
        return _CONTENT if verb == "DATA" and recipient else ("503 not now",), recipient

    def _take(self, content: bytes, recipient: str) -> None:
        message = email.message_from_bytes(content.removesuffix(b".\r\n"), policy=email.policy.default)
        mail = Mail(str(message["Message-ID"] or ""), recipient, str(message["Subject"] or ""))
        if mail.message_id not in self.mails:
            self.mails[mail.message_id] = mail
            self._taken(mail)
