"""The business licence on the real stack: OSS files it, people and agencies decide, OSS is told of every stage."""

from datetime import UTC, datetime

import pytest
import requests
from sqlalchemy import text

from connectors.oss import sandbox as oss
from connectors.toolkit import holdings
from connectors.toolkit.population import Population
from simpul.ledger import transaction

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

PAPERS = {"ktp": "ktp.pdf", "npwp": "npwp.pdf", "deed": "akta.pdf"}
FOUND = {"visited": "2026-11-20", "result": "Sesuai"}


def form(number: int, **more):
    """What OSS says of the firm of the number-th family that has one."""
    population = Population()
    firm = holdings.business(population, population.family(number * 5))
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


def told(counter, filed):
    """What OSS shows of a licence."""
    answer = requests.post(
        f"{counter.stack.sandbox_url}/oss{oss.BASE}/checkLicenseStatus",
        json={"CHECKLICENSESTATUS": {"id_izin": filed["id_izin"]}},
        headers={"user_key": oss.USER_KEY},
        timeout=30,
    )
    return next(iter(answer.json().values()))["dataIzin"]


def test_what_oss_files_becomes_a_licence_that_oss_is_told_of(counter):
    settings = oss.settings(counter.stack.sandbox_url)
    call = oss.CALLS["receive_nib"](settings, datetime.now(UTC), 701)
    url = f"{counter.stack.console_url}{call.path}"
    answers = [requests.post(url, data=call.body, headers=dict(call.headers), timeout=30) for _ in range(2)]
    assert [answer.json()["responreceiveNIB"]["status"] for answer in answers] == ["1", "1"]
    listed = counter.get("/v1/applications?service=business&limit=200")["applications"]
    assert len(listed) == 1
    case = counter.case(listed[0]["number"])
    case.answers("papers", **PAPERS)
    case.decides("examined", findings={"confirm": False})
    case.decides("inspection", findings=FOUND)
    assert case.ends() == "completed"
    outcomes = case.outcomes()
    assert {
        outcomes.pop(name) for name in ("tax_review", "stopped", "confirmation", "weighed", "resumed", "restarted")
    } == {"skipped"}
    assert set(outcomes.values()) == {"done"}
    shown = told(counter, form(701))
    assert (shown["kd_status"], shown["nomor_izin"].startswith("503/")) == ("50", True)


def test_silence_of_the_inspectors_is_a_yes_and_oss_hears_so(counter):
    case = counter.file("business", form(704))
    case.answers("papers", **PAPERS)
    case.decides("examined", findings={"confirm": False})
    case.waits_at("inspection")
    with transaction(counter.database) as connection:
        connection.execute(
            text("UPDATE task SET until = now() - interval '1 minute' WHERE application = :number"),
            {"number": case.number},
        )
    assert case.ends() == "completed"
    assert case.outcomes()["licence"] == "done"
    assert told(counter, form(704))["kd_status"] == "57"


def test_an_owner_whom_the_civil_registry_does_not_know_ends_the_application_at_once(counter):
    case = counter.file("business", form(705, owner_nik="9999990101900001"))
    assert case.ends() == "rejected"
    assert case.reason("owner")["text"]["id"]
    assert "permit" not in case.outcomes()
