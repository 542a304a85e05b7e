"""Deaths: the papers are seen, the deed is made, and everybody who has to know is told."""

from typing import Any

from connectors.bpjs_ketenagakerjaan.verdicts import REASONS as EMPLOYMENT
from connectors.dukcapil.verdicts import REASONS
from connectors.toolkit.population import SyntheticFamily
from simpul.embedded.scenarios.scenario import (
    BUSY,
    DROPPED,
    OFFICERS_NO,
    UNKNOWN_NIK,
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

_BASE = 120_000
_SERVANTS = 80
"""Every twelfth family has a civil servant, up to the 3000th: so many of them for each of the scenarios that need one."""
_SEEN = Decide("papers")
_LETTER = "Surat kematian dari rumah sakit atau kepala desa"


def _form(lot: Lot, family: SyntheticFamily | None = None, **more: Any) -> dict[str, Any]:
    """The father of a family has died."""
    family = family or lot.family(_BASE)
    papers = {"report": "F-2.01", "death_letter": "SK-99/1", "family_card": "kk.pdf", "identity_card": "ktp.pdf"}
    heir = {"nik": family.mother.nik, "name": family.mother.name, "relation": "spouse"}
    return {
        "nik": family.father.nik,
        "nkk": family.nkk,
        "died_on": lot.today,
        "place": "Kota Contoh",
        "reporter_nik": family.mother.nik,
        "papers": papers,
        "insured": True,
        "heir": heir,
    } | more


def _servant(lot: Lot, place: int = 0) -> SyntheticFamily:
    return lot.population.family(12 * (place * _SERVANTS + lot.case % _SERVANTS))


def _with(agency: str, operation: str, *faults: dict[str, Any]) -> Make:
    return failing(lambda lot: Filing(_form(lot), (_SEEN,)), agency, operation, of_form("nik", "nik"), *faults)


def _dead_already(lot: Lot) -> Filing:
    return Filing(_form(lot, lot.population.family_with("deceased_father", lot.case)))


SCENARIOS = (
    Scenario(
        "death",
        "nobody else is to be told",
        lambda lot: Filing(_form(lot, insured=False, heir=None), (_SEEN,)),
        End("completed", outcomes={"insurance": "skipped", "claim": "skipped", "service_end": "skipped"}),
        usual=True,
    ),
    Scenario(
        "death",
        "a civil servant's, and everybody is told",
        lambda lot: Filing(_form(lot, _servant(lot)), (_SEEN,)),
        End("completed", outcomes={"spouse_card": "done", "insurance": "done", "claim": "done", "service_end": "done"}),
    ),
    Scenario(
        "death",
        "a missing paper is brought",
        lambda lot: Filing(
            _form(lot),
            (
                Decide("papers", "return", missing=(_LETTER,)),
                Answer("papers", {"letter": "surat.pdf"}),
                _SEEN,
            ),
        ),
    ),
    Scenario(
        "death",
        "the officer refuses the papers",
        lambda lot: Filing(_form(lot), (Decide("papers", "reject", reason=OFFICERS_NO),)),
        refused("papers", OFFICERS_NO, deed=None),
    ),
    Scenario(
        "death",
        "a missing paper never comes",
        lambda lot: Filing(_form(lot), (Decide("papers", "return", missing=(_LETTER,)),)),
        End("lapsed", "papers", outcomes={"deed": None}),
        lapses=True,
    ),
    Scenario("death", "nobody dies twice", _dead_already, refused("identity", REASONS["11"], deed=None)),
    Scenario(
        "death",
        "an heir whom nobody knows",
        lambda lot: Filing(_form(lot, heir={"nik": UNKNOWN_NIK, "name": "Tidak Ada", "relation": "other"}), (_SEEN,)),
        refused("claim", EMPLOYMENT["13"], deed="done"),
    ),
    Scenario(
        "death",
        "withdrawn while the officer looks",
        lambda lot: Filing(_form(lot), (Withdraw("papers"),)),
        End("withdrawn", outcomes={"deed": None}),
    ),
    Scenario(
        "death", "the line breaks when the deed is made", _with("dukcapil", "register_death", DROPPED), faulty=True
    ),
    Scenario(
        "death",
        "the line breaks when the insurance is ended",
        _with("bpjs_kesehatan", "stop_membership", BUSY, DROPPED),
        faulty=True,
    ),
    Scenario(
        "death",
        "the line breaks when the benefit is claimed",
        _with("bpjs_ketenagakerjaan", "file_death_claim", DROPPED),
        faulty=True,
    ),
)
