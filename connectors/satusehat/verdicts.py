"""What SATUSEHAT's OperationOutcomes and statuses mean, and what to do next: one table, and the functions that read it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connectors.satusehat.wire import OperationOutcome
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected, Retriable
from schemas.text import Text

NOT_FOUND: Final = "NOT_FOUND"

CREDENTIALS: Final = Text(
    id="SATUSEHAT menolak kredensial kita. Periksa client_id dan client_secret di pengaturan konektor.",
    en="SATUSEHAT refused our credentials. Check client_id and client_secret in the connector's settings.",
)
NOT_ALLOWED: Final = Text(
    id="SATUSEHAT tidak mengizinkan akses ini bagi instansi kita. Periksa hak akses di platform SATUSEHAT.",
    en="SATUSEHAT does not allow our office this access. Check its rights on the SATUSEHAT platform.",
)
UNKNOWN: Final = Text(
    id="SATUSEHAT menjawab dengan kesalahan yang tidak ada dalam tabel konektor. Lihat kodenya dan lengkapi tabel.",
    en="SATUSEHAT answered with an error that is not in the connector's table. Look at the code; add it to the table.",
)
NO_PATIENT: Final = Text(
    id="SATUSEHAT tidak menemukan pasien dengan NIK ini. Datanya dapat didaftarkan di fasilitas kesehatan.",
    en="SATUSEHAT knows no patient with this NIK. A health facility can register the data.",
)
NO_PRACTITIONER: Final = Text(
    id="SATUSEHAT tidak menemukan tenaga kesehatan dengan NIK ini.",
    en="SATUSEHAT knows no practitioner with this NIK.",
)
NO_LETTER: Final = Text(
    id="Belum ada surat keterangan sehat yang berlaku di SATUSEHAT. Mintalah pemeriksaan di fasilitas kesehatan.",
    en="SATUSEHAT holds no valid health letter yet. Ask for an examination at a health facility.",
)

_Make = Callable[[str], AgencyError]


def _fault(code: str) -> AgencyError:
    return Retriable(code, diagnosis=diagnoses.AGENCY_FAULT, doubtful=True)


def _our_form(code: str) -> AgencyError:
    return BadData(code, diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False)


def _not_allowed(code: str) -> AgencyError:
    return Misconfigured(code, diagnosis=NOT_ALLOWED)


VERDICTS: Final[Mapping[str, _Make]] = MappingProxyType(
    {
        **dict.fromkeys(("transient", "exception", "timeout", "incomplete", "lock-error", "no-store"), _fault),
        **dict.fromkeys(("security", "forbidden", "suppressed"), _not_allowed),
        **dict.fromkeys(("invalid", "structure", "required", "value", "not-supported", "code-invalid"), _our_form),
        "throttled": lambda code: Retriable(code, diagnosis=diagnoses.BUSY),
        "not-found": lambda _: not_found(NO_PATIENT),
    }
)
"""By FHIR's issue-type. `login`, `expired` and `unknown` tokens are dealt with before: they come as HTTP 401."""


def not_found(reason: Text) -> Rejected:
    """A search that found nothing."""
    return Rejected(NOT_FOUND, reason=reason)


def refused_credentials() -> Misconfigured:
    """A new token was refused as well, or none was given."""
    return Misconfigured("HTTP_401", diagnosis=CREDENTIALS)


def verdict(outcome: OperationOutcome) -> AgencyError:
    """What an OperationOutcome calls for: its first issue that is an error decides.

    The text (`details.text`) may quote what was asked, names as well as numbers: none of it leaves this function.
    """
    issues = [issue for issue in outcome.issue if issue.severity != "information"]
    code = issues[0].code if issues else None
    make = VERDICTS.get(code or "")
    return make(code or "") if make else BadData("OPERATION_OUTCOME", diagnosis=UNKNOWN)
