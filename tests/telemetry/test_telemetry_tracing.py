import pytest

from simpul import tracing


def test_a_child_stays_in_the_trace_with_a_span_of_its_own():
    parent = tracing.new()
    child = tracing.child(parent)
    assert tracing.trace_id(child) == tracing.trace_id(parent)
    assert child != parent


def test_a_child_keeps_the_decision_not_to_sample():
    assert tracing.child("00-" + "a" * 32 + "-" + "b" * 16 + "-00").endswith("-00")


@pytest.mark.parametrize(
    "malformed",
    [None, "", "x", "00-" + "0" * 32 + "-" + "b" * 16 + "-01", "00-" + "a" * 32 + "-" + "0" * 16 + "-01",
     "ff-" + "a" * 32 + "-" + "b" * 16 + "-01", "00-" + "A" * 32 + "-" + "b" * 16 + "-01"],
)  # fmt: skip
def test_what_is_no_traceparent_begins_a_new_trace(malformed):
    made = tracing.child(malformed)
    assert len(tracing.trace_id(made)) == 32
    assert tracing.trace_id(made) not in {"a" * 32, "0" * 32}


def test_text_that_is_no_traceparent_has_no_trace_id():
    assert tracing.trace_id("nonsense") == ""
