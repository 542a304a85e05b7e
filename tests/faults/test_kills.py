"""Kill -9 of everything, again and again, and the accounting afterwards: nothing lost, nothing twice."""

import itertools
import random
import threading
from collections import Counter
from contextlib import suppress

import pytest

from tests.faults.conftest import OF_BIRTHS, running

pytestmark = [pytest.mark.faults, pytest.mark.stack, pytest.mark.timeout(900)]

AGENCIES = ("dukcapil", "bpjs_kesehatan", "simponi")
OTHERS = (
    "projector",
    "engine",
    "airflow-triggerer",
    "airflow-scheduler",
    "postgres",
    "kafka",
)
SLOW = [{"kind": "latency", "seconds": seconds} for seconds in (0.05, 0.2, 0.4)]
UNSURE = [
    *SLOW,
    {"kind": "drop", "after_write": True},
    *SLOW,
    {"kind": "status", "status": 503},
    *SLOW,
    {"kind": "timeout", "seconds": 5, "after_write": True},
    *SLOW,
]


def trouble(client, faults):
    for agency in AGENCIES:
        client.script(agency, "*", faults, forever=True)


def kill(stack, name):
    """Kill a process and wait until its successor is at work."""
    with suppress(ProcessLookupError):
        before = stack.supervisor.starts(name)
        stack.supervisor.kill(name)
        stack.supervisor.wait_until_ready(name, starts=before + 1, seconds=180)


def test_killing_everything_several_times_loses_nothing_and_writes_nothing_twice(client_of):
    with running() as stack:
        client = client_of(stack)
        trouble(client, UNSURE)
        ended, kills = threading.Event(), Counter()
        victims = {name for agency in AGENCIES for name in stack.gateway_names(agency)} | set(OTHERS)
        order = random.sample(sorted(victims), len(victims))

        def chaos():
            for name in itertools.chain(order, reversed(order)):
                kill(stack, name)
                kills[name] += 1
            ended.set()

        attacker = threading.Thread(target=chaos)
        attacker.start()
        filed = []
        services = ["birth", "birth", "birth", "passport"]
        for index in range(200):
            filed.append(client.file(services[index % 4], index))
            # spread the filing over the kills
            ended.wait(0.4)
            if index % 10 == 0:
                client.pay_what_is_due()
        attacker.join(timeout=600)
        assert kills == dict.fromkeys(victims, 2)
        states = client.until_ended(filed, seconds=300)

        wrong = {each.number: states.get(each.number) for each in filed if states.get(each.number) != each.expected}
        assert wrong == {}
        assert client.duplicates() == 0
        births = sum(each.service == "birth" for each in filed)
        found = client.writes()
        assert {name: len(found[name]) for name in OF_BIRTHS} == dict.fromkeys(OF_BIRTHS, births)


def test_with_attempts_switched_off_the_same_kills_write_twice(client_of):
    """The negative control: the accounting can find duplicates."""
    with running(SIMPUL_ATTEMPTS="false") as stack:
        client = client_of(stack)
        trouble(client, [{"kind": "latency", "seconds": 0.5}])
        filed = [client.file("birth", index) for index in range(60)]
        for _ in range(5):
            before = client.written()
            # the first new write is through, its neighbours are under way
            client.until(lambda before=before: client.written() > before)
            kill(stack, *stack.gateway_names("dukcapil"))
            if client.duplicates():
                break
        client.until(lambda: client.duplicates() > 0 or client.written() >= len(OF_BIRTHS) * len(filed))
        assert client.duplicates() > 0
