"""A counter at the shared stack: files applications, decides, answers, pays, and waits for what comes of it.

Applications of one session share the agencies: each test takes people of its own.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from simpul.clock import SystemClock
from simpul.embedded.stack import Stack
from simpul.ledger import api_keys, connect, transaction
from simpul.ledger.cases import CLOSED

PATIENCE = 240


@dataclass
class Case:
    """A filed application, seen through the API."""

    counter: "Counter"
    number: str

    @property
    def status(self) -> dict[str, Any]:
        """What the status API says now."""
        return self.counter.get(f"/v1/applications/{self.number}")

    def outcomes(self) -> dict[str, str]:
        """What its steps came to so far."""
        return {step["name"]: step["outcome"] for step in self.status["steps"] if step["outcome"]}

    def reason(self, step: str) -> dict[str, Any]:
        """What the citizen is told of a step that was rejected or has lapsed."""
        return next(each["reason"] for each in self.status["steps"] if each["name"] == step)

    def record(self, officer_step: str, name: str) -> dict[str, Any]:
        """An earlier step's record in clear, as the officer of an open task sees it."""
        return self.counter.get(f"/v1/tasks/{self.number}/{officer_step}?by=Pemeriksa")["records"][name]

    def waits_at(self, step: str) -> "Case":
        """Wait until the application waits there."""
        self._until(lambda now: (now.get("waiting") or {}).get("step") == step, f"a wait at {step}")
        return self

    def ends(self) -> str:
        """Wait until it is closed, or cannot go on; its state."""
        return self._until(lambda now: now["state"] in CLOSED | {"incident"}, "its end", elsewhere=True)["state"]

    def decides(self, step: str, decision: str = "approve", **more: Any) -> "Case":
        """Be the officer of a step, once it is asked."""
        self.waits_at(step)
        body = {"decision": decision, "by": "Petugas Contoh", **more}
        self.counter.post(f"/v1/tasks/{self.number}/{step}/decision", body)
        return self

    def answers(self, step: str, **given: Any) -> "Case":
        """Be the citizen at a step, once it is asked."""
        self.waits_at(step)
        self.counter.post(f"/v1/applications/{self.number}/answers", {"step": step, "answers": given})
        return self

    def _until(
        self, condition: Callable[[dict[str, Any]], bool], what: str, *, elsewhere: bool = False
    ) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while not condition(now := self.status):
            seen = {step["name"]: step["outcome"] or step["state"] for step in now["steps"]}
            assert now["state"] not in CLOSED | {"incident"}, f"{self.number} {now['state']} before {what}: {seen}"
            asked = now.get("waiting") or {}
            # Nobody but this test answers: what waits for people elsewhere would wait for ever.
            assert elsewhere or not asked.get("what", "").startswith(("officer", "citizen")), f"{what}: {asked}"
            assert time.monotonic() < deadline, f"{self.number} waited in vain for {what}: {asked}, {seen}"
            threading.Event().wait(0.3)
        return now


class Counter:
    """A counter with a key that may file, read and decide."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.database = connect(stack.database_url)
        with transaction(self.database) as connection:
            key = api_keys.issue(
                connection,
                f"services-{secrets.token_hex(4)}",
                {"intake", "read", "decide", "manage"},
                actor="test",
                now=SystemClock().now(),
            )
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["X-API-Key"] = key

    def file(self, service: str, form: dict[str, Any], **more: Any) -> Case:
        """File an application."""
        answer = self.post(
            "/v1/applications",
            {"service": service, "channel": "counter", "form": form, **more},
            key=secrets.token_hex(8),
        )
        return Case(self, answer["number"])

    def case(self, number: str) -> Case:
        """An application that somebody else filed."""
        return Case(self, number)

    def get(self, path: str) -> dict[str, Any]:
        """Ask the console."""
        answer = self.session.get(f"{self.stack.console_url}{path}", timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def post(self, path: str, body: dict[str, Any], *, key: str | None = None) -> dict[str, Any]:
        """Tell the console."""
        headers = {"Idempotency-Key": key} if key else {}
        answer = self.session.post(f"{self.stack.console_url}{path}", json=body, headers=headers, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def sandbox(self, agency: str, control: str, body: Any = None) -> Any:
        """Use a control of a sandbox agency; GET where there is nothing to say."""
        url = f"{self.stack.sandbox_url}/_sandbox/{agency}/{control}"
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(url, timeout=30) if body is None else session.post(url, json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def writes(self, agency: str, operation: str) -> dict[str, int]:
        """Our reference to how often a write took effect at a sandbox agency."""
        return self.sandbox(agency, "writes").get(operation, {})


@pytest.fixture(scope="session")
def counter(stack: Stack) -> Iterator[Counter]:
    """A counter at the stack that all tests share."""
    made = Counter(stack)
    yield made
    made.session.close()
    made.database.dispose()
