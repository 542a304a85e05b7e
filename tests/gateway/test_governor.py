"""When calls may go out, on a clock that the test turns."""

from datetime import UTC, datetime, timedelta

import pytest

from simpul.gateway.governor import Governor, Ticket

START = datetime(2026, 1, 1, tzinfo=UTC)


def governor(*, rate=None, failures=3, seconds=10):
    return Governor(rate=rate, failures=failures, pause=timedelta(seconds=seconds))


def at(seconds):
    return START + timedelta(seconds=seconds)


def fail(subject, times, seconds=0.0):
    for _ in range(times):
        ticket = subject.admit(at(seconds))
        assert isinstance(ticket, Ticket)
        subject.report(ticket, at(seconds), ok=False)


def test_without_a_limit_everything_goes():
    subject = governor()
    assert all(isinstance(subject.admit(START), Ticket) for _ in range(1000))


@pytest.mark.parametrize("rate", [0.5, 1, 7, 100])
def test_no_second_has_more_calls_than_the_rate_allows(rate):
    subject = governor(rate=rate)
    sent = [step for step in range(20_000) if isinstance(subject.admit(at(step / 1000)), Ticket)]

    most_in_a_second = max(sum(1 for other in sent if start <= other < start + 1000) for start in sent)
    assert most_in_a_second <= rate + max(1, rate * 0.05)
    assert len(sent) == pytest.approx(rate * 20, abs=max(2, rate * 0.06))


def test_the_wait_it_names_is_enough():
    subject = governor(rate=3)
    now = START
    for _ in range(10):
        while not isinstance(wait := subject.admit(now), Ticket):
            now += wait
    assert now - START == pytest.approx(timedelta(seconds=3), abs=timedelta(milliseconds=1))


def test_failures_in_a_row_open_the_circuit():
    subject = governor(failures=3)
    fail(subject, 3)
    assert subject.circuit == "open"
    assert subject.admit(at(1)) == timedelta(seconds=9)
    assert subject.blocked_until(at(1)) == at(10)


def test_an_answer_between_failures_keeps_it_closed():
    subject = governor(failures=3)
    for _ in range(5):
        fail(subject, 2)
        subject.report(subject.admit(START), START, ok=True)
    assert subject.circuit == "closed"


def test_after_the_pause_one_call_probes_and_no_other_goes():
    subject = governor(failures=1)
    fail(subject, 1)

    probe = subject.admit(at(10))
    assert isinstance(probe, Ticket)
    assert subject.circuit == "probing"
    assert isinstance(subject.admit(at(10)), timedelta)

    subject.report(probe, at(11), ok=True)
    assert subject.circuit == "closed"
    assert isinstance(subject.admit(at(11)), Ticket)


def test_a_probe_that_fails_opens_it_for_another_pause():
    subject = governor(failures=1)
    fail(subject, 1)
    fail(subject, 1, seconds=10)
    assert subject.circuit == "open"
    assert subject.blocked_until(at(10)) == at(20)


def test_a_probe_that_was_never_sent_lets_another_probe_at_once():
    subject = governor(failures=1)
    fail(subject, 1)
    subject.report(subject.admit(at(10)), at(10), ok=None)
    assert subject.circuit == "open"
    assert isinstance(subject.admit(at(10)), Ticket)


def test_a_call_from_before_the_change_says_nothing_about_the_present():
    subject = governor(failures=1)
    slow = subject.admit(START)
    fail(subject, 1)
    subject.report(slow, at(1), ok=True)
    assert subject.circuit == "open"

    probe = subject.admit(at(10))
    subject.report(slow, at(10), ok=False)
    assert subject.circuit == "probing"
    subject.report(probe, at(10), ok=True)
    assert subject.circuit == "closed"


def test_never_sent_is_neither_failure_nor_success():
    subject = governor(failures=2)
    fail(subject, 1)
    subject.report(subject.admit(START), START, ok=None)
    fail(subject, 1)
    assert subject.circuit == "open"


def test_the_rate_holds_for_probes_too():
    subject = governor(rate=0.01, failures=1)
    fail(subject, 1)
    assert subject.admit(at(10)) == timedelta(seconds=90)
    assert subject.circuit == "open"
