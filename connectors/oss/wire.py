"""OSS's own shapes: requests in a wrapper named in capitals, answers in one whose name drifts."""

from collections.abc import Mapping
from typing import Any, Final

from connectors.toolkit import diagnoses
from connectors.toolkit.errors import BadData

Row = Mapping[str, Any]

TRAILING: Final = "tipe_dokumen "
"""A field of `dataNIB`, with the space that the contract has in it."""


def unwrapped(answer: Any) -> Row:
    """What is inside the wrapper, found by its shape.

    It is called `responcheckLicenseStatus`, `responcheckStatusLicense` or `responsecheckStatusLicense`, as it pleases.

    Raises:
        BadData: Nothing there has a `kode`.
    """
    rows = [answer, *(answer.values() if isinstance(answer, dict) else ())]
    for row in rows:
        if isinstance(row, dict) and "kode" in row:
            return row
    raise BadData("NO_CODE", diagnosis=diagnoses.UNREADABLE, field="kode")


def row(value: Any, field: str) -> Row:
    """A value that must be an object; a list of one counts as its one.

    Raises:
        BadData: It is none.
    """
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(one, dict):
        raise BadData("NOT_AN_OBJECT", diagnosis=diagnoses.UNREADABLE, field=field)
    return one


def rows(value: Any, field: str) -> list[Row]:
    """A list of objects; nothing, in any way of writing it, is an empty one, and a single object a list of one.

    Raises:
        BadData: It is something else.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return []
    found = [value] if isinstance(value, dict) else value
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadData("NOT_A_LIST", diagnosis=diagnoses.UNREADABLE, field=field)
    return found
