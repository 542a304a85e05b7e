"""A few services of the catalogue: an officer, a fee, one agency, a document."""

from itertools import count
from typing import Any

from connectors.dukcapil.verdicts import NOT_FOUND, REASONS
from simpul.embedded.scenarios.scenario import (
    OFFICERS_NO,
    UNKNOWN_NIK,
    Decide,
    End,
    Filing,
    Lot,
    Pay,
    Scenario,
    refused,
)

_BASE = 180_000
_CHECKED = Decide("check")
_PAPER = "berkas.pdf"


def _lost_card(lot: Lot, nik: str | None = None) -> dict[str, Any]:
    return {"nik": nik or lot.family(_BASE).mother.nik, "papers": {"police_letter": _PAPER}}


def _lost_passport(lot: Lot) -> dict[str, Any]:
    return {
        "nik": lot.family(_BASE).father.nik,
        "reason": "Hilang di perjalanan",
        "papers": {"police_letter": _PAPER, "deed": _PAPER},
    }


def _childs_card(lot: Lot) -> dict[str, Any]:
    families = (lot.family(number) for number in count(_BASE, step=100_000))
    family = next(each for each in families if each.children)
    return {
        "nik": family.mother.nik,
        "child_nik": family.children[0].nik,
        "papers": {"photo": _PAPER, "guardian": _PAPER},
    }


SCENARIOS = (
    Scenario(
        "dukcapil_ktp_lost",
        "a lost identity card",
        lambda lot: Filing(_lost_card(lot), (_CHECKED,)),
        End("completed", outcomes={"issue_ktp_el": "done", "document": "done", "notice": "skipped"}),
    ),
    Scenario(
        "dukcapil_ktp_lost",
        "a NIK that nobody has",
        lambda lot: Filing(_lost_card(lot, UNKNOWN_NIK)),
        refused("identity", REASONS[NOT_FOUND], check=None),
    ),
    Scenario(
        "imigrasi_passport_lost",
        "a lost passport, paid for",
        lambda lot: Filing(_lost_passport(lot), (_CHECKED, Pay())),
        End("completed", outcomes={"open_application": "done", "book_biometrics": "done", "document": "done"}),
    ),
    Scenario(
        "imigrasi_passport_lost",
        "the fee is never paid",
        lambda lot: Filing(_lost_passport(lot), (_CHECKED,)),
        End("lapsed", "payment", outcomes={"open_application": None, "document": None}),
        lapses=True,
    ),
    Scenario(
        "dukcapil_kia",
        "the officer refuses the papers",
        lambda lot: Filing(_childs_card(lot), (Decide("check", "reject", reason=OFFICERS_NO),)),
        refused("check", OFFICERS_NO, issue_child_card=None, document=None),
    ),
)
