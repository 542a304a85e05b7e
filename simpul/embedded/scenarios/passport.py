"""Passports: a fee that is paid or not, then immigration."""

from typing import Any

from connectors.dukcapil.verdicts import NOT_FOUND, REASONS
from simpul.embedded.scenarios.scenario import (
    BUSY,
    DROPPED,
    UNKNOWN_NIK,
    End,
    Fault,
    Filing,
    Lot,
    Pay,
    Scenario,
    Withdraw,
    refused,
)

_BASE = 160_000


def _form(lot: Lot, nik: str | None = None) -> dict[str, Any]:
    return {"nik": nik or lot.family(_BASE).mother.nik, "book": "10 years" if lot.case % 2 else "5 years"}


def _of(kind: str) -> Any:
    return lambda lot: Filing(_form(lot, lot.population.family_with(kind, lot.case).mother.nik))


def _with(agency: str, operation: str, *faults: dict[str, Any]) -> Any:
    def make(lot: Lot) -> Filing:
        applicant = lot.family(_BASE).mother
        match = {"payer_name": applicant.name.upper()} if agency == "simponi" else {"nik": applicant.nik}
        return Filing(_form(lot), (Pay(),), (Fault(agency, operation, match, faults),))

    return make


SCENARIOS = (
    Scenario("passport", "paid at the bank", lambda lot: Filing(_form(lot), (Pay(),)), usual=True),
    Scenario(
        "passport",
        "a NIK that nobody has",
        lambda lot: Filing(_form(lot, UNKNOWN_NIK)),
        refused("identity", REASONS[NOT_FOUND], opened=None),
    ),
    Scenario(
        "passport",
        "a NIK of somebody who has died",
        _of("deceased_mother"),
        refused("identity", REASONS["11"], opened=None),
    ),
    Scenario(
        "passport",
        "a NIK that is not active",
        _of("inactive_mother"),
        refused("identity", REASONS["14"], opened=None),
    ),
    Scenario(
        "passport",
        "the fee is never paid",
        lambda lot: Filing(_form(lot)),
        End("lapsed", "payment", outcomes={"biometrics": None}),
        lapses=True,
    ),
    Scenario(
        "passport",
        "withdrawn before it is paid",
        lambda lot: Filing(_form(lot), (Withdraw("payment"),)),
        End("withdrawn", outcomes={"opened": "done", "biometrics": None}),
    ),
    Scenario(
        "passport",
        "the line breaks when immigration has opened it",
        _with("imigrasi", "open_application", DROPPED),
        faulty=True,
    ),
    Scenario("passport", "no bill at the first two tries", _with("simponi", "create_bill", BUSY, BUSY), faulty=True),
)
