"""A gateway between a real bus, a real ledger and a sandbox agency over HTTP."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from connectors.dukcapil.connector import Dukcapil
from connectors.dukcapil.requests import FamilyCardRequest
from connectors.toolkit import operation
from schemas.civil import FamilyCard
from schemas.envelope import Envelope
from schemas.messages import record_type
from simpul.bus.topics import DEAD_LETTERS
from simpul.clock import ManualClock
from simpul.crypto import Keys, decode_master_key, new_master_key
from simpul.gateway.decisions import Backoff
from simpul.gateway.metrics import Metrics
from simpul.ledger.attempts import Attempts

pytestmark = pytest.mark.kafka

BUSY = {"kind": "status", "status": 503}


def silence(seconds=3.0, **more):
    """Longer than the connector waits."""
    return {"kind": "timeout", "seconds": seconds, **more}


def test_a_read_is_answered_with_its_record_and_four_timestamps(bench):
    with bench.gateway():
        asked = bench.ask_person()
        outcome = bench.outcome(asked)

    assert outcome.outcome == "done"
    assert outcome.record_schema == "person/1"
    assert bench.record(asked, outcome)["nik"] == bench.family(0).father.nik
    assert outcome.received_at <= outcome.sent_at <= outcome.answered_at <= outcome.published_at
    assert (outcome.tries, outcome.step, outcome.revision, outcome.reference) == (1, "get_person", 1, asked.reference)
    assert bench.attempt(asked)["state"] == "answered"


def test_the_record_is_published_by_itself_too_under_an_id_of_its_own(bench, until):
    with bench.gateway():
        asked = bench.ask_person()
        bench.outcome(asked)
        message = until(lambda: bench.messages("records.person"))[0]

    envelope = Envelope.from_bytes(message.value)
    assert envelope.id == f"{asked.id}:record"
    assert envelope.type == record_type("person/1")
    assert envelope.dataschema == "urn:simpul:schema:person:1"
    assert message.key.decode() == envelope.subject == asked.envelope.subject
    assert envelope.traceparent.split("-")[1] == asked.envelope.traceparent.split("-")[1]
    assert bench.family(0).father.nik.encode() not in message.value


def test_an_answered_request_is_not_called_again_by_the_next_gateway(bench):
    with bench.gateway():
        asked = bench.ask_card()
        bench.outcome(asked)
    with bench.gateway():
        bench.publish(asked.envelope)
        bench.outcome(bench.ask_card(1, subject=asked.envelope.subject, step="later"))

    assert bench.writes(asked) == 1
    assert bench.calls("issue_family_card") == 2


def test_two_refusals_and_a_silence_end_in_one_write(bench):
    bench.faults("issue_family_card", BUSY, BUSY, silence())
    with bench.gateway():
        asked = bench.ask_card()
        outcome = bench.outcome(asked)

    assert outcome.outcome == "done"
    assert bench.writes(asked) == 1
    assert bench.calls("issue_family_card") == 4
    assert outcome.tries >= 7  # each doubtful call was looked up before the next


def test_a_write_whose_answer_was_lost_is_found_and_not_repeated(bench):
    bench.faults("issue_family_card", silence(after_write=True))
    with bench.gateway():
        asked = bench.ask_card()
        outcome = bench.outcome(asked)

    assert outcome.outcome == "done"
    assert bench.writes(asked) == 1
    assert bench.calls("issue_family_card") == 1
    assert bench.record(asked, outcome)["reference"] == asked.reference


def test_the_naive_way_repeats_a_write_whose_answer_was_lost(bench):
    bench.faults("issue_family_card", silence(after_write=True))
    with bench.gateway(attempts=False):
        asked = bench.ask_card()
        assert bench.outcome(asked).outcome == "done"

    assert bench.writes(asked) >= 2


def test_a_read_is_simply_asked_again(bench):
    bench.faults("get_person", BUSY, {"kind": "drop"}, silence())
    with bench.gateway():
        outcome = bench.outcome(bench.ask_person())

    assert (outcome.outcome, outcome.tries) == ("done", 4)


def test_a_write_that_cannot_be_looked_up_becomes_an_operators(bench):
    bench.faults("issue_family_card", silence(after_write=True))
    bench.faults("look_up", BUSY, forever=True)
    with bench.gateway():
        asked = bench.ask_card()
        outcome = bench.outcome(asked)

    assert outcome.outcome == "failed"
    assert (outcome.failure.kind, outcome.failure.owner) == ("in_doubt", "agency")
    assert bench.calls("issue_family_card") == 1
    assert bench.calls("look_up") == 10


class Unreconciled(Dukcapil):
    """An agency that offers no look-up for its write."""

    @operation(effect="write", purpose="testing", contract="G")
    def issue_family_card(self, request: FamilyCardRequest, *, reference: str) -> FamilyCard:
        return super().issue_family_card(request, reference=reference)


def test_a_doubtful_write_without_a_look_up_becomes_an_operators_at_once(bench):
    bench.faults("issue_family_card", silence(after_write=True))
    with bench.gateway(Unreconciled(bench.connector().settings)):
        asked = bench.ask_card()
        outcome = bench.outcome(asked)

    assert (outcome.outcome, outcome.failure.kind) == ("failed", "in_doubt")
    assert bench.writes(asked) == 1
    assert bench.calls("issue_family_card") == 1


def test_a_redelivered_request_under_a_live_lease_is_called_once(bench, until):
    bench.faults("issue_family_card", {"kind": "latency", "seconds": 1.0})
    with bench.gateway() as gateway:
        asked = bench.ask_card()
        until(lambda: bench.calls("issue_family_card"))
        bench.publish(asked.envelope)
        bench.publish(asked.envelope)
        assert bench.outcome(asked).outcome == "done"
        until(lambda: gateway.status().lag == 0 and gateway.status().in_flight == 0)

    assert bench.writes(asked) == 1
    assert bench.calls("issue_family_card") == 1
    assert bench.calls("look_up") == 0


def test_the_agencys_no_is_an_outcome_with_its_reason(bench):
    deceased = bench.population.family_with("deceased_father").father
    with bench.gateway():
        outcome = bench.outcome(bench.ask("get_person", {"nik": deceased.nik}))

    assert outcome.outcome == "rejected"
    assert outcome.reason.text.id
    assert outcome.payload is None


@pytest.mark.parametrize(
    ("accept", "came_to"), [("record.sex == 'female'", "pending"), ("record.sex == 'male'", "done")]
)
def test_an_answer_that_is_not_accepted_yet_is_pending_and_brings_its_record(bench, accept, came_to):
    with bench.gateway():
        asked = bench.ask_person(accept=accept)
        outcome = bench.outcome(asked)

    assert outcome.outcome == came_to
    assert bench.record(asked, outcome)["sex"] == "male"


def test_a_condition_that_does_not_fit_the_record_fails_without_a_value(bench):
    with bench.gateway():
        outcome = bench.outcome(bench.ask_person(accept="record.nonsense == 1"))

    assert (outcome.outcome, outcome.failure.code) == ("failed", "ACCEPT")


def test_a_request_that_does_not_fit_fails_naming_the_field_and_not_the_value(bench):
    with bench.gateway():
        outcome = bench.outcome(bench.ask("get_person", {"nik": "9901-not-a-number"}))

    assert outcome.outcome == "failed"
    assert (outcome.failure.kind, outcome.failure.code) == ("bad_data", "REQUEST")
    assert "nik" in outcome.failure.diagnosis.en
    assert "9901-not-a-number" not in outcome.model_dump_json()
    assert (outcome.tries, outcome.sent_at) == (0, None)
    assert bench.calls("get_person") == 0


def test_an_unknown_operation_fails(bench):
    with bench.gateway():
        outcome = bench.outcome(bench.ask("abolish_queues", {}))

    assert (outcome.failure.code, outcome.failure.owner) == ("UNKNOWN_OPERATION", "us")


def test_a_payload_moved_from_another_request_does_not_open(bench):
    other = bench.ask_person(1, subject="case")
    asked = bench.ask_person(2, subject="case", step="moved")
    data = {**asked.envelope.data, "payload": other.envelope.data["payload"]}
    moved = asked.envelope.model_copy(update={"id": "f" * 32, "data": data})
    with bench.gateway():
        outcome = bench.outcome(bench.publish(moved))

    assert outcome.failure.code == "UNDECIPHERABLE"


def test_what_is_no_request_is_laid_aside_and_holds_nothing_up(bench, until):
    broken = bench.ask_person(subject="case")
    bench.publish(broken.envelope.model_copy(update={"id": "broken", "data": {"operation": 7}}))
    with bench.gateway():
        behind = bench.ask_person(subject="case", step="behind")
        assert bench.outcome(behind).outcome == "done"
        letter = until(lambda: bench.messages(DEAD_LETTERS))[0]

    headers = dict(letter.headers)
    assert any(b"operation" in value for value in headers.values())
    assert Envelope.from_bytes(letter.value).id == "broken"


def test_a_refused_set_up_stops_the_agency_and_loses_nothing(bench, until):
    bench.faults("get_person", {"kind": "status", "status": 401})
    with bench.gateway():
        first = bench.ask_person(0)
        until(lambda: bench.agency().get("state") == "stopped")
        second = bench.ask_person(1)
        until(lambda: bench.states() == {"backing_off": 2})

        assert bench.calls("get_person") == 1
        assert bench.agency()["failure"]["code"] == "HTTP_401"
        assert len(bench.rows("SELECT 1 FROM incident WHERE agency = 'dukcapil' AND resolved_at IS NULL")) == 1

        assert resume(bench)
        assert bench.outcome(first).outcome == bench.outcome(second).outcome == "done"

    actions = [
        row["action"] for row in bench.rows("SELECT action FROM event WHERE agency = 'dukcapil' ORDER BY sequence")
    ]
    assert actions == ["agency.stopped", "incident.opened", "agency.resumed", "incident.resolved"]
    assert bench.rows("SELECT 1 FROM incident WHERE resolved_at IS NULL") == []


def test_a_wrong_master_key_stops_the_agency_and_fails_no_case(bench, until):
    with bench.gateway(master_key=new_master_key()):
        asked = bench.ask_card()
        until(lambda: bench.agency().get("state") == "stopped" and bench.states() == {"backing_off": 1})
    (incident,) = bench.rows("SELECT * FROM incident WHERE agency = 'dukcapil' AND resolved_at IS NULL")
    assert "SIMPUL_MASTER_KEY" in incident["diagnosis"]["en"]
    assert "SIMPUL_MASTER_KEY" in incident["diagnosis"]["id"]
    assert bench.outcomes() == {}

    with bench.gateway():
        assert resume(bench)
        assert bench.outcome(asked).outcome == "done"
    assert bench.writes(asked) == 1


def test_a_doubt_stays_one_for_a_gateway_with_the_wrong_master_key(bench, until):
    bench.faults("issue_family_card", silence(after_write=True))
    bench.faults("look_up", BUSY, forever=True)
    with bench.gateway(backoff=Backoff(base=0.05, cap=0.2, look_ups=1000)):
        asked = bench.ask_card()
        until(lambda: bench.calls("look_up"))
    until(lambda: bench.states() == {"in_doubt": 1})
    with bench.gateway(master_key=new_master_key()):
        until(lambda: bench.agency().get("state") == "stopped" and bench.states() == {"in_doubt": 1})
    assert bench.attempt(asked)["error"]["code"] == "MASTER_KEY"

    bench.behave()
    resume(bench)
    with bench.gateway():
        assert bench.outcome(asked).outcome == "done"
    assert bench.writes(asked) == 1


def test_one_data_key_that_does_not_unwrap_is_its_messages_fault_once_others_did(bench):
    foreign = Keys(decode_master_key(new_master_key())).new_data_key("case")
    with bench.gateway():
        good = bench.ask_person(subject="case")
        assert bench.outcome(good).outcome == "done"
        changed = {"id": "f" * 32, "datakey": base64.b64encode(foreign).decode()}
        outcome = bench.outcome(bench.publish(good.envelope.model_copy(update=changed)))

    assert (outcome.outcome, outcome.failure.code) == ("failed", "UNDECIPHERABLE")
    assert bench.agency().get("state") == "running"


def test_a_turned_clock_takes_no_call_that_is_under_way_from_its_own_gateway(bench, until):
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    bench.faults("issue_family_card", {"kind": "latency", "seconds": 1.5})
    with bench.gateway(clock=clock):
        asked = bench.ask_card()
        until(lambda: bench.calls("issue_family_card"))
        clock.turn(timedelta(hours=2))
        assert bench.outcome(asked).outcome == "done"

    assert (bench.calls("issue_family_card"), bench.calls("look_up")) == (1, 0)
    assert bench.attempt(asked)["lease"] == 1


def test_a_gateway_whose_clock_runs_ahead_waits_for_the_call_that_it_takes_over(bench, until):
    bench.faults("issue_family_card", {"kind": "latency", "seconds": 1.5})
    with bench.gateway():
        asked = bench.ask_card()
        until(lambda: bench.calls("issue_family_card"))
        with bench.gateway(clock=ManualClock(datetime.now(UTC) + timedelta(hours=1))):
            until(lambda: bench.attempt(asked)["lease"] == 2)
            assert bench.outcome(asked).outcome == "done"
            until(lambda: bench.attempt(asked)["state"] == "answered")

    assert bench.writes(asked) == 1
    assert bench.calls("issue_family_card") == 1


def resume(bench) -> bool:
    attempts = Attempts(bench.settings.database_url, "dukcapil", "operator", timedelta())
    try:
        return attempts.resume(actor="user:operator", now=datetime.now(UTC))
    finally:
        attempts.close()


def test_a_gateway_that_starts_while_the_agency_is_stopped_sends_nothing(bench, until):
    bench.faults("get_person", {"kind": "status", "status": 401})
    with bench.gateway():
        asked = bench.ask_person()
        until(lambda: bench.agency().get("state") == "stopped")
    with bench.gateway():
        later = bench.ask_person(1)
        until(lambda: bench.attempt(later))
        assert bench.calls("get_person") == 1
        resume(bench)
        assert bench.outcome(asked).outcome == bench.outcome(later).outcome == "done"


def test_the_circuit_opens_probes_and_closes_and_the_order_of_arrival_stays(bench, until):
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    bench.faults("get_person", BUSY, forever=True)
    connector = bench.connector(concurrency=1, circuit_failures=3, circuit_seconds=60)
    with bench.gateway(connector, clock=clock):
        asked = [bench.ask_person(number, subject="case", step=f"step{number}") for number in range(5)]
        until(lambda: bench.agency().get("circuit") == "open" and bench.states() == {"backing_off": 5})
        calls = bench.calls("get_person")
        assert calls == 3

        clock.turn(timedelta(seconds=61))
        until(lambda: bench.calls("get_person") == calls + 1)
        until(lambda: bench.agency()["circuit"] == "open" and bench.states() == {"backing_off": 5})
        assert bench.calls("get_person") == calls + 1

        bench.behave()
        clock.turn(timedelta(seconds=61))
        outcomes = [bench.outcome(each) for each in asked]
        until(lambda: bench.agency()["circuit"] == "closed")

    assert {outcome.outcome for outcome in outcomes} == {"done"}
    # The first two had a back-off of their own when the circuit opened.
    assert list(bench.outcomes())[2:] == [each.id for each in asked[2:]]


def test_no_more_calls_go_out_than_the_rate_allows(bench, until):
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    connector = bench.connector(rate_per_second=2)
    connector.feeds = dict  # a feed's page is a call like any other, and comes when it likes
    with bench.gateway(connector, clock=clock):
        asked = [bench.ask_person(number) for number in range(5)]
        for allowed in range(1, 6):
            until(lambda allowed=allowed: bench.calls("get_person") == allowed)
            until(lambda allowed=allowed: len(bench.outcomes()) == allowed)
            assert bench.calls("get_person") == allowed
            clock.turn(timedelta(seconds=0.5))
        assert all(bench.outcome(each).outcome == "done" for each in asked)


def test_a_gateway_that_stops_finishes_its_calls_and_gives_back_the_rest(bench, until):
    bench.faults("issue_family_card", {"kind": "latency", "seconds": 1.0})
    with bench.gateway(bench.connector(concurrency=1)) as gateway:
        begun = bench.ask_card(0, subject="case", step="begun")
        waiting = bench.ask_card(1, subject="case", step="waiting")
        until(lambda: bench.calls("issue_family_card") == 1 and bench.attempt(waiting))
        gateway.stop()

    assert bench.outcome(begun).outcome == "done"
    assert bench.attempt(waiting)["state"] == "backing_off"
    assert bench.writes(waiting) == 0
    with bench.gateway():
        assert bench.outcome(waiting).outcome == "done"
    assert (bench.writes(begun), bench.writes(waiting)) == (1, 1)


def test_its_numbers_tell_calls_outcomes_and_circuit(bench, until):
    registry = CollectorRegistry()
    bench.faults("get_person", BUSY)
    with bench.gateway(metrics=Metrics("dukcapil", registry)):
        bench.outcome(bench.ask_person())
        outcomes = {"agency": "dukcapil", "operation": "dukcapil.get_person", "outcome": "done"}
        until(lambda: registry.get_sample_value("simpul_gateway_outcomes_total", outcomes) == 1)

    call = {"agency": "dukcapil", "operation": "dukcapil.get_person", "phase": "send"}
    for ending in ("retriable", "record"):
        assert registry.get_sample_value("simpul_gateway_calls_total", {**call, "ending": ending}) == 1
    assert registry.get_sample_value("simpul_gateway_circuit", {"agency": "dukcapil", "state": "closed"}) == 1


def test_no_personal_data_is_left_readable(bench, caplog):
    with bench.gateway():
        asked = bench.ask_person()
        bench.outcome(asked)

    father = bench.family(0).father
    for secret in (father.nik, father.name):
        assert secret not in caplog.text
        stored = str(bench.rows("SELECT * FROM attempt"))
        assert secret not in stored
        assert base64.b64encode(secret.encode()).decode() not in stored
