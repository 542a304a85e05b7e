"""The demo: files the samples over HTTP as the channels would, pays the bills, follows all to their end.

A client of a running stack: it knows the console's API and the sandbox's controls, nothing inside.
"""

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import requests

from simpul.clock import SystemClock
from simpul.embedded.samples import Sample
from simpul.embedded.stack import Stack, command
from simpul.ledger import api_keys, connect, transaction

CLOSED = frozenset({"completed", "rejected", "withdrawn", "lapsed"})
_POLL = 0.5
_TIMEOUT = 15


@dataclass
class Case:
    """A filed application and what the status API last said of it."""

    sample: Sample
    number: str
    display: str
    status: dict[str, Any] = field(default_factory=dict, repr=False)
    paid: bool = False

    @property
    def state(self) -> str:
        """Its state; `received` before the first look."""
        return str(self.status.get("state", "received"))

    @property
    def has_ended(self) -> bool:
        """Whether it is closed, or cannot go on without an operator."""
        return self.state in CLOSED or self.state == "incident"

    @property
    def as_expected(self) -> bool:
        """Whether it ended as its sample says, with the agency's reason where that is a refusal."""
        return self.state == self.sample.expected and (self.state != "rejected" or bool(self.reason))

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Its steps, in order."""
        return list(self.status.get("steps", []))

    @property
    def steps_decided(self) -> str:
        """How many of its steps have an outcome."""
        return f"{sum(step['outcome'] is not None for step in self.steps)}/{len(self.steps)}"

    @property
    def agencies(self) -> list[str]:
        """The agencies that were asked, in the order of the workflow."""
        asked = [step["agency"] for step in self.steps if step["opened_at"] and step["outcome"] != "skipped"]
        return list(dict.fromkeys(asked))

    @property
    def reason(self) -> str:
        """The agency's reason, where one of them said no."""
        reasons = [step["reason"] for step in self.steps if step["outcome"] == "rejected" and step["reason"]]
        return str(reasons[0].get("text", {}).get("en", reasons[0].get("code", ""))) if reasons else ""

    @property
    def seconds(self) -> float:
        """From its receipt to its end, or until now."""
        received, closed = self.status.get("received_at"), self.status.get("closed_at")
        end = datetime.fromisoformat(closed) if closed else datetime.now(UTC)
        return (end - datetime.fromisoformat(received)).total_seconds() if received else 0.0


class Demo:
    """The demo on one running stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["X-API-Key"] = self._api_key()
        self.cases: list[Case] = []

    def file(self, samples: list[Sample]) -> None:
        """Script the agencies' faults, then file everything."""
        for fault in (fault for sample in samples for fault in sample.faults):
            script = [{"operation": fault.operation, "match": fault.match, "faults": fault.faults}]
            self._sandbox(fault.agency, "faults", script)
        for sample in samples:
            answer = self._session.post(
                f"{self._stack.console_url}/v1/applications",
                json={"service": sample.service, "channel": sample.channel, "form": sample.form},
                headers={"Idempotency-Key": uuid.uuid4().hex},
                timeout=_TIMEOUT,
            )
            answer.raise_for_status()
            receipt = answer.json()
            self.cases.append(Case(sample, receipt["number"], receipt["display"]))

    def follow(self, seconds: float, changed: Callable[[Case], None]) -> Iterator[None]:
        """Look at every open application again and again, pay what is to be paid; yields after each round.

        Args:
            seconds: Give up after this; the caller sees which have not ended.
            changed: Told of every application that is not as it was at the last look.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not all(case.has_ended for case in self.cases):
            for case in self.cases:
                if not case.has_ended and self._look(case):
                    changed(case)
                self._pay(case)
            yield
            time.sleep(_POLL)

    def trace(self, case: Case) -> str:
        """The timeline of one application, as `simpul trace` tells it."""
        told = subprocess.run(  # noqa: S603  # our own command
            command("trace", case.number),
            env={**self._stack.supervisor.environment, **self._stack.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return told.stdout if told.returncode == 0 else told.stderr

    def _api_key(self) -> str:
        engine = connect(self._stack.database_url)
        try:
            with transaction(engine) as connection:
                return api_keys.issue(
                    connection,
                    f"demo-{uuid.uuid4().hex[:8]}",
                    {"intake", "read"},
                    actor="simpul demo",
                    now=SystemClock().now(),
                )
        finally:
            engine.dispose()

    def _look(self, case: Case) -> bool:
        try:
            answer = self._session.get(f"{self._stack.console_url}/v1/applications/{case.number}", timeout=_TIMEOUT)
            answer.raise_for_status()
        except requests.RequestException:
            # What dies is started again; so is the question.
            return False
        before, case.status = _progress(case.status), answer.json()
        return _progress(case.status) != before

    def _pay(self, case: Case) -> None:
        """Be the citizen at the bank: pay the bill that the status shows; the bank's news reach the console."""
        bill = (case.status.get("waiting") or {}).get("bill")
        if bill and not case.paid:
            callback = f"{self._stack.console_url}/v1/callbacks/simponi"
            self._sandbox("simponi", "pay", {"billing_code": bill["billing_code"], "push_to": callback})
            case.paid = True

    def _sandbox(self, agency: str, control: str, body: Any) -> None:
        url = f"{self._stack.sandbox_url}/_sandbox/{agency}/{control}"
        self._session.post(url, json=body, timeout=_TIMEOUT, headers={"X-API-Key": None}).raise_for_status()


def _progress(status: dict[str, Any]) -> tuple[Any, ...]:
    steps = [(step["state"], step["outcome"]) for step in status.get("steps", [])]
    return status.get("state"), (status.get("waiting") or {}).get("what"), steps
