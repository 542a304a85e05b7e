"""Business licences: what people and agencies decide, and what OSS is told of each stage."""

from typing import Any

from connectors.bpjs_ketenagakerjaan.verdicts import REASONS as EMPLOYMENT
from connectors.dpmptsp.sandbox import FAILS
from connectors.dpmptsp.verdicts import REASONS as PERMITS
from connectors.dukcapil.verdicts import NOT_FOUND, REASONS
from connectors.oss import sandbox as oss
from connectors.oss.verdicts import NO_SUCH_BUSINESS
from connectors.toolkit import holdings
from simpul.embedded.scenarios.scenario import (
    BUSY,
    DROPPED,
    OFFICERS_NO,
    UNKNOWN_NIK,
    Act,
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

_BASE = 1_000_020
_CLEAR, _NOT_CLEAR = 0, 30
"""Of 35 families, a firm whose tax returns were filed, and one whose were not."""

PAPERS = Answer("papers", {"ktp": "ktp.pdf", "npwp": "npwp.pdf", "deed": "akta.pdf"})
_TAX = Decide("tax_review")


def form(lot: Lot, place: int = _CLEAR, **more: Any) -> dict[str, Any]:
    """What OSS says of a firm."""
    firm = holdings.business(lot.population, lot.population.family(_BASE + 35 * lot.number + place))
    if firm is None:
        raise LookupError("every fifth family has a firm")
    oss_id, id_izin, id_proyek = oss.ids(firm.index)
    return {
        "nib": firm.nib,
        "oss_id": oss_id,
        "id_izin": id_izin,
        "kd_izin": oss.LICENCE_CODE,
        "kd_daerah": oss.AREA_CODE,
        "name": firm.name,
        "npwp": f"0{firm.npwp}",
        "owner_nik": firm.owner.nik,
        "owner_name": firm.owner.name,
        "projects": [{"id_proyek": id_proyek, "kbli": firm.kbli}],
        "checklist": [],
    } | more


def _examined(*, confirm: bool = False) -> Decide:
    return Decide("examined", findings={"confirm": confirm})


def visited(lot: Lot) -> Decide:
    """The inspectors were there and found nothing against it."""
    return Decide("inspection", findings={"visited": lot.today, "result": "Sesuai"})


def usual(lot: Lot) -> tuple[Act, ...]:
    """What people do when nothing stands against it."""
    return (PAPERS, _examined(), visited(lot))


def _asked(lot: Lot, *, reset: bool) -> tuple[Act, ...]:
    """The business has to confirm something, and the clock stands still."""
    return (
        PAPERS,
        _examined(confirm=True),
        Answer("confirmation", {"answer": "Luas bangunan 120 m2"}),
        Decide("weighed", findings={"reset": reset}),
        visited(lot),
    )


def _with(agency: str, operation: str, field: str, value: str, *faults: dict[str, Any]) -> Make:
    return failing(lambda lot: Filing(form(lot), usual(lot)), agency, operation, of_form(field, value), *faults)


SCENARIOS = (
    Scenario(
        "business",
        "licensed",
        lambda lot: Filing(form(lot), usual(lot)),
        End("completed", outcomes={"tax_review": "skipped", "stopped": "skipped", "licence": "done"}),
        usual=True,
    ),
    Scenario(
        "business",
        "the clock stops for a question and runs on",
        lambda lot: Filing(form(lot), _asked(lot, reset=False)),
        End("completed", outcomes={"stopped": "done", "resumed": "done", "restarted": "skipped"}),
    ),
    Scenario(
        "business",
        "the clock stops for a question and starts again",
        lambda lot: Filing(form(lot), _asked(lot, reset=True)),
        End("completed", outcomes={"stopped": "done", "resumed": "skipped", "restarted": "done"}),
    ),
    Scenario(
        "business",
        "tax returns are missing, and the officer lets it pass",
        lambda lot: Filing(form(lot, _NOT_CLEAR), (_TAX, *usual(lot))),
        End("completed", outcomes={"tax_review": "done"}),
    ),
    Scenario(
        "business",
        "tax returns are missing, and the officer refuses",
        lambda lot: Filing(form(lot, _NOT_CLEAR), (Decide("tax_review", "reject", reason=OFFICERS_NO),)),
        refused("tax_review", OFFICERS_NO, permit=None),
    ),
    Scenario(
        "business",
        "an owner whom nobody knows",
        lambda lot: Filing(form(lot, owner_nik=UNKNOWN_NIK)),
        refused("owner", REASONS[NOT_FOUND], permit=None),
    ),
    Scenario(
        "business",
        "a NIB that OSS does not know",
        lambda lot: Filing(form(lot, nib="9999999999999")),
        refused("standing", NO_SUCH_BUSINESS, permit=None),
    ),
    Scenario(
        "business",
        "an NPWP of another firm",
        lambda lot: Filing(form(lot, npwp=form(lot, _NOT_CLEAR)["npwp"]), (_TAX, *usual(lot))),
        refused("employer", EMPLOYMENT["11"], permit="done", licence=None),
    ),
    Scenario(
        "business",
        "a building that is not fit",
        lambda lot: Filing(form(lot, name=f"PT Gudang {FAILS}"), usual(lot)),
        refused("issued", PERMITS["INSPECTION"], inspection="done", licence=None),
    ),
    Scenario(
        "business",
        "the examiner refuses",
        lambda lot: Filing(form(lot), (PAPERS, Decide("examined", "reject", reason=OFFICERS_NO))),
        refused("examined", OFFICERS_NO, validation="done", inspecting=None),
    ),
    Scenario(
        "business",
        "withdrawn after the permit was registered",
        lambda lot: Filing(form(lot), (PAPERS, Withdraw("examined"))),
        End("withdrawn", outcomes={"permit": "done", "validation": "done", "inspecting": None}),
    ),
    Scenario(
        "business",
        "the papers never come",
        lambda lot: Filing(form(lot)),
        End("lapsed", "papers", outcomes={"permit": None}),
        lapses=True,
    ),
    Scenario(
        "business",
        "the inspectors' silence is a yes",
        lambda lot: Filing(form(lot), (PAPERS, _examined())),
        End("completed", outcomes={"inspection": "done", "licence": "done"}),
        lapses=True,
    ),
    Scenario(
        "business",
        "the line breaks when the permit is registered",
        _with("dpmptsp", "register_permit", "holder_nik", "owner_nik", DROPPED),
        faulty=True,
    ),
    Scenario(
        "business",
        "the line breaks when the employer is registered",
        _with("bpjs_ketenagakerjaan", "register_employer", "nib", "nib", BUSY, DROPPED),
        faulty=True,
    ),
    Scenario(
        "business",
        "the line breaks when OSS takes the licence",
        _with("oss", "send_licence", "nib", "nib", DROPPED),
        faulty=True,
    ),
)
