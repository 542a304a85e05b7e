"""Documents from the step that makes them to the page that anybody checks them on: console, engine and ledger, no Airflow."""

import base64
import hashlib
import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from schemas.signing import SignedDocument
from simpul.console.limits import A_MINUTE
from simpul.definition import Definition, StepDefinition
from simpul.ledger import transaction
from simpul.ledger.definitions import publish
from simpul.papers import documents
from tests.console.office import Office

NIK = "9974014101900001"
NAME, WORDING = documents.read("certificate")
LETTER = Definition(
    service="letter",
    version=1,
    title="Surat keterangan",
    standard="1 working day",
    owner="dukcapil",
    form={"type": "object", "properties": {"name": {"type": "string"}}},
    steps=(
        StepDefinition(
            name="letter",
            kind="document",
            request={"name": "form.name", "what": "=Terdaftar"},
            template=NAME,
            wording=WORDING,
            issuer="Dinas Contoh",
        ),
        StepDefinition(
            name="signed",
            kind="agency",
            operation="bsre.sign_pdf",
            request={"content": "letter.content", "signer": "=head"},
            after=("letter",),
        ),
    ),
)


def sign(office, number):
    content = b"%PDF-signed"
    record = SignedDocument(
        sha256=hashlib.sha256(content).hexdigest(), size=len(content), content=base64.b64encode(content).decode()
    )
    office.answer(number, "signed", "bsre.sign_pdf", record)
    return content


@pytest.fixture
def office(configuration, engine, clock, client):
    return Office(configuration, engine, clock, LETTER)


@pytest.fixture
def letter(office, file):
    """The number of an application whose document is made."""
    number = file({"name": "Dewi Lestari"}, service="letter").json()["number"]
    assert office.drive("letter") == 1
    return number


def listed(client, number):
    (document,) = client.get(f"/v1/documents/{number}").json()["documents"]
    return document


def check(client, url, **query):
    client.headers.pop("X-API-Key", None)
    return client.get(url.removeprefix("https://mpp.example"), params=query)


def test_a_document_is_made_once_with_its_outcome_and_the_next_step_gets_its_content(office, letter, engine):
    assert office.relay.once() == 0
    with engine.connect() as connection:
        outcomes = connection.execute(text("SELECT step, outcome, record FROM outcome")).all()
        assert connection.execute(text("SELECT count(*) FROM paper")).scalar_one() == 1
        actions = set(connection.execute(text("SELECT action FROM event")).scalars())
    assert [(each.step, each.outcome) for each in outcomes] == [("letter", "done")]
    assert b"Dewi" not in bytes(outcomes[0].record)
    assert {"step.done", "document.issued"} <= actions
    assert office.drive("signed") == 1
    assert [envelope.data["operation"] for envelope in office.producer.sent] == ["bsre.sign_pdf"]


def test_anybody_may_check_it_and_learns_nothing_about_the_citizen(client, letter):
    found = listed(client, letter)
    assert re.fullmatch(r"https://mpp\.example/check/[a-z2-7]{32}", found["check_url"])
    page = check(client, found["check_url"])
    assert page.status_code == 200
    assert "Dokumen ini sah" in page.text
    assert "Dinas Contoh" in page.text
    assert "02-03-2026" in page.text
    for private in ("Dewi", NIK, letter, found["number"], "letter"):
        assert private not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_the_token_itself_rests_nowhere(client, letter, engine):
    token = listed(client, letter)["check_url"].rpartition("/")[2]
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM paper")).one()
    assert token not in str(row)


@pytest.mark.parametrize(("asked", "says"), [("same", "same"), ("0" * 64, "different"), ("<script>", "malformed")])
def test_a_file_is_compared_by_its_digest(client, letter, asked, says):
    found = listed(client, letter)
    copy = client.get(f"/v1/documents/{letter}/letter").content
    sha256 = hashlib.sha256(copy).hexdigest().upper() if asked == "same" else asked
    answer = client.get(
        found["check_url"].removeprefix("https://mpp.example"),
        params={"sha256": sha256},
        headers={"Accept": "application/json"},
    )
    assert answer.json()["file"] == says
    assert "<script>" not in check(client, found["check_url"], sha256=asked).text


def test_the_signed_document_takes_the_place_of_the_unsigned_one(office, client, letter):
    unsigned = listed(client, letter)["sha256"]
    office.drive("signed")
    content = sign(office, letter)
    found = listed(client, letter)
    assert found["signed"]
    assert found["sha256"] == hashlib.sha256(content).hexdigest() != unsigned
    assert client.get(f"/v1/documents/{letter}/letter").content == content
    assert "ada (yes)" in check(client, found["check_url"]).text


@pytest.mark.parametrize(
    "token", ["a" * 32, "A" * 32, "a" * 31, "a" * 4000, "%00", "%2e%2e%2fv1", "' OR 1=1 --", "\u4eba", "{{7*7}}", "%ff"]
)
def test_a_token_that_was_never_given_is_404_and_comes_back_nowhere(client, letter, token):
    answer = check(client, f"/check/{token}")
    assert answer.status_code == 404
    assert token not in answer.text
    assert "49" not in answer.text


def test_a_withdrawn_document_says_so_for_good(client, letter, key):
    found = listed(client, letter)
    manager = {"X-API-Key": key("manager", "manage")}
    url = f"/v1/documents/{letter}/letter/withdraw"
    assert client.post(url, json={"reason": "Salah cetak"}).status_code == 403
    assert client.post(url, json={"reason": "Salah cetak"}, headers=manager).json()["state"] == "withdrawn"
    assert client.post(url, json={"reason": "Salah cetak"}, headers=manager).status_code == 404
    assert "tidak berlaku lagi" in check(client, found["check_url"]).text


@pytest.mark.parametrize("state", ["withdrawn", "rejected", "lapsed"])
def test_a_document_of_an_application_that_came_to_nothing_no_longer_holds(client, letter, engine, state):
    url = listed(client, letter)["check_url"]
    with engine.begin() as connection:
        connection.execute(text("UPDATE application SET state = :state"), {"state": state})
    assert "tidak berlaku lagi" in check(client, url).text


def test_a_document_of_an_older_revision_no_longer_holds(client, letter, engine):
    url = listed(client, letter)["check_url"]
    with engine.begin() as connection:
        connection.execute(text("""UPDATE application SET revisions = '{"letter": 2}'"""))
    assert client.get(f"/v1/documents/{letter}").json() == {"documents": []}
    assert "tidak berlaku lagi" in check(client, url).text


def test_a_document_holds_when_its_step_goes_over_to_a_version_that_calls_it_otherwise(client, letter, engine, clock):
    url = listed(client, letter)["check_url"]
    steps = tuple(
        step.model_copy(update={"name": "brief"}) if step.name == "letter" else step.model_copy(update={"after": ()})
        for step in LETTER.steps
    )
    with transaction(engine) as connection:
        publish(connection, LETTER.model_copy(update={"version": 2, "steps": steps}), actor="test", now=clock.now())
        connection.execute(text("UPDATE application SET version = 2"))
    assert "tidak berlaku lagi" in check(client, url).text
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO outcome (application, step, revision, outcome, event_id, request_id, record_schema, record, at) "
                "SELECT application, 'brief', revision, outcome, event_id, request_id, record_schema, record, at FROM outcome"
            )
        )
    assert "Dokumen ini sah" in check(client, url).text


def test_only_who_filed_or_a_manager_is_handed_a_copy_and_it_is_an_event(client, letter, key, engine):
    url = f"/v1/documents/{letter}/letter"
    assert client.get(url, headers={"X-API-Key": key("other", "intake")}).status_code == 403
    assert client.get(url, headers={"X-API-Key": key("reader", "read")}).status_code == 403
    answer = client.get(url, headers={"X-API-Key": key("manager", "manage")})
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT actor FROM event WHERE action = 'document.fetched'")).scalars().all()
    assert found == ["manager"]


def test_checks_from_one_address_are_limited_and_the_limit_is_gone_after_a_minute(client, clock):
    url = "/check/" + "a" * 32
    assert {check(client, url).status_code for _ in range(A_MINUTE)} == {404}
    refused = check(client, url)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    clock.turn(timedelta(minutes=1))
    assert check(client, url).status_code == 404
