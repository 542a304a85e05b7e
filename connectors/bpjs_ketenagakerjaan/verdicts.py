"""What BPJS Ketenagakerjaan's codes mean, and what to do next: one table [G], and the function that reads it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected, Retriable
from schemas.text import Text

OK: Final = "00"
NOT_FOUND: Final = "10"

CREDENTIALS: Final = Text(
    id="BPJS Ketenagakerjaan menolak kredensial kita. Periksa user_id, password dan branch_code di pengaturan.",
    en="BPJS Ketenagakerjaan refused our credentials. Check user_id, password and branch_code in the settings.",
)
QUOTA: Final = Text(
    id="Kuota harian di BPJS Ketenagakerjaan habis. Minta tambahan kuota atau tunggu besok.",
    en="Today's quota at BPJS Ketenagakerjaan is used up. Ask for more, or wait for tomorrow.",
)
UNKNOWN: Final = Text(
    id="BPJS Ketenagakerjaan menjawab dengan kode yang tidak ada dalam kontrak. Lihat kodenya dan lengkapi tabel.",
    en="BPJS Ketenagakerjaan answered with a code that the contract does not list. Look at the code; add it to the table.",
)
REASONS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        NOT_FOUND: Text(
            id="BPJS Ketenagakerjaan tidak menemukan peserta dengan data ini.",
            en="BPJS Ketenagakerjaan found no member with these data.",
        ),
        "11": Text(
            id="NIB dan NPWP tidak sesuai dengan data OSS. Periksa keduanya.",
            en="NIB and NPWP do not agree with OSS's data. Check both.",
        ),
        "12": Text(
            id="Perusahaan belum terdaftar di BPJS Ketenagakerjaan. Daftarkan perusahaan lebih dahulu.",
            en="The employer is not registered with BPJS Ketenagakerjaan. Register it first.",
        ),
        "13": Text(
            id="NIK tidak dikenal atau tidak aktif di Dukcapil.",
            en="The civil registry does not know the NIK, or it is not active.",
        ),
        "14": Text(
            id="Kematian belum tercatat di Dukcapil. Urus akta kematian lebih dahulu.",
            en="The civil registry knows of no death yet. Have the death deed issued first.",
        ),
    }
)

Make = Callable[[str], AgencyError]

VERDICTS: Final[Mapping[str, Make]] = MappingProxyType(
    {
        **dict.fromkeys(REASONS, lambda code: Rejected(code, reason=REASONS[code])),
        "01": lambda code: Misconfigured(code, diagnosis=CREDENTIALS),
        "08": lambda code: Misconfigured(code, diagnosis=QUOTA),
        "30": lambda code: BadData(code, diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False),
        "99": lambda code: Retriable(code, diagnosis=diagnoses.AGENCY_FAULT, doubtful=True),
    }
)


def verdict(code: str) -> AgencyError | None:
    """What a code calls for; None when it is good. An unknown one is not quoted unless it has a code's shape."""
    code = code.strip()
    if code == OK:
        return None
    if (make := VERDICTS.get(code)) is not None:
        return make(code)
    shown = code if len(code) == 2 and code.isascii() and code.isalnum() else "NO_CODE"
    return BadData(shown, diagnosis=UNKNOWN)
