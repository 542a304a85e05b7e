"""What the signature service's refusals mean: `{"error", "status_code"}`, mostly with HTTP 400, and signers' statuses."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected
from schemas.text import Text

UNKNOWN: Final = "UNKNOWN_REFUSAL"

PASSPHRASE = Text(
    id="Passphrase penanda tangan salah. Perbaiki di pengaturan sebelum dicoba lagi: salah berulang memblokir sertifikat.",
    en="The signer's passphrase is wrong. Correct the settings before trying again: repeated mistakes block the certificate.",
)
UNKNOWN_SIGNER = Text(
    id="Penanda tangan ini tidak ada di pengaturan konektor (signers).",
    en="The connector's settings do not have this signer (signers).",
)
MAY_NOT_SIGN = Text(
    id="Sertifikat penanda tangan tidak berlaku. Penanda tangan perlu memperbaruinya di BSrE.",
    en="The signer's certificate is not valid. The signer has to renew it at BSrE.",
)
NOT_REGISTERED = Text(
    id="NIK ini tidak terdaftar di BSrE.",
    en="This NIK is not registered with BSrE.",
)
DOWNLOADED = Text(
    id="Dokumen telah diunduh sebelumnya dan tidak dapat diunduh lagi. Minta dokumen ditandatangani kembali.",
    en="The document was downloaded before and is not given out again. Have it signed once more.",
)

_CODES: Final[Mapping[str, Callable[[], AgencyError]]] = MappingProxyType(
    {
        "2031": lambda: Misconfigured("2031", diagnosis=PASSPHRASE),
        "2011": lambda: Misconfigured("2011", diagnosis=NOT_REGISTERED),
    }
)


def refusal(answer: Any) -> AgencyError:
    """What a JSON error refuses."""
    code = str(answer.get("status_code", "")) if isinstance(answer, dict) else ""
    make = _CODES.get(code)
    # Not quoted: nobody knows what an unknown message holds.
    return BadData(UNKNOWN, diagnosis=diagnoses.BAD_REQUEST, doubtful=True) if make is None else make()


def downloaded() -> AgencyError:
    """What 404 says of a download."""
    return Rejected("DOWNLOADED", reason=DOWNLOADED)


def may_not_sign(status: str) -> AgencyError:
    """A signer whose status is not ISSUE."""
    return Misconfigured(status, diagnosis=MAY_NOT_SIGN)


def unknown_signer() -> AgencyError:
    """A name that the settings do not have."""
    return Misconfigured("SIGNER", diagnosis=UNKNOWN_SIGNER)
