"""Documents, signatures, notices and gathering on the real stack: what the citizen takes home, and what anybody can check."""

import hashlib
from datetime import date, timedelta

import pytest
import requests

from connectors.toolkit.population import Population

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

FIRST = 30_000


@pytest.fixture(scope="module")
def filed(counter):
    """A birth with a contact; a letter with consent from the counter; a letter whose applicant refuses. All under way at once."""
    families = [Population().family(FIRST + index) for index in range(3)]
    child = {
        "name": "Anak Contoh",
        "sex": "female",
        "birth_date": (date.today() - timedelta(days=5)).isoformat(),  # noqa: DTZ011 - a day, whichever zone
        "birth_place": "Simpul",
    }
    contact = {"channel": "email", "recipient": "contoh@example.invalid", "language": "en"}
    letters = [{"nik": each.father.nik, "nkk": each.nkk, "name": each.father.name} for each in families[1:]]
    birth = counter.file("birth", {"nkk": families[0].nkk, "child": child, "enrol": False}, contact=contact)
    agreed = counter.file(
        "family_letter",
        letters[0],
        consents=["family"],
        contact=contact | {"channel": "sms", "recipient": "089900003001"},
    )
    refused = counter.file("family_letter", letters[1])
    return birth, agreed, refused


def document(case):
    (found,) = case.counter.get(f"/v1/documents/{case.number}")["documents"]
    copy = case.counter.session.get(
        f"{case.counter.stack.console_url}/v1/documents/{case.number}/{found['step']}", timeout=30
    )
    assert copy.ok
    return found, copy.content


def checked(url, **query):
    """What somebody without a key is told."""
    return requests.get(url, params=query, headers={"Accept": "application/json"}, timeout=30).json()


def test_a_birth_ends_with_a_signed_excerpt_that_anybody_can_check_and_a_notice_about_it(filed, counter):
    birth, _, _ = filed
    assert birth.ends() == "completed"
    assert {birth.outcomes()[step] for step in ("excerpt", "signed", "told")} == {"done"}
    found, content = document(birth)
    assert found["signed"]
    assert content.startswith(b"%PDF-")
    assert b"%SIGNED" in content
    told = checked(found["check_url"], sha256=hashlib.sha256(content).hexdigest())
    assert (told["state"], told["signed"], told["file"]) == ("valid", True, "same")
    assert "Anak" not in str(told)
    assert set(counter.writes("bsre", "sign_pdf").values()) == {1}
    assert set(counter.writes("notify", "send").values()) == {1}


def test_who_agrees_at_the_counter_has_the_family_fetched_and_is_asked_nothing(filed, counter):
    _, agreed, _ = filed
    assert agreed.ends() == "completed"
    assert agreed.outcomes() == dict.fromkeys(("family_consent", "family", "letter", "signed", "told"), "done") | {
        "card": "skipped"
    }
    (gathered,) = counter.get(f"/v1/gathered/{agreed.number}")["gathered"]
    assert gathered["record"]["members"]
    events = counter.get(f"/v1/applications/{agreed.number}/events")["events"]
    assert [each["operation"] for each in events if each["action"] == "consent.given"] == ["dukcapil.get_family"]


def test_who_refuses_brings_the_paper_to_an_officer_and_nothing_is_fetched(filed):
    _, _, refused = filed
    refused.answers("family_consent", agreed=False, paper="kk.pdf")
    refused.decides("card")
    assert refused.ends() == "completed"
    outcomes = refused.outcomes()
    assert (outcomes["family"], outcomes["card"], outcomes["letter"], outcomes["told"]) == (
        "skipped",
        "done",
        "done",
        "skipped",
    )
