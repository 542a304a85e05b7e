"""Envelope and messages as bytes, and the ids that tie requests to outcomes."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.envelope import Envelope
from schemas.messages import (
    OUTCOME,
    REQUEST,
    Failure,
    OutcomeData,
    Reason,
    RequestData,
    outcome_id,
    record_id,
    record_type,
    request_id,
)
from schemas.text import Text

TEXT = Text(id="Tidak ditemukan", en="Not found")
REQUEST_DATA = RequestData(
    operation="dukcapil.get_person",
    service="birth",
    version=1,
    step="parents",
    revision=1,
    reference="r1",
    purpose="identity verification",
    payload="AAAA",
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def envelope(**changes):
    given_ = {
        "id": "1",
        "source": "/simpul/99/engine",
        "type": REQUEST,
        "subject": "blinded",
        "time": datetime(2026, 1, 2, tzinfo=UTC),
        "data": REQUEST_DATA.model_dump(mode="json"),
    }
    return Envelope.model_validate(given_ | changes)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_an_envelope_is_read_back_as_it_was_written(data):
    sent = envelope(data=data, datakey="AAAA", traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01")

    assert sent == Envelope.from_bytes(sent.to_bytes())


def test_an_envelope_is_structured_cloudevents_json_without_attributes_that_are_not_set():
    written = json.loads(envelope(data={"legal_basis": None}).to_bytes())

    assert written == {
        "specversion": "1.0",
        "id": "1",
        "source": "/simpul/99/engine",
        "type": "id.simpul.request.v1",
        "subject": "blinded",
        "time": "2026-01-02T00:00:00Z",
        "datacontenttype": "application/json",
        "data": {"legal_basis": None},
    }


def test_attribute_names_are_what_cloudevents_allows():
    assert all(name.isalnum() and name.islower() and len(name) <= 20 for name in Envelope.model_fields)


def test_extension_attributes_of_others_are_passed_over():
    foreign = json.loads(envelope().to_bytes()) | {"tracestate": "x=1", "partition": 3}

    assert envelope() == Envelope.from_bytes(json.dumps(foreign).encode())


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        json.dumps(json.loads(envelope().to_bytes()) | {"specversion": "0.3"}).encode(),
        json.dumps(json.loads(envelope().to_bytes()) | {"time": "2026-01-02T00:00:00"}).encode(),
        json.dumps(json.loads(envelope().to_bytes()) | {"data": "Contoh Rahasia"}).encode(),
        b'{"specversion":"1.0","id":"Contoh Rahasia',
        b"\xff\xfe",
    ],
)
def test_what_is_no_cloudevent_is_refused_without_showing_it(broken):
    with pytest.raises(ValidationError) as caught:
        Envelope.from_bytes(broken)

    assert "Rahasia" not in str(caught.value)


def test_messages_survive_the_trip_and_pass_over_newer_fields():
    outcome = OutcomeData(
        request_id="q",
        operation="dukcapil.get_person",
        step="parents",
        revision=1,
        reference="r1",
        outcome="failed",
        failure=Failure(kind="retriable", code="503", diagnosis=TEXT, owner="agency"),
        reason=Reason(code="13", text=TEXT),
        tries=2,
        sent_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    sent = envelope(type=OUTCOME, data={**outcome.model_dump(mode="json"), "colour": "blue"})

    assert outcome == OutcomeData.model_validate(Envelope.from_bytes(sent.to_bytes()).data)


def test_a_request_asks_for_the_first_time_unless_it_says_otherwise():
    assert REQUEST_DATA.ask == 1
    assert REQUEST_DATA.accept is None


def test_the_type_of_a_record_names_its_schema_and_version():
    assert record_type("birth-deed/1") == "id.simpul.record.birth-deed.v1"


names = st.text("abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1)
questions = st.tuples(names, names, st.integers(1, 1000), st.integers(1, 1000))


@given(questions, questions)
def test_the_same_question_has_the_same_id_and_another_has_another(one, other):
    assert (request_id(*one) == request_id(*other)) == (one == other)


def test_ids_stay_the_same_from_release_to_release():
    question = request_id("blinded", "parents", 1, 1)

    assert question == "ad0866b0b8cc5725809d06e381456891"
    assert outcome_id(question) == f"{question}:outcome"
    assert record_id(question) == f"{question}:record"
