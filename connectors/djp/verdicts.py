"""What DJP's body statuses mean and what to do next (contract section 2, [C]): one table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected
from schemas.text import Text

OK: Final = "200"
TOKEN_REFUSED: Final = frozenset({"400", "406"})
"""Token not valid, token expired: nothing was carried out, a new token helps."""

NOT_FOUND: Final = "404"
"""[G]: how an unknown number or reference is refused."""

NO_SUCH_TAXPAYER: Final = Text(
    id="NPWP atau NIK ini tidak terdaftar di Direktorat Jenderal Pajak. Periksa kembali, atau daftar di kantor pajak.",
    en="The tax office does not know this NPWP or NIK. Check it, or register at the tax office.",
)
WRONG_NUMBER: Final = Text(
    id="Kantor pajak hanya menerima NPWP 15 digit untuk pelayanan ini. Salin NPWP lama dari kartu NPWP.",
    en="The tax office takes only an NPWP of 15 digits here. Copy the old number from the NPWP card.",
)
TOKEN: Final = Text(
    id="DJP menolak token, juga yang baru. Periksa pengguna dan kata sandi di pengaturan konektor.",
    en="DJP refuses our token, a new one as well. Check user and password in the connector's settings.",
)
HEADER: Final = Text(
    id="DJP tidak menemukan header Authorization. Periksa apakah gateway atau proxy membuangnya.",
    en="DJP found no Authorization header. Check whether a gateway or proxy drops it.",
)
ADDRESS: Final = Text(
    id="Nama pengguna dan alamat IP kita tidak cocok di DJP. Daftarkan alamat server ini, atau periksa pengguna.",
    en="Our user name and IP address do not match at DJP. Have this server's address registered, or check the user.",
)
METHOD: Final = Text(
    id="DJP menerima POST saja. Periksa apakah gateway atau proxy mengubah permintaan.",
    en="DJP takes POST only. Check whether a gateway or proxy changes our requests.",
)
UNKNOWN: Final = Text(
    id="DJP menjawab dengan status yang tidak ada dalam kontrak. Lihat kodenya dan lengkapi tabel konektor.",
    en="DJP answered with a status that the contract does not list. Look at the code; add it to the table.",
)

Make = Callable[[str], AgencyError]


def _misconfigured(diagnosis: Text) -> Make:
    return lambda code: Misconfigured(code, diagnosis=diagnosis)


VERDICTS: Final[Mapping[str, Make]] = MappingProxyType(
    {
        "203": lambda code: BadData(code, diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False),
        "400": _misconfigured(TOKEN),
        "401": _misconfigured(HEADER),
        "403": _misconfigured(ADDRESS),
        NOT_FOUND: lambda code: Rejected(code, reason=NO_SUCH_TAXPAYER),
        "405": _misconfigured(METHOD),
        "406": _misconfigured(TOKEN),
        "411": lambda code: Rejected(code, reason=WRONG_NUMBER),
    }
)


def verdict(code: str) -> AgencyError | None:
    """What a status calls for; None when it is good."""
    if code == OK:
        return None
    make = VERDICTS.get(code)
    if make is not None:
        return make(code)
    # Not quoted unless it is a short number: nobody knows what an unknown status holds.
    shown = code if code.isdigit() and len(code) <= 4 else None
    return BadData("UNKNOWN_STATUS", diagnosis=UNKNOWN, field="status", detail=shown)
