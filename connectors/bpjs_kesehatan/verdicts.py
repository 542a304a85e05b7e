"""What BPJS Kesehatan's codes and messages mean, and what to do next. Tables first; one function reads them.

Errors come as HTTP 200 with `metaData.code` other than 200. There is no published list: code 201 covers every business no,
so its message decides. The tables are [C] for 200, 201 and 401, [G] for the rest: extend them with what the site sees.
"""

import re
from dataclasses import dataclass
from typing import Final

from connectors.bpjs_kesehatan.wire import MetaData
from connectors.toolkit import diagnoses, errors
from schemas.text import Text

# A second's worth of network and rounding is no drift. The agency is said to allow five minutes.
SKEW_WORTH_NAMING: Final = 60.0

CLOCK: Final = Text(
    id="BPJS Kesehatan menolak waktu permintaan (X-timestamp). Samakan jam server ini dengan NTP, lalu jalankan kembali.",
    en="BPJS Kesehatan refused the time of the request (X-timestamp). Set this machine's clock by NTP, then start again.",
)
CREDENTIALS: Final = Text(
    id="BPJS Kesehatan menolak kredensial. Periksa cons_id, secret dan user_key di pengaturan konektor.",
    en="BPJS Kesehatan refused our credentials. Check cons_id, secret and user_key in the connector's settings.",
)
UNKNOWN_CODE: Final = Text(
    id="BPJS Kesehatan menjawab dengan kode yang tidak ada dalam kontrak. Lihat kodenya dan lengkapi tabel konektor.",
    en="BPJS Kesehatan answered with a code that the contract does not list. Look at the code; add it to the table.",
)


@dataclass(frozen=True)
class Refusal:
    """A business no, known by its wording."""

    words: re.Pattern[str]
    code: str
    reason: Text


NOT_FOUND: Final = "NOT_FOUND"

NO_BOOKING: Final = Text(
    id="Kode booking ini tidak ditemukan di antrean fasilitas kesehatan.",
    en="No place in a health facility's queue was booked under this code.",
)

REFUSALS: Final = (
    Refusal(re.compile(r"(antrean|antrian|booking).*tidak\s+(ditemukan|ada)", re.IGNORECASE), "NO_BOOKING", NO_BOOKING),
    Refusal(
        re.compile(r"belum\s+(tercatat\s+)?meninggal|masih\s+hidup", re.IGNORECASE),
        "NOT_DECEASED",
        Text(
            id="Kematian belum tercatat di Dukcapil. Urus akta kematian lebih dahulu.",
            en="The civil registry knows of no death yet. Have the death deed issued first.",
        ),
    ),
    Refusal(
        re.compile(r"(telah|sudah)\s+meninggal", re.IGNORECASE),
        "DECEASED",
        Text(
            id="Peserta tercatat telah meninggal dunia; datanya tidak dapat diubah.",
            en="The member is recorded as deceased; the data cannot be changed.",
        ),
    ),
    Refusal(
        re.compile(r"tidak\s+(terdaftar|valid|ada).*dukcapil|dukcapil.*tidak", re.IGNORECASE),
        "NIK_NOT_IN_DUKCAPIL",
        Text(
            id="NIK belum dikenal BPJS Kesehatan dari data Dukcapil. Pastikan akta kelahiran sudah terbit.",
            en="BPJS Kesehatan does not know this NIK from the civil registry yet. Make sure the birth deed is issued.",
        ),
    ),
    Refusal(
        re.compile(r"sudah\s+(terdaftar|menjadi\s+peserta)", re.IGNORECASE),
        "ALREADY_MEMBER",
        Text(
            id="NIK ini sudah terdaftar sebagai peserta JKN.",
            en="This NIK is already a member of the national health insurance (JKN).",
        ),
    ),
    Refusal(
        re.compile(
            r"(ibu|kepala\s+keluarga|orang\s*tua).*(non\s*aktif|tidak\s+aktif|belum\s+terdaftar)", re.IGNORECASE
        ),
        "FAMILY_NOT_ACTIVE",
        Text(
            id="Kepesertaan JKN keluarga tidak aktif. Selesaikan dahulu di BPJS Kesehatan, lalu daftarkan bayi.",
            en="The family's JKN membership is not active. Settle it with BPJS Kesehatan first, then enrol the child.",
        ),
    ),
    Refusal(
        re.compile(r"tidak\s+(ditemukan|terdaftar|ada)", re.IGNORECASE),
        NOT_FOUND,
        Text(
            id="BPJS Kesehatan tidak menemukan peserta dengan data ini.",
            en="BPJS Kesehatan found no member with these data.",
        ),
    ),
)

_OTHER_REFUSAL: Final = Text(
    id="BPJS Kesehatan menolak permohonan ini. Petugas BPJS Kesehatan dapat menjelaskan alasannya.",
    en="BPJS Kesehatan refused this request. Its staff can explain the reason.",
)
_ABOUT_TIME: Final = re.compile(
    r"time\s*stamp|waktu\s+(request|permintaan)|clock|expired|k[ae]d[a-z]*arsa", re.IGNORECASE
)
_WHO_WE_ARE: Final = frozenset({"401", "403", "405"})
_OUR_FORM: Final = frozenset({"400", "412", "422"})
_CODE: Final = re.compile(r"[0-9A-Za-z_-]{1,8}")


def verdict(meta: MetaData, *, skew: float | None = None) -> errors.AgencyError | None:
    """What an answer's `metaData` calls for; None when it is good.

    Args:
        meta: The agency's verdict.
        skew: Seconds that the agency's clock (HTTP `Date`) was away from ours, where known.
    """
    code = meta.code.strip()
    if not _CODE.fullmatch(code):
        code = "NO_CODE"  # not a code's shape: it could be anything, also what was asked
    if code == "200":
        return None
    if code in _WHO_WE_ARE:
        return refused_credentials(code, meta.message, skew)
    if code.startswith("2") or code == "404":
        return _refusal(code, meta.message)
    return _fault(code)


def no_booking() -> errors.Rejected:
    """An answer that lists nothing."""
    return errors.Rejected("NO_BOOKING", reason=NO_BOOKING)


def refused_credentials(code: str, message: str, skew: float | None) -> errors.Misconfigured:
    """Who we are, or when: the wording tells, and where it does not, the agency's own clock does."""
    drifted = skew is not None and abs(skew) >= SKEW_WORTH_NAMING
    if not drifted and not _ABOUT_TIME.search(message):
        return errors.Misconfigured(code, diagnosis=CREDENTIALS)
    detail = f"our clock is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} the agency's" if skew else None
    return errors.Misconfigured("CLOCK", diagnosis=CLOCK, detail=detail)


def _fault(code: str) -> errors.AgencyError:
    if code.startswith("5"):
        return errors.Retriable(code, diagnosis=diagnoses.AGENCY_FAULT, doubtful=True)
    if code == "429":
        return errors.Retriable(code, diagnosis=diagnoses.BUSY)
    if code in _OUR_FORM:
        return errors.BadData(code, diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False)
    return errors.BadData(code, diagnosis=UNKNOWN_CODE, owner="us")


def _refusal(code: str, message: str) -> errors.Rejected:
    # The agency's own words may quote what was asked, names as well as numbers: none of them leave this function.
    for refusal in REFUSALS:
        if refusal.words.search(message):
            return errors.Rejected(refusal.code, reason=refusal.reason, detail=f"metaData.code {code}")
    detail = f"metaData.code {code}; its message ({len(message)} characters) is not in the connector's table"
    return errors.Rejected(code, reason=_OTHER_REFUSAL, detail=detail)
