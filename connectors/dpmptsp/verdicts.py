"""What the permit office's refusals mean and what to do next: `{"kode", "pesan"}` with HTTP 404, 409 or 422."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Rejected
from schemas.text import Text

NOT_FOUND: Final = "NOT_FOUND"

REASONS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        NOT_FOUND: Text(
            id="Nomor pendaftaran izin tidak ditemukan. Periksa kembali nomornya.",
            en="There is no permit registered under this number. Check the number.",
        ),
        "HOLDER": Text(
            id="NIB atau NIK pemohon tidak dikenal atau tidak aktif.",
            en="The applicant's NIB or NIK is not known or not active.",
        ),
        "INSPECTION": Text(
            id="Pemeriksaan lapangan belum lulus, sehingga izin tidak dapat diterbitkan.",
            en="The inspection was not passed, so the permit cannot be issued.",
        ),
        "WITHDRAWN": Text(
            id="Izin ini sudah dicabut atau ditarik. Ajukan pendaftaran baru.",
            en="This permit has been withdrawn. Register anew.",
        ),
    }
)
"""The office's business noes, by code, as the citizen is told them."""


def _rejected(code: str) -> Callable[[], AgencyError]:
    return lambda: Rejected(code, reason=REASONS[code])


CODES: Final[Mapping[str, Callable[[], AgencyError]]] = MappingProxyType(
    {
        **{code: _rejected(code) for code in REASONS},
        "FORM": lambda: BadData("FORM", diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False),
    }
)


def refusal(code: object) -> AgencyError:
    """What a code refuses."""
    make = CODES.get(str(code).strip().upper())
    return BadData("UNKNOWN_CODE", diagnosis=diagnoses.UNREADABLE, field="kode") if make is None else make()
