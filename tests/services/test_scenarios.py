"""All ways through all services on the real stack: filed at once, carried together, each judged by its own test."""

import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from connectors.oss import sandbox as oss
from connectors.toolkit.population import WIB, Population
from simpul.clock import FileClock, SystemClock
from simpul.embedded.bench import duplicate_writes
from simpul.embedded.scenarios import SERVICES, TABLE, Dealt, business, deal
from simpul.embedded.scenarios.play import SCOPES, Case, Play
from simpul.embedded.scenarios.scenario import Filing, Lot
from simpul.ledger import api_keys, connect, transaction

pytestmark = [pytest.mark.stack, pytest.mark.turns_clock, pytest.mark.timeout(1800)]

PATIENCE = 1200
LONGER_THAN_ANY_DEADLINE = timedelta(days=60)
OF_OSS = 100_000
"""The firm that OSS files for itself: the one of the family with five times this number."""
LICENSED = next(scenario for scenario in business.SCENARIOS if scenario.usual)
OUTAGES = (
    ("dukcapil",),
    ("bapenda", "bkn", "bpjs_kesehatan", "bpjs_ketenagakerjaan", "bpn", "djp", "imigrasi", "oss", "satusehat"),
    ("bank", "dpmptsp", "simkah", "simponi"),
)
"""Who is back when: each is asked by some application before those after it are."""

LAST = dict.fromkeys(("birth", "death", "move"), 1)
"""The last of these groups that a service asks, where it is not the last of all."""


def _clock(stack) -> FileClock:
    return FileClock(Path(stack.plan.settings["SIMPUL_CLOCK_OFFSET_FILE"]))


def _until(play: Play, done: Callable[[], bool], cases: list[Case]) -> None:
    """Let everybody act until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, {
            case.dealt.scenario.id: case.summary for case in cases if not case.has_ended
        }
        play.round()
        threading.Event().wait(0.5)
    play.round()


@pytest.fixture(scope="module")
def play(stack):
    database = connect(stack.database_url)
    with transaction(database) as connection:
        key = api_keys.issue(connection, f"play-{secrets.token_hex(4)}", SCOPES, actor="test", now=SystemClock().now())
    database.dispose()
    return Play(stack.console_url, stack.sandbox_url, key)


@pytest.fixture(scope="module")
def filed_by_oss(stack, play):
    """OSS files an application itself, and again because the first answer was late."""
    call = oss.CALLS["receive_nib"](oss.settings(stack.sandbox_url), datetime.now(UTC), OF_OSS)
    known = play.listed("business")
    url = f"{stack.console_url}{call.path}"
    answers = [requests.post(url, data=call.body, headers=dict(call.headers), timeout=30) for _ in range(2)]
    assert [answer.json()["responreceiveNIB"]["status"] for answer in answers] == ["1", "1"]
    (filed,) = play.listed("business") - known
    return play.adopt(Dealt(LICENSED, Filing({}, business.usual(Lot(0)))), filed)


@pytest.fixture(scope="module")
def played(stack, play, filed_by_oss):
    """Every scenario, carried to its end: what nobody does anything about is ended by the clock, at last."""
    cases = [filed_by_oss, *play.file(deal(TABLE, _clock(stack).now().astimezone(WIB), Population()))]
    _until(play, lambda: all(case.has_ended or case.is_idle for case in cases), cases)
    idle = {case.dealt.scenario.id for case in cases if case.is_idle}
    offset = Path(stack.plan.settings["SIMPUL_CLOCK_OFFSET_FILE"])
    offset.write_text(str(LONGER_THAN_ANY_DEADLINE.total_seconds()))
    _until(play, lambda: all(case.has_ended for case in cases), cases)
    return {case.dealt.scenario.id: case for case in cases[1:]}, idle


@pytest.mark.parametrize("scenario", TABLE, ids=lambda scenario: scenario.id)
def test_an_application_ends_as_its_scenario_says(played, scenario):
    cases, idle = played
    assert cases[scenario.id].problem == ""
    assert (scenario.id in idle) is scenario.lapses


def test_what_oss_files_twice_is_one_application_that_oss_is_told_of(stack, played, filed_by_oss):
    assert filed_by_oss.problem == ""
    assert _told(stack, oss.ids(OF_OSS * 5)[1])["kd_status"] == "50"


def test_oss_hears_that_silence_was_a_yes(stack, played):
    cases, _ = played
    form = cases["business: the inspectors' silence is a yes"].dealt.filing.form
    assert _told(stack, form["id_izin"])["kd_status"] == "57"


def test_nothing_was_written_twice(stack, played):
    assert duplicate_writes(stack.sandbox_url) == 0


def test_applications_outlive_outages_of_all_agencies_they_ask(stack, play, played):
    """All agencies are down; some come back, then others, and everything goes on by itself."""
    down = {agency for group in OUTAGES for agency in group}
    for agency in sorted(down):
        play.control(agency, "faults", [{"faults": [{"kind": "status", "status": 503}], "forever": True}])
    before = {agency: _calls(play, agency) for agency in down}
    usual = [next(each for each in TABLE if each.service == service and each.usual) for service in SERVICES]
    # The one that asks insurances and the civil service as well.
    usual[SERVICES.index("death")] = next(each for each in TABLE if "everybody is told" in each.name)
    usual[SERVICES.index("move")] = next(each for each in TABLE if each.name.startswith("to another regency"))
    cases = play.file(deal(usual, _clock(stack).now().astimezone(WIB), Population(), first=900))
    for place, group in enumerate(OUTAGES):
        _until(play, lambda group=group: all(_calls(play, each) - before[each] >= 2 for each in group), cases)
        assert not any(case.has_ended for case in cases if LAST.get(case.dealt.scenario.service, 2) >= place)
        for agency in group:
            play.control(agency, "faults", method="DELETE")
    _until(play, lambda: all(case.has_ended for case in cases), cases)
    assert {case.dealt.scenario.id: case.problem for case in cases if case.problem} == {}
    assert duplicate_writes(stack.sandbox_url) == 0


def _calls(play: Play, agency: str) -> int:
    return sum(play.control(agency, "calls", method="GET").values())


def _told(stack, id_izin: str) -> dict:
    """What OSS shows of a licence."""
    answer = requests.post(
        f"{stack.sandbox_url}/oss{oss.BASE}/checkLicenseStatus",
        json={"CHECKLICENSESTATUS": {"id_izin": id_izin}},
        headers={"user_key": oss.USER_KEY},
        timeout=30,
    )
    return next(iter(answer.json().values()))["dataIzin"]
