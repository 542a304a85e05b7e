"""How agencies write text, numbers, dates, sexes and places, read into ours. Pure functions, shared by all mappings.

What cannot be read is `BadData` that names the field and quotes nothing of it.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData
from schemas.identifiers import Sex

WIB: Final = timezone(timedelta(hours=7), "WIB")
"""Western Indonesian time, which central agencies write without saying so."""

_NOTHING: Final = frozenset({"", "-", "--", "0", "null", "none"})
_DAYS: Final = ("%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%Y%m%d")
_MOMENTS: Final = ("%Y-%m-%d %H:%M:%S", "%d-%m-%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%Y%m%d%H%M%S")
_DAY_AND_MORE: Final = re.compile(r"(\d{4}-\d{2}-\d{2}|\d{2}[-/]\d{2}[-/]\d{4}|\d{8})(?:[T ].*)?")
_SEXES: Final[Mapping[str, Sex]] = MappingProxyType(
    {
        **dict.fromkeys(("laki-laki", "lakilaki", "laki", "l", "m", "male", "pria", "1"), "male"),
        **dict.fromkeys(("perempuan", "p", "f", "female", "wanita", "2"), "female"),
    }
)


def text(value: Any) -> str | None:
    """Text with its white space folded; None for every way of writing nothing: `-`, `0`, an empty string, blanks, null."""
    folded = "" if value is None else " ".join(str(value).split())
    return None if folded.casefold() in _NOTHING else folded


def needed(value: Any, field: str) -> str:
    """Text that an answer cannot do without.

    Raises:
        BadData: It says nothing.
    """
    found = text(value)
    if found is None:
        raise BadData("MISSING", diagnosis=diagnoses.UNREADABLE, field=field)
    return found


def padded(value: Any, width: int) -> str | None:
    """A number that may have come as a JSON number, without its leading zeros."""
    found = text(value)
    return found.zfill(width) if found and found.isdigit() else found


def day(value: Any, field: str | None = None) -> date | None:
    """A date in any of the four forms that occur: `1990-01-31`, `31-01-1990`, `31/01/1990`, `19900131`.

    A time behind it is passed over; `0000-00-00` says nothing.

    Raises:
        BadData: It is none of them.
    """
    found = text(value)
    if found is None or not found.strip("0-/"):
        return None
    written = _DAY_AND_MORE.fullmatch(found)
    for form in _DAYS if written else ():
        try:
            return datetime.strptime(written[1], form).date()  # type: ignore[index]  # noqa: DTZ007  (a date has no zone)
        except ValueError:
            continue
    raise BadData("DATE", diagnosis=diagnoses.UNREADABLE, field=field, detail="a date in an unknown form")


def moment(value: Any, field: str | None = None) -> datetime | None:
    """A time stamp in the forms of `day` with a time of day, or ISO 8601; western Indonesian time where it names no zone.

    Raises:
        BadData: It is none of them.
    """
    found = text(value)
    if found is None or not found.strip("0-/: "):
        return None
    try:
        read = datetime.fromisoformat(found)
    except ValueError:
        read = next((one for one in map(_moment(found), _MOMENTS) if one), None)  # type: ignore[assignment]
    if read is None:
        raise BadData("TIME", diagnosis=diagnoses.UNREADABLE, field=field, detail="a time in an unknown form")
    return read if read.tzinfo else read.replace(tzinfo=WIB)


def amount(value: Any, field: str | None = None) -> Decimal | None:
    """Money or an area: a JSON number, `250000.00`, `250.000,00` or `Rp 250.000`; None where it says nothing, zero stays.

    Raises:
        BadData: It is no such number.
    """
    if value is None or isinstance(value, bool):
        return None
    written = str(value).strip().removeprefix("Rp").strip().rstrip("-").rstrip(",")
    if written.casefold() in _NOTHING - {"0"}:
        return None
    if "," in written or re.fullmatch(r"\d{1,3}(\.\d{3})+", written):
        written = written.replace(".", "").replace(",", ".")
    try:
        found = Decimal(written)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise BadData("NUMBER", diagnosis=diagnoses.UNREADABLE, field=field, detail="a number in an unknown form")
    return found


def sex(value: Any) -> Sex | None:
    """Male or female; None where the agency does not say."""
    found = text(value)
    return _SEXES.get(found.casefold().replace(" ", "")) if found else None


def region(*parts: tuple[Any, int]) -> list[str | None]:
    """Kemendagri codes of growing length from an agency's separate parts: `region((99, 2), (1, 2))` is `["99", "9901"]`.

    Each part is padded to its width; below a part that is missing everything is None.
    """
    codes: list[str | None] = []
    above: str | None = ""
    for value, width in parts:
        own = padded(value, width)
        above = f"{above}{own}" if above is not None and own else None
        codes.append(above)
    return codes


def ours(found: str | None, asked: str | None, field: str) -> None:
    """Whether an answer is about what was asked.

    Raises:
        BadData: It is about something else.
    """
    if asked is not None and found != asked:
        raise BadData("SOMEBODY_ELSE", diagnosis=diagnoses.UNREADABLE, field=field, detail="not what was asked for")


def _moment(written: str) -> Any:
    def read(form: str) -> datetime | None:
        try:
            return datetime.strptime(written, form)  # noqa: DTZ007  (the caller adds the zone)
        except ValueError:
            return None

    return read
