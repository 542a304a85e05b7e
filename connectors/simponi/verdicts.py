"""What SIMPONI's codes mean, and what to do next: one table (contract section 6, [C]) and the functions that read it."""

import re
from collections.abc import Callable
from typing import Final

from connectors.toolkit import diagnoses, errors
from schemas.text import Text

OK: Final = "00"
NOT_PAID: Final = "NF"

_CONTRACT: Final = Text(
    id="SIMPONI menerima jumlah parameter yang berbeda dari yang diharapkannya. Bandingkan WSDL dengan milik SIMPONI.",
    en="SIMPONI expected another number of parameters. Compare our WSDL with SIMPONI's own.",
)
_FORMAT: Final = Text(
    id="SIMPONI menolak format permintaan ini. Periksa isi permohonan dan tabel tarif.",
    en="SIMPONI refused the format of this request. Check the application's data and the tariff table.",
)
_PARAMETER: Final = Text(
    id="SIMPONI menolak salah satu isian tagihan. Periksa kode tarif, kode PP dan kode akun.",
    en="SIMPONI refused a value of the bill. Check tariff, regulation and account codes.",
)
_OFFICE: Final = Text(
    id="SIMPONI tidak mengenal satuan kerja kita. Periksa KodeKL, KodeEselon1 dan KodeSatker di pengaturan.",
    en="SIMPONI does not know our office. Check ministry, unit and office codes in the settings.",
)
_USER: Final = Text(
    id="SIMPONI menolak pengguna atau kata sandi kita. Periksa pengaturan konektor.",
    en="SIMPONI refused our user or password. Check the connector's settings.",
)
_UNKNOWN: Final = Text(
    id="SIMPONI menjawab dengan kode yang tidak ada dalam kontrak. Lihat kodenya dan lengkapi tabel konektor.",
    en="SIMPONI answered with a code that the contract does not list. Look at the code; add it to the table.",
)
_NO_SUCH_BILL: Final = Text(
    id="SIMPONI tidak mengenal kode billing ini.",
    en="SIMPONI does not know this billing code.",
)

_Maker = Callable[[str], errors.AgencyError]

# GE says nothing about what went wrong. A second bill is harmless and a second question too, so it is asked again.
VERDICTS: Final[dict[str, _Maker]] = {
    "30": lambda code: errors.Misconfigured(code, diagnosis=_CONTRACT),
    "99": lambda code: errors.BadData(code, diagnosis=_FORMAT, owner="us"),
    "ID": lambda code: errors.BadData(code, diagnosis=_PARAMETER, owner="us"),
    "IS": lambda code: errors.Misconfigured(code, diagnosis=_OFFICE),
    "IU": lambda code: errors.Misconfigured(code, diagnosis=_USER),
    "GE": lambda code: errors.Retriable(code, diagnosis=diagnoses.AGENCY_FAULT, doubtful=True),
}

_EXPIRED: Final = re.compile(r"k[ae]d[a-z]*arsa|expired|lewat\s+waktu", re.IGNORECASE)
_UNKNOWN_BILL: Final = re.compile(r"tidak\s+(dikenal|terdaftar)|unknown", re.IGNORECASE)


def verdict(code: str) -> errors.AgencyError | None:
    """What a code calls for; None when it is good."""
    code = code.strip().upper()
    if code == OK:
        return None
    make = VERDICTS.get(code)
    # A longer one is none of SIMPONI's codes, and may be anything.
    return make(code) if make else errors.BadData(code if len(code) <= 4 else "CODE", diagnosis=_UNKNOWN)


def lapsed(message: str | None) -> bool:
    """Whether an `NF` speaks of a bill that has expired.

    The contract has one code for "unpaid" and "not found", so the message decides, and only where it leaves no doubt: a
    bill that merely could not be found among the payments is an unpaid one.

    Raises:
        Rejected: The message says that SIMPONI never issued the code.
    """
    if _EXPIRED.search(message or ""):
        return True
    if _UNKNOWN_BILL.search(message or ""):
        raise errors.Rejected("NO_SUCH_BILL", reason=_NO_SUCH_BILL, owner="us", detail=NOT_PAID)
    return False
