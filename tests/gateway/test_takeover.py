"""Gateways that are killed or stand still, and others that take over: never a second write, nothing lost.

The same scenes run with attempts switched off; there they must make duplicates, or these tests could not fail.
"""

import signal

import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

# Longer than any call may take: the answer never comes.
LOST = {"kind": "timeout", "seconds": 30, "after_write": True}


def test_a_write_of_a_killed_gateway_is_looked_up_and_not_repeated(bench, until):
    bench.faults("issue_family_card", LOST)
    killed = bench.process()
    asked = bench.ask_card()
    until(lambda: bench.writes(asked))
    killed.kill()
    killed.wait()
    bench.process()

    outcome = bench.outcome(asked)
    assert outcome.outcome == "done"
    assert bench.writes(asked) == 1
    assert bench.calls("issue_family_card") == 1
    assert bench.attempt(asked)["sent"]


def test_the_naive_way_repeats_a_write_of_a_killed_gateway(bench, until):
    bench.faults("issue_family_card", LOST)
    killed = bench.process(attempts=False)
    asked = bench.ask_card()
    until(lambda: bench.writes(asked))
    killed.kill()
    killed.wait()
    bench.process(attempts=False)

    assert bench.outcome(asked).outcome == "done"
    assert bench.writes(asked) >= 2


def test_a_write_that_a_killed_gateway_never_sent_is_sent_once(bench, until):
    bench.faults("issue_family_card", LOST)
    killed = bench.process(concurrency=1)
    first = bench.ask_card(0, subject="case", step="first")
    second = bench.ask_card(1, subject="case", step="second")
    until(lambda: bench.writes(first) and bench.attempt(second))
    killed.kill()
    killed.wait()
    bench.process()

    assert bench.outcome(first).outcome == bench.outcome(second).outcome == "done"
    assert (bench.writes(first), bench.writes(second)) == (1, 1)
    assert bench.calls("issue_family_card") == 2


def test_a_gateway_that_stands_still_past_its_lease_loses_it_and_sends_nothing_more(bench, until):
    # One worker: the first write is under way and the second waits in memory when everything stops.
    bench.faults("issue_family_card", {"kind": "latency", "seconds": 1.0})
    still = bench.process(concurrency=1)
    first = bench.ask_card(0, subject="case", step="first")
    second = bench.ask_card(1, subject="case", step="second")
    until(lambda: bench.calls("issue_family_card") == 1 and bench.attempt(second))
    still.send_signal(signal.SIGSTOP)

    other = bench.process()
    assert bench.outcome(first).outcome == bench.outcome(second).outcome == "done"
    assert (bench.writes(first), bench.writes(second)) == (1, 1)
    other.terminate()
    other.wait()

    still.send_signal(signal.SIGCONT)
    # Its one worker comes to the third only after it has dealt with what it held.
    third = bench.ask_card(2, subject="case", step="third")
    assert bench.outcome(third).outcome == "done"
    assert [bench.writes(each) for each in (first, second, third)] == [1, 1, 1]
    assert bench.calls("issue_family_card") == 3
    until(lambda: bench.attempt(third)["state"] == "answered")
    assert {row["state"] for row in bench.rows("SELECT state FROM attempt")} == {"answered"}


def test_the_naive_way_sends_on_after_it_stood_still(bench, until):
    bench.faults("issue_family_card", {"kind": "latency", "seconds": 1.0})
    still = bench.process(attempts=False, concurrency=1)
    first = bench.ask_card(0, subject="case", step="first")
    second = bench.ask_card(1, subject="case", step="second")
    until(lambda: bench.calls("issue_family_card") == 1)
    still.send_signal(signal.SIGSTOP)

    bench.process(attempts=False)
    assert bench.outcome(first).outcome == bench.outcome(second).outcome == "done"
    assert bench.writes(first) >= 2
    still.send_signal(signal.SIGCONT)


def test_sigterm_ends_a_gateway_within_ten_seconds_with_its_call_answered(bench, until):
    bench.faults("issue_family_card", {"kind": "latency", "seconds": 1.0})
    process = bench.process()
    asked = bench.ask_card()
    until(lambda: bench.calls("issue_family_card"))
    process.terminate()

    assert process.wait(10) == 0
    assert bench.outcome(asked).outcome == "done"
    assert bench.writes(asked) == 1
