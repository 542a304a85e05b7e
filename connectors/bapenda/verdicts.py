"""What a local tax system's `respon_code` means and what to do next (contract section 3, [C]; the rest [G]): one table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connectors.bapenda.wire import Envelope, Row
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected
from schemas.text import Text

NO_NOP: Final = "NOP tidak ditemukan"
NO_NTPD: Final = "NTPD tidak ditemukan"
NO_DATA: Final = "Data tidak ditemukan"
WRONG_LOGIN: Final = "Username atau password salah"
"""The contract's words, as we say them to BPN too."""

NO_REFERENCE: Final = "Referensi tidak ditemukan"
NO_BILL: Final = "Kode bayar tidak ditemukan"
WRONG_AMOUNT: Final = "Nilai BPHTB tidak sesuai"
PBB_UNPAID: Final = "PBB belum lunas"
BPHTB_UNPAID: Final = "BPHTB belum lunas"
WRONG_BUYER: Final = "NIK tidak sesuai"
INCOMPLETE: Final = "Parameter tidak lengkap"
"""[G]: of the calls that have no public contract."""

REASONS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        NO_NOP: Text(
            id="NOP ini tidak terdaftar di Bapenda. Periksa kembali nomor pada SPPT PBB.",
            en="The local tax office does not know this NOP. Check the number on the PBB tax letter.",
        ),
        NO_NTPD: Text(
            id="Bukti bayar (NTPD) ini tidak ditemukan. Periksa kembali nomor pada bukti bayar BPHTB.",
            en="No payment with this NTPD is known. Check the number on the receipt of the transfer tax.",
        ),
        NO_DATA: Text(
            id="Data tidak ditemukan di Bapenda. Periksa kembali NOP dan tahun pajak.",
            en="The local tax office has no such record. Check the NOP and the tax year.",
        ),
        NO_REFERENCE: Text(
            id="Bapenda tidak mengenal permohonan ini.",
            en="The local tax office does not know this request.",
        ),
        NO_BILL: Text(
            id="Bapenda tidak mengenal kode bayar ini.",
            en="The local tax office does not know this payment code.",
        ),
        PBB_UNPAID: Text(
            id="PBB atas objek ini belum lunas. Lunasi PBB, lalu ajukan kembali.",
            en="The land and building tax on this property is not fully paid. Pay it, then apply again.",
        ),
        BPHTB_UNPAID: Text(
            id="BPHTB belum lunas. Bayar BPHTB, lalu ajukan kembali.",
            en="The transfer tax is not paid. Pay it, then apply again.",
        ),
        WRONG_BUYER: Text(
            id="NIK tidak sesuai dengan data pembeli di Bapenda. Periksa kembali NIK.",
            en="The NIK is not that of the buyer at the local tax office. Check the NIK.",
        ),
    }
)
"""The business refusals, by the agency's words, as the citizen is told them."""

LOGIN: Final = Text(
    id="Bapenda menolak username atau password kita. Periksa pengaturan konektor.",
    en="The local tax office refused our user name or password. Check the connector's settings.",
)
TARIFF: Final = Text(
    id="Bapenda menghitung BPHTB lain dari kita. Bandingkan tarif dan NPOPTKP di pengaturan dengan peraturan daerah.",
    en="The local tax office computes another transfer tax. Compare rate and threshold in the settings with the by-law.",
)
UNKNOWN: Final = Text(
    id="Bapenda menjawab dengan respon_code yang tidak ada dalam kontrak. Hubungi Bapenda dan lengkapi tabel konektor.",
    en="The local tax office answered with a respon_code that the contract lacks. Ask them, and add it to the table.",
)

Make = Callable[[], AgencyError]


def _rejected(words: str) -> Make:
    return lambda: Rejected(words, reason=REASONS[words])


def _key(words: object) -> str:
    return "".join(str(words).split()).casefold()


VERDICTS: Final[Mapping[str, Make]] = MappingProxyType(
    {
        **{_key(words): _rejected(words) for words in REASONS},
        _key(WRONG_LOGIN): lambda: Misconfigured("LOGIN", diagnosis=LOGIN),
        _key(WRONG_AMOUNT): lambda: Misconfigured("TARIFF", diagnosis=TARIFF),
        _key(INCOMPLETE): lambda: BadData("PARAMETER", diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False),
    }
)
"""By words without case and spaces."""


def result(answer: Envelope) -> Row:
    """The result of a good answer, which says `OK`, or has a result and says nothing.

    Raises:
        AgencyError: It is a refusal, or neither.
    """
    code = _key(answer.respon_code or "")
    make = VERDICTS.get(code)
    if make is not None:
        raise make()
    if code not in {"", "ok"}:
        # Not quoted: nobody knows what unknown words hold.
        raise BadData("UNKNOWN_REFUSAL", diagnosis=UNKNOWN, field="respon_code")
    if not isinstance(answer.result, dict):
        raise BadData("EMPTY", diagnosis=diagnoses.UNREADABLE, field="result")
    return answer.result
