"""Moves, within the regency and to another one."""

from typing import Any

from connectors.djp.verdicts import NO_SUCH_TAXPAYER
from connectors.dukcapil.verdicts import NEEDS_LETTER, NOT_FOUND, REASONS
from simpul.embedded.scenarios.scenario import (
    BUSY,
    DROPPED,
    OFFICERS_NO,
    UNKNOWN_CARD,
    UNKNOWN_NIK,
    Amend,
    Answer,
    Decide,
    End,
    Filing,
    Lot,
    Make,
    Scenario,
    Withdraw,
    failing,
    of_form,
    refused,
)

_BASE = 140_000
_IN_A_DISTRICT = 999
"""So many families live in one, and the next one is in the next regency."""
_SEEN = Decide("papers")
_SIGNED = "F-1.03 yang ditandatangani"
_ADDRESS = (
    *("street", "rt", "rw", "postal_code", "province_code", "province", "regency_code", "regency"),
    *("district_code", "district", "village_code", "village"),
)


def _form(lot: Lot, *, away: bool = True, **more: Any) -> dict[str, Any]:
    """A family moves to where another one lives."""
    family = lot.family(_BASE)
    next_door = -1 if family.index % _IN_A_DISTRICT == _IN_A_DISTRICT - 1 else 1
    there = lot.population.family(family.index + (_IN_A_DISTRICT if away else next_door)).address
    return {
        "nkk": family.nkk,
        "to": "another regency" if away else "same regency",
        "address": {name: getattr(there, name) for name in _ADDRESS},
        "head_nik": family.father.nik,
        "adults": [family.father.nik, family.mother.nik],
        "children": [],
        "papers": {"report": "F-1.03", "family_card": "kk.pdf"},
        "insured": True,
        "taxpayer": True,
    } | more


def _with(agency: str, operation: str, field: str, value: str, *faults: dict[str, Any]) -> Make:
    return failing(lambda lot: Filing(_form(lot), (_SEEN,)), agency, operation, of_form(field, value), *faults)


def _put_right(lot: Lot) -> Filing:
    """The wrong kind of move was ticked; that is noticed before the officer looks."""
    return Filing(_form(lot, to="same regency"), (Amend("papers", _form(lot)), _SEEN))


SCENARIOS = (
    Scenario(
        "move",
        "within the regency",
        lambda lot: Filing(_form(lot, away=False), (_SEEN,)),
        End("completed", outcomes={"card_here": "done", "letter": "skipped", "insurance": "skipped"}),
        usual=True,
    ),
    Scenario(
        "move",
        "to another regency, with cards, insurance and tax office",
        lambda lot: Filing(_form(lot), (_SEEN,)),
        End(
            "completed",
            outcomes={"card_here": "skipped", "arrival": "done", "adult_2": "done", "insurance": "done", "tax": "done"},
        ),
        usual=True,
    ),
    Scenario(
        "move",
        "a missing paper is brought",
        lambda lot: Filing(
            _form(lot, away=False),
            (
                Decide("papers", "return", missing=(_SIGNED,)),
                Answer("papers", {"report": "f103.pdf"}),
                _SEEN,
            ),
        ),
    ),
    Scenario("move", "put right before the officer looks", _put_right, End("completed", outcomes={"arrival": "done"})),
    Scenario(
        "move",
        "a family card that nobody has",
        lambda lot: Filing(_form(lot, nkk=UNKNOWN_CARD)),
        refused("family", REASONS[NOT_FOUND], papers=None),
    ),
    Scenario(
        "move",
        "the officer refuses the papers",
        lambda lot: Filing(_form(lot), (Decide("papers", "reject", reason=OFFICERS_NO),)),
        refused("papers", OFFICERS_NO, letter=None),
    ),
    Scenario(
        "move",
        "it needs a letter and says that it does not",
        lambda lot: Filing(_form(lot, to="same regency"), (_SEEN,)),
        refused("card_here", REASONS[NEEDS_LETTER], letter="skipped"),
    ),
    Scenario(
        "move",
        "a head whom the tax office does not know",
        lambda lot: Filing(_form(lot, head_nik=UNKNOWN_NIK, insured=False), (_SEEN,)),
        refused("tax", NO_SUCH_TAXPAYER, card_there="done"),
    ),
    Scenario(
        "move",
        "withdrawn while the officer looks",
        lambda lot: Filing(_form(lot), (Withdraw("papers"),)),
        End("withdrawn", outcomes={"letter": None}),
    ),
    Scenario(
        "move",
        "the line breaks when the letter is made",
        _with("dukcapil", "move_out", "nkk", "nkk", DROPPED),
        faulty=True,
    ),
    Scenario(
        "move",
        "the line breaks when the tax office takes the address",
        _with("djp", "update_address", "npwp", "head_nik", BUSY, DROPPED),
        faulty=True,
    ),
    Scenario(
        "move",
        "the line breaks when the insurance takes the address",
        _with("bpjs_kesehatan", "change_data", "nik", "head_nik", DROPPED),
        faulty=True,
    ),
)
