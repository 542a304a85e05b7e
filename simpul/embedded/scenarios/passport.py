"""Passports: a fee that is paid or not, then immigration."""

from collections.abc import Mapping
from typing import Any

from connectors.dukcapil.verdicts import NOT_FOUND, REASONS
from simpul.embedded.scenarios.scenario import (
    BUSY,
    DROPPED,
    UNKNOWN_NIK,
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

_BASE = 160_000


def _form(lot: Lot, nik: str | None = None) -> dict[str, Any]:
    return {"nik": nik or lot.family(_BASE).mother.nik, "book": "10 years" if lot.case % 2 else "5 years"}


def _of(kind: str) -> Any:
    return lambda lot: Filing(_form(lot, lot.population.family_with(kind, lot.case).mother.nik))


def _with(agency: str, operation: str, *faults: dict[str, Any]) -> Make:
    def match(lot: Lot, _form: Mapping[str, Any]) -> dict[str, str]:
        applicant = lot.family(_BASE).mother
        return {"payer_name": applicant.name.upper()} if agency == "simponi" else {"nik": applicant.nik}

    return failing(lambda lot: Filing(_form(lot), (Pay(),)), agency, operation, match, *faults)


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
