"""The table of scenarios by itself: what it covers, and that its cases do not get in each other's way."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from connectors.toolkit.population import WIB, Population
from simpul.embedded.scenarios import SERVICES, TABLE, UNKNOWN_NIK, deal, mixed
from simpul.embedded.scenarios.play import Case
from simpul.embedded.scenarios.scenario import UNKNOWN_CARD, Filing

NOW = datetime(2026, 1, 9, 3, tzinfo=UTC).astimezone(WIB)
WHO = {
    "birth": "nkk",
    "move": "nkk",
    "marriage": "wife_nik",
    "death": "nik",
    "business": "nib",
    "land": "certificate_number",
    "passport": "nik",
}
NOBODYS = {UNKNOWN_NIK, UNKNOWN_CARD, "9999999999999", "HM.999999.99999"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_its_usual_way_refusals_and_failing_agencies(service):
    its = [scenario for scenario in TABLE if scenario.service == service]
    assert {"completed", "rejected"} <= {scenario.end.state for scenario in its}
    assert any(scenario.usual for scenario in its)
    assert sum(scenario.faulty for scenario in its) >= 2
    assert len({scenario.name for scenario in its}) == len(its)


def test_cases_are_about_different_people_whom_only_the_sandbox_knows():
    found = Counter()
    for dealt in deal(mixed(1400, 10), NOW, Population()):
        who = dealt.filing.form[WHO[dealt.scenario.service]]
        assert who.removeprefix("HM.").startswith("99")
        if "health letter" not in dealt.scenario.name and who not in NOBODYS:
            found[dealt.scenario.service, who] += 1
    assert [key for key, times in found.items() if times > 1] == []


def test_a_mix_takes_all_services_in_turn_with_so_many_faults():
    dealt = mixed(1000, 5)
    assert sum(scenario.faulty for scenario in dealt) == 50
    assert {scenario.service for scenario in dealt if scenario.faulty} == set(SERVICES)
    assert {count for _, count in Counter(scenario.service for scenario in dealt).items()} <= {142, 143}
    assert not any(scenario.lapses for scenario in dealt)


@pytest.mark.parametrize(
    ("state", "outcome", "reason", "right"),
    [
        ("rejected", "rejected", "as said", True),
        ("rejected", "rejected", "another", False),
        ("rejected", "done", "as said", False),
        ("completed", "rejected", "as said", False),
        ("incident", None, "as said", False),
    ],
)
def test_a_case_is_right_only_in_its_state_at_its_step_and_for_its_reason(state, outcome, reason, right):
    scenario = next(each for each in TABLE if each.end.reason and not each.end.outcomes.get("deed"))
    (dealt,) = deal([scenario], NOW, Population())
    text = scenario.end.reason.model_dump() if reason == "as said" else {"id": "lain", "en": "another"}
    step = {"name": scenario.end.step, "outcome": outcome, "reason": {"text": text}}
    case = Case(dealt, "1", summary={"state": state}, status={"steps": [step]})
    assert (case.problem == "") is right


def test_what_people_do_is_due_only_where_they_are_asked():
    (dealt,) = deal([next(each for each in TABLE if each.id == "death: a missing paper is brought")], NOW, Population())
    assert isinstance(dealt.filing, Filing)
    case = Case(dealt, "1")
    seen = []
    for whom in ("officer:dukcapil", "citizen", "officer:dukcapil", "agency:dukcapil"):
        case.summary = {"state": "waiting", "waiting_for": whom, "waiting_step": "papers"}
        seen.append(case.due)
        case.done |= {case.due} - {None}
    assert seen == [0, 1, 2, None]
    assert not case.is_idle
