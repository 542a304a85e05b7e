"""What a bank's responseCodes mean, and what to do next: one table of cases (contract section 8, [D]).

A responseCode is HTTP status (3), service (2) and case (2). The table goes by status and case, because a case means the same
in every service. Banks differ: a code of their own is given its meaning by the setting `cases`.
"""

from collections.abc import Callable, Mapping
from typing import Final

from connectors.toolkit import diagnoses, errors
from schemas.text import Text

OK: Final = frozenset({"20000", "20100"})
BAD_TOKEN: Final = "40101"  # noqa: S105  (a code)
NOT_FOUND: Final = "40412"
PAID: Final = "40414"
EXPIRED: Final = "40419"

_SIGNATURE: Final = Text(
    id="Bank menolak tanda tangan kita. Periksa kunci privat, client secret, jam server dan path yang ditandatangani.",
    en="The bank refused our signature. Check private key, client secret, the clock and the signed path.",
)
_TOKEN: Final = Text(
    id="Bank menolak token akses yang baru saja diberikannya. Periksa client id di pengaturan dan hubungi bank.",
    en="The bank refused the access token that it had just given. Check the client id and call the bank.",
)
_FORBIDDEN: Final = Text(
    id="Layanan ini belum diizinkan bank untuk mitra kita. Hubungi bank.",
    en="The bank has not allowed this service for our partner id. Call the bank.",
)
_NO_ACCOUNT: Final = Text(
    id="Nomor virtual account ini tidak dikenal bank.", en="The bank does not know this virtual account."
)
_AMOUNT: Final = Text(id="Jumlah pembayaran tidak sesuai dengan tagihan.", en="The amount is not what the bill says.")
_PAID: Final = Text(id="Virtual account ini sudah dibayar.", en="This virtual account has been paid already.")
_EXPIRED: Final = Text(id="Virtual account ini sudah kedaluwarsa.", en="This virtual account has expired.")
_SEEN: Final = Text(
    id="Bank sudah pernah menerima nomor permintaan ini. Keadaannya ditanyakan lebih dulu.",
    en="The bank has seen this request's number before. What became of it is asked first.",
)
_INCONSISTENT: Final = Text(
    id="Bank sudah menyimpan virtual account ini dengan isi lain.",
    en="The bank already holds this virtual account, with other content.",
)
_UNKNOWN: Final = Text(
    id="Bank menjawab dengan kode yang tidak ada dalam standar. Lengkapi pengaturan SIMPUL_BANK_CASES.",
    en="The bank answered with a code that the standard does not list. Add it to the setting SIMPUL_BANK_CASES.",
)

_Maker = Callable[[str], errors.AgencyError]


def _bad(code: str) -> errors.AgencyError:
    return errors.BadData(code, diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False)


def _rejected(reason: Text) -> _Maker:
    return lambda code: errors.Rejected(code, reason=reason)


def _misconfigured(diagnosis: Text) -> _Maker:
    return lambda code: errors.Misconfigured(code, diagnosis=diagnosis)


CASES: Final[dict[str, _Maker]] = {
    "40000": _bad,
    "40001": _bad,
    "40002": _bad,
    "40100": _misconfigured(_SIGNATURE),
    BAD_TOKEN: _misconfigured(_TOKEN),
    "40300": _misconfigured(_FORBIDDEN),
    "40301": _misconfigured(_FORBIDDEN),
    NOT_FOUND: _rejected(_NO_ACCOUNT),
    "40413": _rejected(_AMOUNT),
    PAID: _rejected(_PAID),
    # It is there, but is it ours? A write is looked up.
    "40418": lambda code: errors.BadData(code, diagnosis=_INCONSISTENT, owner="us", doubtful=True),
    EXPIRED: _rejected(_EXPIRED),
    # The one that came first may have been carried out.
    "40900": lambda code: errors.Retriable(code, diagnosis=_SEEN, doubtful=True),
    "42900": lambda code: errors.Retriable(code, diagnosis=diagnoses.BUSY),
    "50000": lambda code: errors.Retriable(code, diagnosis=diagnoses.AGENCY_FAULT, doubtful=True),
    "50001": lambda code: errors.Retriable(code, diagnosis=diagnoses.AGENCY_FAULT, doubtful=True),
    "50400": lambda code: errors.Retriable(code, diagnosis=diagnoses.AGENCY_FAULT, doubtful=True),
}


def case(code: str, own: Mapping[str, str]) -> str:
    """HTTP status and case of a responseCode, this bank's own put into the standard's."""
    code = code.strip()
    found = code[:3] + code[5:] if len(code) == 7 and code.isdigit() else "?"
    return own.get(found, found)


def verdict(found: str) -> errors.AgencyError | None:
    """What a case calls for; None when it is good."""
    if found in OK:
        return None
    make = CASES.get(found)
    return make(found) if make else errors.BadData("CASE", diagnosis=_UNKNOWN, detail=f"case {found}")
