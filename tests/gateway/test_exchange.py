"""Interactive reads: from a console over the real bus through a gateway to the sandbox, and back to who asked."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from schemas.envelope import Envelope
from schemas.identifiers import application_number
from schemas.messages import EXCHANGE, ReplyData
from simpul.bus.producer import Producer
from simpul.bus.topics import OUTCOMES, REPLIES
from simpul.console.app import create
from simpul.ledger import api_keys, connect, transaction

pytestmark = pytest.mark.kafka

PATH = "/v1/exchange/dukcapil.get_person"
PURPOSE = "verifikasi identitas di loket"


class Counter:
    """A console process, and a counter that asks through it."""

    def __init__(self, bench: Any, key: str, client: TestClient) -> None:
        self.bench = bench
        self.client = client
        self.client.headers["X-API-Key"] = key

    @property
    def desk(self) -> Any:
        return self.client.app.state.context.desk

    def ask(self, number: int = 0, path: str = PATH, **body: Any) -> Any:
        nik = self.bench.family(number).father.nik
        return self.client.post(path, json={"request": {"nik": nik}, "purpose": PURPOSE, **body})


@pytest.fixture
def open_counter(bench) -> Iterator[Callable[..., Counter]]:
    """Starts a console with its own desk: `open_counter("counter-1", exchange_seconds=3)`."""
    database = connect(bench.settings.database_url)
    with ExitStack() as cleanup:

        def start(name: str = "counter-1", *scopes: str, **settings: Any) -> Counter:
            with transaction(database) as connection:
                key = api_keys.issue(connection, name, scopes or {"exchange"}, actor="user:test", now=datetime.now(UTC))
            app = create(bench.settings.model_copy(update=settings))
            return Counter(bench, key, cleanup.enter_context(TestClient(app, raise_server_exceptions=False)))

        yield start
    database.dispose()


def events(bench, action="%"):
    return bench.rows("SELECT * FROM event WHERE action LIKE %s ORDER BY sequence", f"exchange.{action}")


def replies(bench):
    return [ReplyData.model_validate(Envelope.from_bytes(m.value).data) for m in bench.messages(REPLIES)]


def test_a_counter_asks_and_is_shown_the_record(bench, open_counter):
    with bench.gateway():
        answer = open_counter().ask(legal_basis="UU 24 Tahun 2013")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["record_schema"] == "person/1"
    assert told["record"]["nik"] == bench.family(0).father.nik
    assert list(told["times"]) == ["received_at", "sent_at", "answered_at", "published_at"]
    assert sorted(told["times"].values()) == list(told["times"].values())
    assert bench.calls("get_person") == 1


def test_it_is_recorded_who_asked_what_for_and_what_came_of_it_with_digests_only(bench, open_counter):
    with bench.gateway():
        told = open_counter().ask(legal_basis="UU 24 Tahun 2013").json()
    requested, done = events(bench)
    for event in (requested, done):
        assert (event["actor"], event["agency"], event["operation"]) == (
            "counter-1",
            "dukcapil",
            "dukcapil.get_person",
        )
        assert (event["purpose"], event["legal_basis"]) == (PURPOSE, "UU 24 Tahun 2013")
        assert event["detail"]["exchange"] == told["exchange"]
        assert len(event["digest"]) == 64
    assert (requested["action"], done["action"]) == ("exchange.requested", "exchange.done")
    assert {"received_at", "sent_at", "answered_at", "published_at"} <= done["detail"].keys()


def test_no_attempt_outcome_or_record_is_left_and_nothing_personal_in_clear(bench, open_counter, until):
    with bench.gateway():
        told = open_counter().ask().json()
    until(lambda: replies(bench))
    assert bench.rows("SELECT 1 FROM attempt") == []
    assert bench.messages(OUTCOMES) == []
    assert bench.messages("records.person") == []
    (reply,) = bench.messages(REPLIES)
    rows = json.dumps(bench.rows("SELECT * FROM event"), default=str)
    for value in (told["record"]["nik"], told["record"]["name"]):
        assert value.encode() not in reply.value
        assert value not in rows


def test_the_agencys_no_is_422_with_the_citizens_reason(bench, open_counter):
    with bench.gateway():
        counter = open_counter()
        answer = counter.client.post(PATH, json={"request": {"nik": "9974014101990009"}, "purpose": PURPOSE})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.json()["reason"]) == {"id", "en"}
    assert "9974014101990009" not in answer.text
    assert events(bench, "rejected")


def test_a_read_for_an_application_that_is_not_there_is_refused(bench, open_counter):
    with bench.gateway():
        answer = open_counter().ask(application=application_number("99", 2026, 1))
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:simpul:problem:unknown-application")
    assert bench.calls("get_person") == 0
    assert events(bench) == []


@pytest.mark.parametrize("scopes", [("intake",), ("read",), ("manage",)])
def test_a_key_without_the_scope_may_not_ask(bench, open_counter, scopes):
    answer = open_counter("counter-2", *scopes).ask()
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:simpul:problem:scope")
    assert events(bench) == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PATH, {"request": {"nik": "9974014101990009"}}, 422),
        (PATH, {"request": {"nik": "9974014101990009"}, "purpose": ""}, 422),
        (PATH, {"request": {"nik": "9974014101990009"}, "purpose": "cek 9974014101990009"}, 422),
        (PATH, {"request": {"nik": "12"}, "purpose": PURPOSE}, 422),
        (PATH, {"request": {"nik": "9974014101990009", "Budi": 1}, "purpose": PURPOSE}, 422),
        (PATH, {"request": {}, "purpose": PURPOSE}, 422),
        ("/v1/exchange/dukcapil.issue_family_card", {"request": {"nkk": "1"}, "purpose": PURPOSE}, 403),
        ("/v1/exchange/dukcapil.nothing", {"request": {}, "purpose": PURPOSE}, 404),
        ("/v1/exchange/nobody.get_person", {"request": {}, "purpose": PURPOSE}, 404),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_sent(bench, open_counter, path, body, status):
    answer = open_counter().client.post(path, json=body)
    assert answer.status_code == status
    assert "9974014101990009" not in answer.text
    assert "Budi" not in answer.text
    assert events(bench) == []


def test_a_gateway_does_not_write_for_an_exchange_whoever_asks(bench, open_counter, until):
    envelope = question(bench, "issue_family_card", {"nkk": bench.family(0).nkk}, seconds=30)
    with bench.gateway():
        bench.publish(envelope)
        (reply,) = until(lambda: replies(bench))
    assert reply.failure.code == "NOT_A_READ"
    assert bench.calls("issue_family_card") == 0


def question(bench, operation, payload, *, seconds, instance="nobody:1", partition=3):
    subject, request = f"exchange-{random.randbytes(6).hex()}", random.randbytes(16).hex()
    wrapped = bench.settings.keys.new_data_key(subject)
    sealed = bench.settings.keys.data_key(wrapped, subject).seal(json.dumps(payload).encode(), request)
    now = datetime.now(UTC)
    return Envelope(
        id=request,
        source="/simpul/99/console",
        type=EXCHANGE,
        subject=subject,
        time=now,
        datakey=base64.b64encode(wrapped).decode(),
        data={
            "operation": f"dukcapil.{operation}",
            "purpose": PURPOSE,
            "until": (now + timedelta(seconds=seconds)).isoformat(),
            "reply_to": partition,
            "instance": instance,
            "payload": base64.b64encode(sealed).decode(),
        },
    )


def test_what_nobody_waits_for_any_more_is_not_asked(bench, until):
    nik = bench.family(0).father.nik
    late = question(bench, "get_person", {"nik": nik}, seconds=-1)
    with bench.gateway():
        bench.publish(late)
        bench.publish(question(bench, "get_person", {"nik": nik}, seconds=60))
        (reply,) = until(lambda: replies(bench))
    assert reply.request_id != late.id
    assert bench.calls("get_person") == 1


def test_a_gateway_that_is_not_there_is_504_in_time_and_never_asked_later(bench, open_counter, until):
    counter = open_counter(exchange_seconds=2.0)
    answer = counter.ask()
    assert (answer.status_code, answer.json()["code"]) == (504, "NO_ANSWER")
    assert int(answer.headers["Retry-After"]) > 0
    with bench.gateway():
        bench.publish(question(bench, "get_person", {"nik": bench.family(1).father.nik}, seconds=60))
        until(lambda: replies(bench))
    assert bench.calls("get_person") == 1
    assert events(bench, "failed")[0]["detail"]["failure"]["code"] == "NO_ANSWER"


def test_a_gateway_killed_while_it_asks_is_504_in_time(bench, open_counter, until):
    counter = open_counter(exchange_seconds=60.0)
    process = bench.process()
    assert counter.ask().status_code == 200
    bench.faults("get_person", {"kind": "latency", "seconds": 60.0}, forever=True)
    counter.desk._seconds = 4.0
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(counter.ask, 1)
        until(lambda: bench.calls("get_person") == 2)
        process.kill()
        answer = asked.result(60)
    assert (answer.status_code, answer.json()["code"]) == (504, "NO_ANSWER")


def test_an_agency_in_trouble_is_503_with_a_time_to_ask_again(bench, open_counter):
    bench.faults("get_person", {"kind": "status", "status": 503})
    with bench.gateway():
        answer = open_counter().ask()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.json()["owner"] == "agency"


def test_an_open_circuit_answers_at_once_without_asking(bench, open_counter):
    bench.faults("get_person", {"kind": "status", "status": 503})
    with bench.gateway(bench.connector(circuit_failures=1, circuit_seconds=600.0)):
        counter = open_counter(exchange_seconds=60.0)
        counter.ask()
        calls = bench.calls("get_person")
        answer = counter.ask()
    assert (answer.status_code, answer.json()["code"]) == (503, "CIRCUIT_OPEN")
    assert int(answer.headers["Retry-After"]) > 60
    assert bench.calls("get_person") == calls


def test_an_answer_that_cannot_be_understood_is_502(bench, open_counter):
    bench.faults("get_person", {"kind": "malformed"})
    with bench.gateway():
        answer = open_counter().ask()
    assert answer.status_code == 502
    assert events(bench, "failed")


def test_a_full_desk_answers_429(bench, open_counter, until):
    counter = open_counter(exchange_seconds=3.0, exchanges_in_flight=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(counter.ask)
        until(lambda: counter.desk._under_way["dukcapil"] == 1)
        answer = counter.ask(1)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert first.result(60).status_code == 504


def test_two_consoles_have_partitions_of_their_own_and_get_their_own_replies(bench, open_counter, until):
    with bench.gateway():
        one, other = open_counter("counter-1"), open_counter("counter-2")
        with ThreadPoolExecutor(8) as pool:
            asked = [(number, pool.submit((one, other)[number % 2].ask, number)) for number in range(24)]
            for number, answer in asked:
                assert answer.result(60).json()["record"]["nik"] == bench.family(number).father.nik
        assert one.desk._mailbox.address != other.desk._mailbox.address
    until(lambda: len(bench.messages(REPLIES)) == 24)
    by_instance = {}
    for message in bench.messages(REPLIES):
        reply = ReplyData.model_validate(Envelope.from_bytes(message.value).data)
        by_instance.setdefault(reply.instance, set()).add(message.partition)
    assert by_instance == {c.desk.instance: {c.desk._mailbox.address} for c in (one, other)}


def test_replies_for_a_dead_console_are_dropped_by_the_one_that_has_its_partition(bench, open_counter, until):
    counter = open_counter()
    with bench.gateway():
        assert counter.ask().status_code == 200
        stray = question(
            bench,
            "get_person",
            {"nik": bench.family(5).father.nik},
            seconds=60,
            instance="dead:1",
            partition=counter.desk._mailbox.address,
        )
        bench.publish(stray)
        until(lambda: len(replies(bench)) == 2)
        answer = counter.ask(1)
    assert answer.json()["record"]["nik"] == bench.family(1).father.nik


def test_a_reply_that_comes_twice_counts_once(bench, open_counter, until):
    counter = open_counter()
    with bench.gateway():
        first = counter.ask().json()
        (message,) = until(lambda: bench.messages(REPLIES))
        with Producer(bench.settings) as producer:
            envelope = Envelope.from_bytes(message.value)
            producer.send(REPLIES, envelope.subject, envelope, partition=message.partition)
        answer = counter.ask(1).json()
    assert answer["record"]["nik"] == bench.family(1).father.nik != first["record"]["nik"]
    assert len(events(bench, "done")) == 2


def test_a_reply_under_another_key_is_no_answer(bench, open_counter, until):
    """Whoever can write to the bus but has not the master key cannot make an answer."""
    counter = open_counter()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(counter.ask)
        until(lambda: counter.desk._waiting)
        (exchange,) = counter.desk._waiting
        reply = ReplyData(
            request_id=exchange,
            instance=counter.desk.instance,
            operation="dukcapil.get_person",
            outcome="done",
            record_schema="person/1",
            payload=base64.b64encode(b"x" * 64).decode(),
        )
        envelope = Envelope(
            id=f"{exchange}:reply",
            source="/simpul/99/gateway/dukcapil",
            type="id.simpul.reply.v1",
            subject="s",
            time=datetime.now(UTC),
            data=reply.model_dump(mode="json", exclude_none=True),
        )
        with Producer(bench.settings) as producer:
            producer.send(REPLIES, "s", envelope, partition=counter.desk._mailbox.address)
        assert asked.result(60).status_code == 502


def test_a_console_that_ends_gives_its_partition_back(bench, open_counter):
    counter = open_counter(exchange_seconds=1.0)
    counter.ask()
    assert bench.rows("SELECT 1 FROM reply_partition WHERE instance IS NOT NULL")
    counter.client.app.state.context.desk.close()
    assert bench.rows("SELECT 1 FROM reply_partition WHERE instance IS NOT NULL") == []
