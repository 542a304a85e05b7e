"""Handing an email to the mail server: within the call's total deadline, encrypted, and cut off by the toolkit's watchdog."""

import contextlib
import smtplib
import socket
import ssl
import time
from email.message import EmailMessage

from connectors.notify import verdicts
from connectors.notify.settings import NotifySettings
from connectors.toolkit.deadline import WATCHDOG, Call, Lever


def send(message: EmailMessage, recipient: str, settings: NotifySettings) -> None:
    """Hands a message over; when this returns the server has taken it.

    Raises:
        AgencyError: It has not, or nobody knows.
    """
    call = Call(settings.call_deadline)
    WATCHDOG.watch(call)
    try:
        with _Line(settings, call) as server:
            if settings.smtp_security == "starttls":
                server.starttls(context=_context(settings))
            if settings.smtp_user is not None and settings.smtp_password is not None:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
            if call.over:
                raise verdicts.late()
            call.sent = True
            server.send_message(message, from_addr=settings.mail_from, to_addrs=[recipient])
    except (OSError, smtplib.SMTPException) as error:
        raise (verdicts.late() if call.expired else verdicts.of_mail(error)) from None
    finally:
        WATCHDOG.release(call)
        if call.lever is not None:
            call.lever.close()


class _Line(smtplib.SMTP):
    """A connection whose call has a lever on it from its first byte on, before TLS wraps it."""

    def __init__(self, settings: NotifySettings, call: Call) -> None:
        self._settings = settings
        self._call = call
        seconds = max(0.01, call.deadline - time.monotonic())
        super().__init__(settings.mail_host, settings.smtp_port, local_hostname="simpul.invalid", timeout=seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        line = socket.create_connection((host, port), timeout)
        self._call.lever = Lever(line)
        if self._settings.smtp_security != "tls":
            return line
        return _context(self._settings).wrap_socket(line, server_hostname=host)

    def __exit__(self, *trouble: object) -> None:
        # What the server thinks of our leaving changes nothing: the message was taken, or an error is under way.
        if trouble[0] is None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self.docmd("QUIT")
        self.close()


def _context(settings: NotifySettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.smtp_ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
