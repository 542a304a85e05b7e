"""SIASN's own shapes: tokens and the envelope around every answer. What they mean is in `mapping.py` and `verdicts.py`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from schemas.civil_service import HistoryKind

API: Final = "apisiasn/1.0/pns"
TOKEN: Final = "oauth2/token"  # noqa: S105  (a path)
SSO_TOKEN: Final = "auth/realms/public-siasn/protocol/openid-connect/token"  # noqa: S105  (a path)

HISTORIES: Final[Mapping[HistoryKind, str]] = MappingProxyType(
    {
        "rank": "rw-golongan",
        "position": "rw-jabatan",
        "education": "rw-pendidikan",
        "training": "rw-diklat",
        "discipline": "rw-hukdis",
    }
)


class Issued(BaseModel):
    """A token as either server issues it."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    access_token: str
    expires_in: float | None = None


class Envelope(BaseModel):
    """Answers and refusals: `{code, message, type, description, data}`, of which any may be missing."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    code: int | str | None = None
    message: Any = None
    type: Any = None
    description: Any = None
    data: Any = None


class Search(BaseModel):
    """`pns/cari` [G]: by POST, because a NIK in an address ends up in access logs."""

    nik: str


class Death(BaseModel):
    """`pns/kematian` [G]."""

    referensi: str
    nip: str
    tglMeninggal: str  # noqa: N815  (the agency's spelling)
    aktaMeninggal: str  # noqa: N815  (the agency's spelling)
