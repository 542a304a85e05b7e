"""What OSS's `kode` means and what to do next. It stands inside the answer, mostly with HTTP 200."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import AgencyError, BadData, Misconfigured, Rejected, Retriable
from schemas.text import Text

NOT_FOUND: Final = "400"

NO_SUCH_BUSINESS: Final = Text(
    id="Data tidak ditemukan di OSS. Periksa NIB atau NPWP, atau data usaha di oss.go.id.",
    en="OSS has no such record. Check the NIB or NPWP, or the business's data at oss.go.id.",
)

Make = Callable[[], AgencyError]


def _stopped(code: str, diagnosis: Text) -> Make:
    return lambda: Misconfigured(code, diagnosis=diagnosis)


def _later(code: str) -> Make:
    return lambda: Retriable(code, diagnosis=diagnoses.AGENCY_FAULT, doubtful=True)


CODES: Final[Mapping[str, Make]] = MappingProxyType(
    {
        "401": _stopped("401", diagnoses.CREDENTIALS),
        "403": _stopped("403", diagnoses.CREDENTIALS),
        "404": _stopped("404", diagnoses.WRONG_ADDRESS),
        "405": _stopped("405", diagnoses.WRONG_ADDRESS),
        "500": _later("500"),
        "504": _later("504"),
    }
)


def refusal(code: str, *, asked: bool) -> AgencyError | None:
    """What a `kode` refuses, or None where it is an answer.

    Args:
        code: As it came.
        asked: We asked for something: then 400 says that it is not there. When we sent something, that its form is wrong.
    """
    if code == "200":
        return None
    if code == NOT_FOUND:
        if asked:
            return Rejected(code, reason=NO_SUCH_BUSINESS)
        return BadData(code, diagnosis=diagnoses.BAD_REQUEST, owner="us", doubtful=False)
    make = CODES.get(code)
    return BadData("UNKNOWN_CODE", diagnosis=diagnoses.UNREADABLE, field="kode") if make is None else make()
