"""What immigration's codes and WS-Security's faults mean, and what to do next: one table each ([G])."""

from collections.abc import Callable
from typing import Final

from connectors.toolkit import diagnoses, errors
from schemas.text import Text

OK: Final = "00"
NOT_FOUND: Final = "14"

_Maker = Callable[[str], errors.AgencyError]


def _rejected(indonesian: str, english: str) -> _Maker:
    return lambda code: errors.Rejected(code, reason=Text(id=indonesian, en=english))


VERDICTS: Final[dict[str, _Maker]] = {
    "11": _rejected("NIK tidak ditemukan oleh imigrasi.", "Immigration does not know this NIK."),
    "12": _rejected(
        "Data kependudukan pemohon tidak aktif. Hubungi Dukcapil.",
        "The applicant's civil registration is not active. Turn to the civil registry.",
    ),
    "13": _rejected(
        "Pemohon masih mempunyai permohonan paspor yang berjalan.",
        "The applicant has another passport application under way.",
    ),
    NOT_FOUND: _rejected("Permohonan paspor tidak ditemukan.", "There is no such passport application."),
    "21": _rejected(
        "Biaya paspor tidak dibayar dalam dua jam; permohonan batal.",
        "The passport's fee was not paid within two hours; the application has lapsed.",
    ),
    "22": _rejected("Permohonan paspor sudah dibatalkan.", "The passport application was cancelled."),
    "23": _rejected(
        "Foto, sidik jari dan wawancara pemohon belum dilakukan.",
        "The applicant has not been photographed, fingerprinted and interviewed yet.",
    ),
    "24": _rejected("Paspor sudah diterbitkan.", "The passport has been issued already."),
    "50": lambda code: errors.Retriable(code, diagnosis=diagnoses.BUSY),
    "99": lambda code: errors.BadData(code, diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False),
}

_UNKNOWN: Final = Text(
    id="Imigrasi menjawab dengan kode yang tidak ada dalam kontrak. Lengkapi tabel konektor.",
    en="Immigration answered with a code that the contract does not list. Add it to the table.",
)
_REFUSED: Final = Text(
    id="Imigrasi menolak identitas atau tanda tangan kita. Periksa pengguna, kata sandi, kunci, sertifikat dan jam server.",
    en="Immigration refused our identity or signature. Check user, password, key, certificate and clock.",
)

SECURITY: Final = frozenset(
    {
        "FailedAuthentication",
        "FailedCheck",
        "InvalidSecurity",
        "InvalidSecurityToken",
        "SecurityTokenUnavailable",
        "UnsupportedAlgorithm",
        "UnsupportedSecurityToken",
        "MessageExpired",
    }
)
"""Fault codes of WS-Security: the envelope was not let in, so nothing happened."""


def verdict(code: str) -> errors.AgencyError | None:
    """What a code calls for; None when it is good."""
    code = code.strip()
    if code == OK:
        return None
    make = VERDICTS.get(code)
    return make(code) if make else errors.BadData("CODE", diagnosis=_UNKNOWN)


def refused(code: str) -> errors.AgencyError:
    """The error for a fault of WS-Security."""
    return errors.Misconfigured(code, diagnosis=_REFUSED)
