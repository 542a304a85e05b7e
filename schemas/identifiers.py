"""The numbers that people, businesses, land and cases are known by: normalised, validated, never quoted in errors.

All are strings of digits, so that leading zeros survive. Whether a number exists is the agency's to say, not ours.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from schemas.privacy import mask, personal

__all__ = [
    "NIB",
    "NIK",
    "NKK",
    "NOP",
    "NPWP",
    "NPWP15",
    "NPWP16",
    "ApplicationNumber",
    "BPJSNumber",
    "BillingCode",
    "Sex",
    "application_number",
    "display_number",
    "mask",
    "nik_warnings",
    "npwp16",
]

Sex = Literal["female", "male"]

# Written forms group digits with these; dashes and the no-break space come from word processors.
_SEPARATORS = dict.fromkeys(map(ord, " .-\t\u00a0\u2010\u2011\u2012\u2013\u2014"))


@dataclass(frozen=True)
class Digits:
    """How one kind of number is normalised and validated: the metadata of the annotated types below.

    Attributes:
        format: the `format` and error type in JSON Schema and validation errors.
        title: what people call it, with its article.
        lengths: allowed numbers of digits, shortest first.
        source: where a person finds the right number; completes "Copy it from ...".
        example: a number nobody has.
        zeros: whether it can begin with zero, so that one sent as a JSON number is padded back to its shortest length.
        damm: whether the last digit is a check digit by Damm's quasigroup.
    """

    format: str
    title: str
    lengths: tuple[int, ...]
    source: str
    example: str
    zeros: bool = False
    damm: bool = False

    @cached_property
    def pattern(self) -> str:
        """Regular expression of the normalised form."""
        return "|".join(f"^[0-9]{{{length}}}$" for length in self.lengths)

    def normalise(self, value: Any) -> str:
        """Digits only, of a right length.

        Raises:
            PydanticCustomError: says what is wrong and what to do, never the value.
        """
        if type(value) is int and value >= 0:
            value = str(value).zfill(self.lengths[0] if self.zeros else 0)
        if not isinstance(value, str):
            raise self._error("is written as text", "this is something else. Send it as a JSON string of digits")
        digits = value.translate(_SEPARATORS)
        if not (digits.isascii() and digits.isdigit()):
            found = "this has other characters too" if digits else "this is empty"
            raise self._error(f"has {self._count} digits", f"{found}. Copy it from {self.source}")
        if len(digits) not in self.lengths:
            raise self._error(f"has {self._count} digits", f"this has {len(digits)}. Copy it from {self.source}")
        if self.damm and _damm(digits) != 0:
            raise self._error(
                "ends in a check digit", f"and this one does not fit: a digit is wrong. Copy it from {self.source}"
            )
        return digits

    @property
    def _count(self) -> str:
        return " or ".join(map(str, self.lengths))

    def _error(self, rule: str, found: str) -> PydanticCustomError:
        return PydanticCustomError(self.format, f"{self.title} {rule}, {found}.")

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.normalise, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": self.format, "pattern": self.pattern, "examples": [self.example]}


NIK = Annotated[
    str,
    Digits("nik", "A NIK", (16,), "the KTP or the family card", "9974014101900001"),
    personal("general"),
]
"""Nomor Induk Kependudukan. 16 digits is the only hard rule (PP 40/2019 art. 30): see `nik_warnings`."""

NKK = Annotated[
    str,
    Digits("nkk", "A family card number (NKK)", (16,), "the top of the family card", "9974010101900002"),
    personal("general"),
]

NPWP15 = Annotated[
    str,
    Digits("npwp15", "An NPWP of the old form", (15,), "the NPWP card", "990000000999000", zeros=True),
    personal("specific", kind="financial"),
]

NPWP16 = Annotated[
    str,
    Digits("npwp16", "An NPWP of the new form", (16,), "the NPWP card", "0990000000999000", zeros=True),
    personal("specific", kind="financial"),
]
"""A resident individual's is the NIK; others have "0" before the old 15 digits (PMK 112/2022, PMK 136/2023)."""

NPWP = Annotated[
    str,
    Digits("npwp", "An NPWP", (15, 16), "the NPWP card", "0990000000999000", zeros=True),
    personal("specific", kind="financial"),
]

BPJSNumber = Annotated[
    str,
    Digits("bpjs-number", "A BPJS Kesehatan number", (13,), "the JKN-KIS card", "0009900000001", zeros=True),
    personal("specific", kind="health"),
]

NIB = Annotated[
    str,
    Digits("nib", "A business number (NIB)", (13,), "the NIB certificate of OSS", "9900000000001", zeros=True),
]
"""Nomor Induk Berusaha: it names a business, which is not personal data by itself."""

NOP = Annotated[
    str,
    Digits("nop", "A tax object number (NOP)", (18,), "the PBB tax letter (SPPT)", "999999999999999990"),
    personal("specific", kind="financial"),
]
"""Nomor Objek Pajak: province 2, district 2, subdistrict 3, village 3, block 3, number 4, type 1."""

BillingCode = Annotated[
    str,
    Digits("billing-code", "A billing code", (15,), "the bill", "820990000000001", zeros=True),
    personal("specific", kind="financial"),
]

ApplicationNumber = Annotated[
    str,
    Digits(
        "application-number", "An application number", (14,), "the receipt", "99260000000010", zeros=True, damm=True
    ),
]
"""`IIYYNNNNNNNNNC`: installation, year, sequence, check digit. Pseudonymous: it is shown to officers, and blinded
wherever others could read it."""


def application_number(installation: str, year: int, sequence: int) -> str:
    """The number of the `sequence`-th application of a year at an installation.

    Args:
        installation: two digits.
        year: full, such as 2026; its last two digits are used.
        sequence: 1 to 999,999,999.

    Raises:
        ValueError: an argument is out of range.
    """
    if not re.fullmatch("[0-9]{2}", installation):
        raise ValueError("installation is two digits: set SIMPUL_INSTALLATION, such as 01")
    if not 2000 <= year <= 2099:
        raise ValueError("year is written in full and lies between 2000 and 2099")
    if not 1 <= sequence <= 999_999_999:
        raise ValueError("sequence lies between 1 and 999,999,999: an installation has no more numbers in a year")
    body = f"{installation}{year % 100:02d}{sequence:09d}"
    return f"{body}{_damm(body)}"


def display_number(number: str) -> str:
    """`II-YY-NNNNNNNNN-C`, as it stands on a receipt. Input is a normalised number."""
    return f"{number[:2]}-{number[2:4]}-{number[4:13]}-{number[13:]}"


def npwp16(npwp15: str) -> str:
    """The 16-digit form of a non-resident's or a business's old NPWP (PMK 112/2022)."""
    return f"0{npwp15}"


def nik_warnings(nik: str, *, birth_date: date | None = None, sex: Sex | None = None) -> list[str]:
    """What looks odd in a NIK's structure, in sentences that do not quote it; empty when nothing does.

    Region 6, DDMMYY with 40 added to a woman's day, sequence 4 (PP 37/2007 art. 37). A NIK is for life and is not
    corrected when the data behind it are, so a mismatch calls for a second look, never for a rejection.

    Args:
        nik: normalised, 16 digits.
        birth_date: from the person's papers, to compare.
        sex: from the person's papers, to compare.
    """
    day, month, year, sequence = int(nik[6:8]), int(nik[8:10]), int(nik[10:12]), nik[12:]
    woman = day > 40
    born = (day - 40 if woman else day, month, year)
    papers = birth_date and (birth_date.day, birth_date.month, birth_date.year % 100)
    odd: Sequence[tuple[bool, str]] = (
        (int(nik[:2]) < 11, "The NIK begins with a code that no province has."),
        (not _is_date(*born), "Digits 7 to 12 of the NIK are not a date of birth."),
        (sequence == "0000", "The NIK ends in 0000, but sequences begin at 0001."),
        (papers is not None and papers != born, "The date of birth in the NIK differs from the papers."),
        (sex is not None and (sex == "female") != woman, "The sex in the NIK differs from the papers."),
    )
    return [sentence for applies, sentence in odd if applies]


def _is_date(day: int, month: int, year: int) -> bool:
    # Two digits do not tell the century: 29 February of year 00 was real in 2000 and not in 1900.
    for century in (1900, 2000):
        try:
            date(century + year, month, day)
        except ValueError:
            continue
        return True
    return False


# Damm (2004), quasigroup of order 10: finds every wrong digit and every swap of two neighbours.
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)


def _damm(digits: str) -> int:
    """The check digit of a number; zero for a number that ends in the right one."""
    interim = 0
    for digit in digits:
        interim = int(_DAMM[interim][int(digit)])
    return interim
