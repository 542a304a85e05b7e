"""The permit office's own shapes [G]: requests with Indonesian field names, in the style of OSS's."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from schemas.business import PermitKind

Row = Mapping[str, Any]

KINDS: Final[Mapping[PermitKind, str]] = MappingProxyType(
    {
        "pbg": "PBG",
        "slf": "SLF",
        "practice": "SIP",
        "spatial": "KKPR",
        "environment": "LINGKUNGAN",
        "signage": "REKLAME",
        "other": "LAINNYA",
    }
)
"""`jenis_izin` by our names."""
