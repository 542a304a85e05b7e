"""Births: the card with the child on it, the child's card, the insurance; nobody but agencies is asked."""

import json
from datetime import timedelta
from typing import Any

from connectors.bpjs_kesehatan.verdicts import REFUSALS
from connectors.dukcapil.verdicts import NOT_FOUND, REASONS
from simpul.embedded.scenarios.scenario import (
    BUSY,
    DROPPED,
    SILENT,
    UNKNOWN_CARD,
    End,
    Filing,
    Lot,
    Make,
    Scenario,
    failing,
    of_form,
    refused,
)

_BASE = 100_000
_NO_MEMBERS = {"metaData": {"code": "201", "message": "Kepesertaan ibu non aktif"}, "response": None}
_NOT_ACTIVE = next(each.reason for each in REFUSALS if each.code == "FAMILY_NOT_ACTIVE")
_NAMES = ("Aditya", "Bunga", "Cahya", "Dewi", "Eka", "Fajar", "Gita", "Hendra", "Indah", "Joko", "Kirana", "Nadia")


def _form(lot: Lot, nkk: str | None = None, *, enrol: bool = True) -> dict[str, Any]:
    child = {
        "name": f"{_NAMES[lot.case % len(_NAMES)]} Contoh",
        "sex": "female" if lot.case % 2 else "male",
        "birth_date": (lot.now.date() - timedelta(days=3 + lot.case % 40)).isoformat(),
        "birth_place": "Simpul",
    }
    return {"nkk": nkk or lot.family(_BASE).nkk, "child": child, "enrol": enrol}


def _with(agency: str, operation: str, *faults: dict[str, Any]) -> Make:
    return failing(lambda lot: Filing(_form(lot)), agency, operation, of_form("nkk", "nkk"), *faults)


def _twice(lot: Lot) -> Filing:
    return Filing(_form(lot, lot.population.family_with("duplicate_mother", lot.case).nkk))


SCENARIOS = (
    Scenario("birth", "everything in one visit", lambda lot: Filing(_form(lot)), usual=True),
    Scenario(
        "birth",
        "the insurance is not asked for",
        lambda lot: Filing(_form(lot, enrol=False)),
        End("completed", outcomes={"insurance": "skipped"}),
    ),
    Scenario(
        "birth",
        "a family card that nobody has",
        lambda lot: Filing(_form(lot, UNKNOWN_CARD)),
        refused("parents", REASONS[NOT_FOUND], deed=None),
    ),
    Scenario("birth", "the mother is recorded twice", _twice, refused("deed", REASONS["12"], insurance=None)),
    Scenario(
        "birth",
        "the insurance refuses the child",
        _with(
            "bpjs_kesehatan",
            "enrol_newborn",
            {"kind": "status", "status": 200, "body": json.dumps(_NO_MEMBERS), "media_type": "application/json"},
        ),
        refused("insurance", _NOT_ACTIVE, deed="done"),
    ),
    Scenario(
        "birth",
        "two 503s, then a time-out after the deed was made",
        _with("dukcapil", "register_birth", BUSY, BUSY, SILENT),
        faulty=True,
    ),
    Scenario(
        "birth",
        "the line breaks when the child is insured",
        _with("bpjs_kesehatan", "enrol_newborn", DROPPED),
        faulty=True,
    ),
)
