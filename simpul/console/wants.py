"""Whether what people entered is what they were asked for, in words that name the field and never the value."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from schemas.text import Text
from simpul.console.problems import FieldProblem
from simpul.definition import Want

MOST_SUPPLIED = 50
MOST_CHARACTERS = 4000


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value.strip()) > 0 and len(value) <= MOST_CHARACTERS and "\0" not in value


_FITS = {
    "text": (_is_text, Text(id="berupa teks", en="is a text of at most 4000 characters")),
    "paper": (_is_text, Text(id="berupa nomor atau nama berkas", en="is the paper's number or file name")),
    "date": (_is_date, Text(id="berupa tanggal, tahun-bulan-hari", en="is a date, written year-month-day")),
    "number": (
        lambda value: isinstance(value, int | float) and not isinstance(value, bool),
        Text(id="berupa angka", en="is a number"),
    ),
    "yes_no": (lambda value: isinstance(value, bool), Text(id="berupa ya atau tidak", en="is true or false")),
}


def problems(wants: Sequence[Want], given: Mapping[str, Any], at: str) -> list[FieldProblem]:
    """What does not fit, field by field.

    Args:
        at: Where the answers stand in the request, such as `answers`.
    """
    known = {want.name: want for want in wants}
    found = [
        FieldProblem(f"/{at}/{want.name}", Text(id="wajib diisi", en="is required"))
        for want in wants
        if want.required and given.get(want.name) is None
    ]
    for name, value in given.items():
        want = known.get(name)
        if want is None:
            names = ", ".join(known) or "-"
            found.append(
                FieldProblem(
                    f"/{at}/*",
                    Text(id=f"tidak ditanyakan; yang ditanyakan: {names}", en=f"is not asked for; asked for: {names}"),
                )
            )
        elif value is not None and not _FITS[want.kind][0](value):
            found.append(FieldProblem(f"/{at}/{name}", _FITS[want.kind][1]))
    return list(dict.fromkeys(found))


def supplied(given: Mapping[str, Any], at: str) -> list[FieldProblem]:
    """The same for what the citizen brings after an officer's question, which names no fields."""
    fits = (
        0 < len(given) <= MOST_SUPPLIED
        and all(_is_text(name) for name in given)
        and all(isinstance(value, bool | int | float) or _is_text(value) for value in given.values())
    )
    told = Text(
        id="berisi satu sampai 50 isian berupa teks, angka, atau ya/tidak",
        en="holds one to 50 entries, each a text, a number, or true/false",
    )
    return [] if fits else [FieldProblem(f"/{at}", told)]
