"""A stack that may be broken, a client that files and pays, and the accounting afterwards."""

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import text

from connectors import catalogue
from connectors.toolkit.population import Population
from simpul.clock import SystemClock
from simpul.embedded.scenarios import UNKNOWN_NIK
from simpul.embedded.stack import Plan, Stack
from simpul.ledger import api_keys, connect, transaction
from simpul.ledger.cases import CLOSED
from tests.conftest import DAGS, dags

SETTINGS = {
    # What was in flight at a kill is in doubt after its lease: short, so that the test is.
    "SIMPUL_DUKCAPIL_CALL_DEADLINE": "3",
    "SIMPUL_DUKCAPIL_LEASE_SECONDS": "8",
    "SIMPUL_BPJS_KESEHATAN_CALL_DEADLINE": "3",
    "SIMPUL_BPJS_KESEHATAN_LEASE_SECONDS": "8",
    "SIMPUL_SIMPONI_CALL_DEADLINE": "3",
    "SIMPUL_SIMPONI_LEASE_SECONDS": "8",
    "SIMPUL_WAVE_BUDGET": "8",
    "SIMPUL_LOST_AFTER": "10",
}


def _writes(workflow: str) -> list[str]:
    """The operations of a workflow that must not happen twice."""
    steps = json.loads((DAGS / "published" / f"{workflow}.json").read_bytes())["steps"]
    return sorted(step["operation"] for step in steps if catalogue.load()[step["operation"]]["effect"] == "write")


OF_BIRTHS = _writes("birth")
WRITES = sorted({*OF_BIRTHS, *_writes("passport_v2")})


VERSIONS = {"birth": {"version": 1}}
"""Of services whose newest version asks agencies that are not running here."""

AGENCIES = ("dukcapil", "bpjs_kesehatan", "simponi", "imigrasi")
"""Whom the services of these tests ask."""


@contextmanager
def running(**settings: str) -> Iterator[Stack]:
    """A stack of one test's own, on a Postgres that waits for the disk."""
    with tempfile.TemporaryDirectory(prefix="simpul-faults-") as folder:
        some = dags(Path(folder) / "dags")
        plan = Plan(
            folder=Path(folder), dags=some, usual_ports=False, agencies=AGENCIES, settings={**SETTINGS, **settings}
        )
        stack = Stack(plan)
        try:
            with stack:
                yield stack
        finally:
            stack.remove_data()


@dataclass(frozen=True)
class Filed:
    """An application and the state in which it must end."""

    number: str
    service: str
    expected: str


class Client:
    """Files applications, pays their bills, and counts at the agencies."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.database = connect(stack.database_url)
        with transaction(self.database) as connection:
            self.key = api_keys.issue(
                connection, f"test-{time.time_ns()}", {"intake", "read"}, actor="test", now=SystemClock().now()
            )
        self.session = requests.Session()
        self.session.trust_env = False
        self.paid: set[str] = set()
        self.population = Population()

    def file(self, service: str, index: int) -> Filed:
        """File the index-th sample; every tenth passport is for a NIK that nobody has."""
        form, expected = self.passport(index) if service == "passport" else self.birth(index)
        for _ in range(100):
            # The console answers 503 while Postgres restarts; the same key makes the repeat harmless.
            with suppress(requests.RequestException):
                answer = self.session.post(
                    f"{self.stack.console_url}/v1/applications",
                    json={"service": service, "channel": "counter", "form": form, **VERSIONS.get(service, {})},
                    headers={"X-API-Key": self.key, "Idempotency-Key": f"{service}-{index}"},
                    timeout=15,
                )
                if answer.status_code < 500:
                    answer.raise_for_status()
                    return Filed(answer.json()["number"], service, expected)
            threading.Event().wait(0.2)
        raise AssertionError("the console did not take an application")

    def birth(self, index: int) -> tuple[dict, str]:
        born = SystemClock().now().date() - timedelta(days=7)
        child = {"name": f"Anak Ke{index}", "sex": "male", "birth_date": born.isoformat(), "birth_place": "Simpul"}
        return {"nkk": self.population.family(5000 + index).nkk, "child": child, "enrol": True}, "completed"

    def passport(self, index: int) -> tuple[dict, str]:
        if index % 10 == 3:
            return {"nik": UNKNOWN_NIK, "book": "5 years"}, "rejected"
        return {"nik": self.population.family(9000 + index).mother.nik, "book": "10 years"}, "completed"

    def pay_what_is_due(self) -> None:
        """Be the citizens at the bank."""
        with suppress(requests.RequestException):
            waiting = self.session.get(
                f"{self.stack.console_url}/v1/applications",
                params={"state": "waiting", "service": "passport", "limit": 200},
                headers={"X-API-Key": self.key},
                timeout=15,
            )
            for each in waiting.json()["applications"] if waiting.ok else []:
                self._pay(each["number"])

    def _pay(self, number: str) -> None:
        if number in self.paid:
            return
        answer = self.session.get(
            f"{self.stack.console_url}/v1/applications/{number}", headers={"X-API-Key": self.key}, timeout=15
        )
        bill = (answer.json().get("waiting") or {}).get("bill") if answer.ok else None
        if bill:
            body = {
                "billing_code": bill["billing_code"],
                "push_to": f"{self.stack.console_url}/v1/callbacks/simponi",
            }
            paid = self.session.post(f"{self.stack.sandbox_url}/_sandbox/simponi/pay", json=body, timeout=15)
            if paid.ok:
                self.paid.add(number)

    def states(self, filed: list[Filed]) -> dict[str, str]:
        with self.database.connect() as connection:
            rows = connection.execute(
                text("SELECT number, state FROM application WHERE number = ANY(:numbers)"),
                {"numbers": [each.number for each in filed]},
            )
            return {row.number: row.state for row in rows}

    def until_ended(self, filed: list[Filed], seconds: float = 240) -> dict[str, str]:
        """Wait until all have ended, paying bills meanwhile; returns their states."""
        deadline = time.monotonic() + seconds
        states: dict[str, str] = {}
        while time.monotonic() < deadline:
            self.pay_what_is_due()
            with suppress(Exception):
                states = self.states(filed)
                if all(states.get(each.number) in CLOSED for each in filed):
                    return states
            threading.Event().wait(0.5)
        return states

    def until(self, condition, seconds: float = 120) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "waited in vain"
            threading.Event().wait(0.2)

    def script(self, agency: str, operation: str, faults: list[dict], **more: object) -> None:
        script = [{"operation": operation, "faults": faults, **more}]
        answer = self.session.post(f"{self.stack.sandbox_url}/_sandbox/{agency}/faults", json=script, timeout=15)
        answer.raise_for_status()

    def writes(self) -> dict[str, Counter]:
        """Operation to reference to how often it took effect, for the operations that must not happen twice."""
        found = {}
        for name in WRITES:
            agency, operation = name.split(".")
            counts = self.session.get(f"{self.stack.sandbox_url}/_sandbox/{agency}/writes", timeout=15).json()
            found[name] = Counter(counts.get(operation, {}))
        return found

    def written(self) -> int:
        """Writes that took effect so far, repeats included."""
        return sum(sum(counts.values()) for counts in self.writes().values())

    def duplicates(self) -> int:
        return sum(count - 1 for counts in self.writes().values() for count in counts.values() if count > 1)


@pytest.fixture
def client_of():
    """Makes a client of a stack."""
    return Client
