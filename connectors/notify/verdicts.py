"""What refusals of the gateway and of the mail server mean and what to do next."""

import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected, Retriable
from schemas.text import Text

RECIPIENT: Final = Text(
    id="Nomor atau alamat penerima tidak dapat dikirimi pesan. Perbarui data kontak pemohon.",
    en="No message can be sent to this number or address. Have the applicant's contact data corrected.",
)
BALANCE: Final = Text(
    id="Saldo atau kuota pesan habis. Isi ulang di penyedia gateway.",
    en="The balance or quota of messages is used up. Top it up at the gateway's provider.",
)
KEY: Final = Text(
    id="Kunci idempotensi ini sudah dipakai untuk pesan lain.",
    en="This idempotency key was used for another message.",
)
SENDER: Final = Text(
    id="Server surel menolak pengirim atau sambungan kita. Periksa mail_from dan smtp_security di pengaturan.",
    en="The mail server refused our sender or connection. Check mail_from and smtp_security in the settings.",
)

_CODES: Final[Mapping[str, Callable[[], AgencyError]]] = MappingProxyType(
    {
        "invalid_recipient": lambda: Rejected("RECIPIENT", reason=RECIPIENT),
        "insufficient_balance": lambda: Misconfigured("BALANCE", diagnosis=BALANCE),
        "key_reused": lambda: BadData("KEY_REUSED", diagnosis=KEY, owner="us", doubtful=False),
    }
)


def refusal(answer: Any) -> AgencyError:
    """What the gateway's `{"error": {"code"}}` refuses."""
    error = answer.get("error") if isinstance(answer, dict) else None
    make = _CODES.get(str(error.get("code")) if isinstance(error, dict) else "")
    return BadData("UNKNOWN_REFUSAL", diagnosis=diagnoses.BAD_REQUEST, owner="us") if make is None else make()


def of_mail(error: Exception) -> AgencyError:
    """What trouble with the mail server means. Whatever is doubtful may be sent again: its Message-ID is the same."""
    return next(make(error) for kind, make in _MAIL if isinstance(error, kind))


def late() -> Retriable:
    """The deadline passed."""
    return Retriable("DEADLINE", diagnosis=diagnoses.DEADLINE, doubtful=True)


def _busy(code: int) -> Retriable:
    return Retriable(f"SMTP_{code}", diagnosis=diagnoses.BUSY)


def _recipients(error: smtplib.SMTPRecipientsRefused) -> AgencyError:
    code = next((reply[0] for reply in error.recipients.values()), 0)
    return _busy(code) if 400 <= code < 500 else Rejected("RECIPIENT", reason=RECIPIENT)


def _said(error: smtplib.SMTPResponseException) -> AgencyError:
    code = error.smtp_code
    if 400 <= code < 500:
        return _busy(code)
    if isinstance(error, smtplib.SMTPDataError):
        return BadData(f"SMTP_{code}", diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Misconfigured("SMTP_LOGIN", diagnosis=diagnoses.CREDENTIALS)
    return Misconfigured(f"SMTP_{code}", diagnosis=SENDER)


def _lost(error: Exception) -> AgencyError:
    kind = type(error).__name__
    return Retriable(
        "CONNECTION_LOST", diagnosis=diagnoses.CONNECTION_LOST, owner="network", detail=kind, doubtful=True
    )


_MAIL: Final[tuple[tuple[type[Exception], Callable[[Any], AgencyError]], ...]] = (
    (smtplib.SMTPRecipientsRefused, _recipients),
    (smtplib.SMTPResponseException, _said),
    (smtplib.SMTPNotSupportedError, lambda _: Misconfigured("SMTP_SECURITY", diagnosis=SENDER)),
    (ssl.SSLCertVerificationError, lambda _: Misconfigured("TLS_CERTIFICATE", diagnosis=diagnoses.CERTIFICATE)),
    (TimeoutError, lambda _: late()),
    (socket.gaierror, lambda _: Retriable("UNKNOWN_HOST", diagnosis=diagnoses.UNKNOWN_HOST, owner="us")),
    (Exception, _lost),
)
"""By the first kind that fits: the exceptions of smtplib are OSErrors, too."""
