"""The demo's 20 applications: what each files, which faults its agencies are told to have, how it must end.

Pure data about generated people; `demo.py` files it.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import cycle
from typing import Any

from connectors.toolkit.population import Population

CHANNELS = ("counter", "mobile", "kiosk", "web")
UNKNOWN_NIK = "9999990101900001"
"""A NIK of a district that does not exist: nobody has it."""

_NAMES = (
    *("Aditya", "Bunga", "Cahya", "Dewi", "Eka", "Fajar", "Gita", "Hendra"),
    *("Indah", "Joko", "Kirana", "Lestari", "Mahesa", "Nadia", "Oki"),
)


@dataclass(frozen=True)
class Fault:
    """What an agency is told to do wrong, once per entry of `faults`, to requests that match."""

    agency: str
    operation: str
    match: dict[str, str]
    faults: list[dict[str, Any]]


@dataclass(frozen=True)
class Sample:
    """One application of the demo.

    Attributes:
        expected: The state in which it must end.
        note: What is special about it.
        faults: What its agencies are told to do wrong.
    """

    service: str
    channel: str
    form: dict[str, Any] = field(repr=False)
    expected: str = "completed"
    note: str = ""
    faults: tuple[Fault, ...] = ()


def samples(population: Population, today: date) -> list[Sample]:
    """15 birth packages of children born in the weeks before today, and 5 passports, over all channels."""
    channels = cycle(CHANNELS)
    births = [_birth(population, index, next(channels), today) for index in range(_BIRTHS)]
    passports = [_passport(population, index, next(channels)) for index in range(_PASSPORTS)]
    return births + passports


_BIRTHS, _PASSPORTS = 15, 5
_OF_A_DUPLICATE_MOTHER, _IN_TROUBLE, _NOT_ENROLLED, _OF_NOBODY = 4, 9, 12, 3


def _birth(population: Population, index: int, channel: str, today: date) -> Sample:
    family = population.family(index)
    form: dict[str, Any] = {
        "nkk": family.nkk,
        "child": {
            "name": f"{_NAMES[index]} Contoh",
            "sex": "female" if index % 2 else "male",
            "birth_date": (today - timedelta(days=3 + index)).isoformat(),
            "birth_place": "Simpul",
        },
        "enrol": index != _NOT_ENROLLED,
    }
    if index == _OF_A_DUPLICATE_MOTHER:
        form["nkk"] = population.family_with("duplicate_mother").nkk
        return Sample("birth", channel, form, expected="rejected", note="mother recorded twice")
    if index == _IN_TROUBLE:
        trouble = Fault(
            "dukcapil",
            "register_birth",
            {"nkk": form["nkk"]},
            [
                {"kind": "status", "status": 503},
                {"kind": "status", "status": 503},
                {"kind": "timeout", "seconds": 15, "after_write": True},
            ],
        )
        return Sample("birth", channel, form, note="two 503s, then a time-out", faults=(trouble,))
    return Sample("birth", channel, form, note="" if form["enrol"] else "insurance not asked for")


def _passport(population: Population, index: int, channel: str) -> Sample:
    person = population.family(100 + index).mother
    form = {"nik": person.nik, "book": "10 years" if index % 2 else "5 years"}
    if index == _OF_NOBODY:
        form["nik"] = UNKNOWN_NIK
        return Sample("passport", channel, form, expected="rejected", note="NIK unknown")
    return Sample("passport", channel, form, note="paid at the bank")
