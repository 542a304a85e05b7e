"""What SIMKAH's refusals mean and what to do next [G]: one table over `kode`, or `status` where there is none."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connectors.simkah.wire import Envelope
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected
from schemas.text import Text

OK: Final = "200"
NOT_FOUND: Final = "404"

REASONS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        NOT_FOUND: Text(
            id="KUA tidak menemukan pendaftaran, buku nikah, atau NIK ini. Periksa kembali nomornya.",
            en="The KUA has no such registration, marriage book or NIK. Check the number.",
        ),
        "USIA": Text(
            id="Calon mempelai belum berusia 19 tahun.",
            en="One of the couple is younger than 19.",
        ),
        "BERKAS": Text(
            id="Berkas belum lengkap: N1, N2, N3 atau N4, dan N5 bagi yang belum 21 tahun.",
            en="Papers are missing: N1, N2, N3 or N4, and N5 for who is under 21.",
        ),
        "WAKTU": Text(
            id="Pendaftaran kurang dari 10 hari kerja sebelum akad. Lampirkan dispensasi camat atau ubah tanggalnya.",
            en="Less than ten working days before the ceremony. Add the subdistrict head's dispensation, or change the date.",
        ),
        "TANGGAL": Text(
            id="Tanggal akad tidak sesuai. Akad dicatat pada hari pelaksanaannya atau sesudahnya.",
            en="The day of the ceremony does not fit. A ceremony is recorded on its day or later.",
        ),
        "KAWIN": Text(
            id="Salah satu calon mempelai masih kawin atau sudah terdaftar untuk akad lain.",
            en="One of the couple is married or already registered for another ceremony.",
        ),
        "STATUS": Text(
            id="Pendaftaran ini sudah gugur, dibatalkan, dilaksanakan, atau belum diverifikasi. Hubungi KUA.",
            en="This registration has lapsed, is cancelled, was held, or is not verified yet. See the KUA.",
        ),
        "BIAYA": Text(
            id="Biaya nikah di luar kantor atau jam kerja belum dibayar. Lampirkan bukti (NTPN).",
            en="The fee for a ceremony outside office or hours is unpaid. Add the proof of payment (NTPN).",
        ),
    }
)
"""As the citizen is told them (PMA 20/2019)."""

Make = Callable[[str], AgencyError]

VERDICTS: Final[Mapping[str, Make]] = MappingProxyType(
    {
        **dict.fromkeys(REASONS, lambda code: Rejected(code, reason=REASONS[code])),
        "400": lambda code: BadData(code, diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False),
        "401": lambda code: Misconfigured(code, diagnosis=diagnoses.CREDENTIALS),
        "403": lambda code: Misconfigured(code, diagnosis=diagnoses.CREDENTIALS),
    }
)


def refusal(answer: Envelope) -> AgencyError | None:
    """What an answer refuses, or None where it brings data."""
    if answer.status == OK:
        return None
    code = answer.kode or answer.status
    make = VERDICTS.get(code)
    # Not quoted: nobody knows what an unknown code holds.
    return make(code) if make else BadData("UNKNOWN_REFUSAL", diagnosis=diagnoses.UNREADABLE, field="kode")
