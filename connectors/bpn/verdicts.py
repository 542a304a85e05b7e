"""What BPN's words (REST) and codes (SOAP) mean and what to do next: one table. All but the login's words are [G]."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from connectors.bpn.wire import Envelope
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected, Retriable
from schemas.text import Text

OK: Final = "00"
NO_REFERENCE: Final = "44"

NO_CERTIFICATE: Final = "Sertipikat tidak ditemukan"
NO_REGISTRATION: Final = "Berkas tidak ditemukan"
WRONG_LOGIN: Final = "Username atau password salah"
INCOMPLETE: Final = "Parameter tidak lengkap"

REASONS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "10": Text(
            id="Sertipikat ini tidak ditemukan di kantor pertanahan. Periksa kembali nomor sertipikat.",
            en="The land office does not know this certificate. Check its number.",
        ),
        "11": Text(
            id="Sertipikat ini diblokir, sengketa atau dalam tanggungan. Selesaikan dahulu di kantor pertanahan.",
            en="This certificate is blocked, disputed or pledged. Settle that at the land office first.",
        ),
        "12": Text(
            id="Penjual bukan pemegang hak pada buku tanah. Periksa kembali NIK penjual.",
            en="The seller is not the owner in the land book. Check the seller's NIK.",
        ),
        "13": Text(
            id="Data pembeli tidak ditemukan. Periksa kembali NIK pembeli.",
            en="The buyer is not known. Check the buyer's NIK.",
        ),
        "14": Text(
            id="Bukti bayar BPHTB (NTPD) belum tervalidasi. Lunasi BPHTB, lalu ajukan kembali.",
            en="The transfer tax (NTPD) is not validated. Pay it, then apply again.",
        ),
        "15": Text(
            id="NOP tidak sesuai dengan bidang tanah pada sertipikat. Periksa kembali NOP.",
            en="The NOP is not that of the land in the certificate. Check the NOP.",
        ),
        "16": Text(
            id="Berkas ini tidak ditemukan di kantor pertanahan. Periksa kembali nomor berkas.",
            en="The land office does not know this registration. Check its number.",
        ),
        NO_REFERENCE: Text(
            id="Kantor pertanahan tidak mengenal permohonan ini.",
            en="The land office does not know this request.",
        ),
    }
)
"""The business refusals, by code, as the citizen is told them."""

LOGIN: Final = Text(
    id="BPN menolak username atau password kita. Periksa pengaturan konektor.",
    en="The land office refused our user name or password. Check the connector's settings.",
)
UNKNOWN: Final = Text(
    id="BPN menjawab dengan kode yang tidak ada dalam kontrak. Hubungi BPN dan lengkapi tabel konektor.",
    en="The land office answered with a code that the contract does not list. Ask them, and add it to the table.",
)

Make = Callable[[], AgencyError]


def _rejected(code: str) -> Make:
    return lambda: Rejected(code, reason=REASONS[code])


def _login() -> AgencyError:
    return Misconfigured("LOGIN", diagnosis=LOGIN)


def _our_form() -> AgencyError:
    return BadData("PARAMETER", diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False)


def _key(words: object) -> str:
    return "".join(str(words).split()).casefold()


CODES: Final[Mapping[str, Make]] = MappingProxyType(
    {
        **{code: _rejected(code) for code in REASONS},
        "01": _login,
        "20": _our_form,
        "99": lambda: Retriable("99", diagnosis=diagnoses.AGENCY_FAULT, doubtful=True),
    }
)
WORDS: Final[Mapping[str, Make]] = MappingProxyType(
    {
        _key(NO_CERTIFICATE): _rejected("10"),
        _key(NO_REGISTRATION): _rejected("16"),
        _key(WRONG_LOGIN): _login,
        _key(INCOMPLETE): _our_form,
    }
)
"""By words without case and spaces."""


def verdict(code: str) -> AgencyError | None:
    """What a SOAP answer's code calls for; None when it is good."""
    if code.strip() == OK:
        return None
    make = CODES.get(code.strip())
    # Not quoted: nobody knows what an unknown code holds.
    return make() if make else BadData("UNKNOWN_CODE", diagnosis=UNKNOWN, field="KodeRespon")


def result(answer: Envelope) -> Any:
    """The result of a good REST answer.

    Raises:
        AgencyError: It is a refusal, or there is none.
    """
    words = _key(answer.respon_code or "")
    make = WORDS.get(words)
    if make is not None:
        raise make()
    if words not in {"", "ok"}:
        raise BadData("UNKNOWN_REFUSAL", diagnosis=UNKNOWN, field="respon_code")
    if not isinstance(answer.result, dict | list):
        raise BadData("EMPTY", diagnosis=diagnoses.UNREADABLE, field="result")
    return answer.result
