"""Marriages: at the KUA and outside, paid and unpaid, held and refused."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from connectors.dukcapil.verdicts import REASONS
from connectors.satusehat.verdicts import NO_LETTER
from connectors.simkah.verdicts import REASONS as KUA
from connectors.toolkit import holdings
from simpul.embedded.scenarios.scenario import (
    BUSY,
    DROPPED,
    OFFICERS_NO,
    Answer,
    Decide,
    End,
    Filing,
    Lot,
    Make,
    Pay,
    Scenario,
    Withdraw,
    failing,
    refused,
)

_SEEN = Decide("papers")
_DEED = "Akta kelahiran calon istri"


def _form(lot: Lot, *, venue: str = "outside", **more: Any) -> dict[str, Any]:
    """A couple marries today, with a dispensation, so that the ceremony can be recorded at once."""
    husband, wife = holdings.couple(lot.population, lot.number, lot.now.date())
    return {
        "husband_nik": husband.nik,
        "wife_nik": wife.nik,
        "nkk": husband.nkk,
        "ceremony_at": lot.now.replace(hour=9, minute=0, second=0, microsecond=0).isoformat(),
        "office": "KUA Kecamatan Contoh",
        "venue": venue,
        "address": "Jalan Contoh Nomor 1" if venue == "outside" else None,
        "guardian_name": "Contoh Wali",
        "witnesses": ["Contoh Saksi", "Contoh Saksi Lain"],
        "dowry": "Seperangkat alat salat",
        "forms": ["N1", "N2", "N4", "N5"],
        "dispensation_number": f"D-99/{lot.number}",
        "papers": {"identity_cards": "ktp.pdf", "family_cards": "kk.pdf", "birth_deeds": "akta.pdf"},
        "insured": "both",
    } | more


def _held(lot: Lot, *, days_early: int = 0) -> Decide:
    held = lot.now.date() - timedelta(days=days_early)
    return Decide("ceremony", findings={"held_on": held.isoformat()})


def _acts(lot: Lot) -> tuple[Decide | Pay, ...]:
    """On a Saturday the office takes the fee as well."""
    return (_SEEN, Pay(), _held(lot))


def _with(agency: str, operation: str, *faults: dict[str, Any]) -> Make:
    def match(lot: Lot, _form: Mapping[str, Any]) -> dict[str, str]:
        husband, _ = holdings.couple(lot.population, lot.number, lot.now.date())
        known = {"simkah": ("husband_nik", husband.nik), "dukcapil": ("nik_suami", husband.nik)}
        return dict([known.get(agency, ("payer_name", husband.name.upper()))])

    return failing(lambda lot: Filing(_form(lot), _acts(lot)), agency, operation, match, *faults)


def _child(lot: Lot) -> str:
    """Too young to have been examined."""
    index = next(
        index
        for index in range(lot.number * 100, lot.number * 100 + 100)
        if any(lot.now.year - child.birth_date.year < 15 for child in lot.population.family(index).children)
    )
    return next(
        child.nik for child in lot.population.family(index).children if lot.now.year - child.birth_date.year < 15
    )


SCENARIOS = (
    Scenario(
        "marriage",
        "at the office",
        lambda lot: Filing(_form(lot, venue="office"), _acts(lot)),
        End("completed", outcomes={"registered": "done", "husband_insurance": "done", "wife_insurance": "done"}),
        usual=True,
    ),
    Scenario(
        "marriage",
        "outside the office, paid for",
        lambda lot: Filing(_form(lot), _acts(lot)),
        End("completed", outcomes={"payment": "done", "book": "done"}),
        usual=True,
    ),
    Scenario(
        "marriage",
        "a missing paper is brought",
        lambda lot: Filing(
            _form(lot, insured="neither"),
            (
                Decide("papers", "return", missing=(_DEED,)),
                Answer("papers", {"birth_deed": "akta-istri.pdf"}),
                *_acts(lot),
            ),
        ),
        End("completed", outcomes={"husband_insurance": "skipped", "wife_insurance": "skipped"}),
    ),
    Scenario(
        "marriage",
        "one of them has died",
        lambda lot: Filing(_form(lot, husband_nik=lot.population.family_with("deceased_father", lot.case).father.nik)),
        refused("husband", REASONS["11"], intent=None),
    ),
    Scenario(
        "marriage",
        "one of them has no health letter",
        lambda lot: Filing(_form(lot, wife_nik=_child(lot))),
        refused("wife_health", NO_LETTER, intent=None),
    ),
    Scenario(
        "marriage",
        "a form is missing",
        lambda lot: Filing(_form(lot, forms=["N1"])),
        refused("intent", KUA["BERKAS"], papers=None),
    ),
    Scenario(
        "marriage",
        "too soon without a dispensation",
        lambda lot: Filing(_form(lot, dispensation_number=None)),
        refused("intent", KUA["WAKTU"], papers=None),
    ),
    Scenario(
        "marriage",
        "he is married already",
        lambda lot: Filing(_form(lot, husband_nik=lot.family(170_000).father.nik)),
        refused("intent", KUA["KAWIN"], papers=None),
    ),
    Scenario(
        "marriage",
        "the officer refuses the papers",
        lambda lot: Filing(_form(lot), (Decide("papers", "reject", reason=OFFICERS_NO),)),
        refused("papers", OFFICERS_NO, intent="done", verified=None),
    ),
    Scenario(
        "marriage",
        "withdrawn after it was registered",
        lambda lot: Filing(_form(lot), (Withdraw("papers"),)),
        End("withdrawn", outcomes={"intent": "done", "verified": None}),
    ),
    Scenario(
        "marriage",
        "recorded for a day before the agreed one",
        lambda lot: Filing(_form(lot), (_SEEN, Pay(), _held(lot, days_early=1))),
        refused("book", KUA["TANGGAL"], payment="done", registered=None),
    ),
    Scenario(
        "marriage",
        "the fee is never paid",
        lambda lot: Filing(_form(lot), (_SEEN,)),
        End("lapsed", "payment", outcomes={"verified": "done", "book": None}),
        lapses=True,
    ),
    Scenario(
        "marriage",
        "nobody looks at the papers in time",
        lambda lot: Filing(_form(lot)),
        End("lapsed", "papers", outcomes={"intent": "done", "verified": None}),
        lapses=True,
    ),
    Scenario(
        "marriage",
        "the line breaks when it is registered at the KUA",
        _with("simkah", "register_intent", DROPPED),
        faulty=True,
    ),
    Scenario(
        "marriage",
        "no bill at the first two tries",
        _with("simponi", "create_bill", BUSY, BUSY),
        faulty=True,
    ),
    Scenario(
        "marriage",
        "the line breaks when the registry marries them",
        _with("dukcapil", "register_marriage", DROPPED),
        faulty=True,
    ),
)
