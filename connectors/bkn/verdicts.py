"""What SIASN's refusals mean and what to do next: they are words in any of four fields (contract section 9)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connectors.bkn.wire import Envelope
from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected
from connectors.toolkit.tokens import TokenRefusedError
from schemas.text import Text

NOT_FOUND: Final = "NOT_FOUND"

UNKNOWN: Final = Text(
    id="BKN tidak mengenal pegawai ini. Periksa kembali NIP, atau hubungi BKD.",
    en="BKN does not know this civil servant. Check the NIP, or call the regional office (BKD).",
)
GATEWAY: Final = Text(
    id="Gateway BKN menolak client_id atau langganan API kita. Periksa pengaturan konektor dan langganan di BKN.",
    en="BKN's gateway refuses our client_id or subscription. Check the connector's settings and the subscription at BKN.",
)
MISMATCH: Final = Text(
    id="Token SSO tidak cocok dengan aplikasi kita. Periksa sso_client_id dan akun, atau minta BKN menghubungkannya.",
    en="The SSO token does not belong to our application. Check sso_client_id and account, or have BKN link them.",
)
TOKEN: Final = Text(
    id="BKN menolak token, juga yang baru. Periksa jam server ini dan akun di pengaturan konektor.",
    en="BKN refuses our token, a new one as well. Check this server's clock and the account in the settings.",
)

_MESSAGES: Final[Mapping[str, Callable[[], Exception]]] = MappingProxyType(
    {
        "invalidorexpiredjwt": TokenRefusedError,
        "invalidcredentials": lambda: Misconfigured("CREDENTIALS", diagnosis=GATEWAY),
        "tokenssomismatch": lambda: Misconfigured("SSO_MISMATCH", diagnosis=MISMATCH),
        "datatidakditemukan": lambda: Rejected(NOT_FOUND, reason=UNKNOWN),
    }
)
"""Messages without case and spaces. The first is no error yet: a new token helps, once."""


def refusal(answer: Envelope, status: int = 200) -> Exception | None:
    """What an answer refuses, or None where it brings data; `status` counts where its words say nothing."""
    for said in (answer.data, answer.message, answer.description, answer.type):
        if isinstance(said, str) and (make := _MESSAGES.get("".join(said.split()).casefold())) is not None:
            return make()
    if status in {401, 404}:
        return refused_without_words(status)
    if isinstance(answer.data, (dict, list)):
        return None
    # Not quoted: nobody knows what an unknown message holds.
    return BadData("UNKNOWN_REFUSAL", diagnosis=diagnoses.UNREADABLE, field="data")


def refused_without_words(status: int) -> AgencyError:
    """What a refusal by HTTP status alone means: 401 or 404, with a page or nothing in it."""
    if status == 401:
        return Misconfigured("HTTP_401", diagnosis=diagnoses.CREDENTIALS)
    return Misconfigured("HTTP_404", diagnosis=diagnoses.WRONG_ADDRESS)
