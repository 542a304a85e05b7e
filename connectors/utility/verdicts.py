"""What the utilities' response codes mean, and what to do next: one table [G], and the function that reads it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected, Retriable
from schemas.text import Text

OK: Final = "00"
NOT_FOUND: Final = "14"

UNKNOWN: Final = Text(
    id="Perusahaan utilitas menjawab dengan kode yang tidak ada dalam kontrak. Lihat kodenya dan lengkapi tabel konektor.",
    en="The utility answered with a code that the contract does not list. Look at the code; add it to the table.",
)
KEY: Final = Text(
    id="Perusahaan utilitas menolak kunci atau kode mitra kita. Periksa api_key dan partner di pengaturan konektor.",
    en="The utility refused our key or partner code. Check api_key and partner in the connector's settings.",
)
QUOTA: Final = Text(
    id="Kuota harian di perusahaan utilitas habis. Minta tambahan kuota atau tunggu besok.",
    en="Today's quota at the utility is used up. Ask for more, or wait for tomorrow.",
)
REASONS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        NOT_FOUND: Text(
            id="Nomor pelanggan ini tidak ditemukan. Salin dari rekening atau meteran.",
            en="There is no customer with this number. Copy it from the bill or the meter.",
        ),
        "15": Text(
            id="NIK calon pelanggan tidak dikenal atau tidak aktif di Dukcapil.",
            en="The civil registry does not know the applicant's NIK, or it is not active.",
        ),
        "61": Text(
            id="Masih ada tunggakan. Lunasi dahulu, lalu ajukan kembali.",
            en="There are unpaid bills. Pay them first, then apply again.",
        ),
        "62": Text(
            id="Tarif atau daya ini tidak tersedia untuk lokasi tersebut.",
            en="This tariff or power is not to be had at that place.",
        ),
        "63": Text(
            id="Permohonan sambungan ini sudah dibatalkan atau sambungannya sudah terpasang.",
            en="This application for a connection is cancelled already, or the connection is laid.",
        ),
    }
)

Make = Callable[[str], AgencyError]

VERDICTS: Final[Mapping[str, Make]] = MappingProxyType(
    {
        **dict.fromkeys(REASONS, lambda code: Rejected(code, reason=REASONS[code])),
        "03": lambda code: Misconfigured(code, diagnosis=KEY),
        "08": lambda code: Misconfigured(code, diagnosis=QUOTA),
        "30": lambda code: BadData(code, diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False),
        "68": lambda code: Retriable(code, diagnosis=diagnoses.DEADLINE, doubtful=True),
        "96": lambda code: Retriable(code, diagnosis=diagnoses.AGENCY_FAULT, doubtful=True),
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
