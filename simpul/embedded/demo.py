"""The demo: files cases of all services over HTTP as the channels would, does what people do, follows all to their end.

A client of a running stack: it knows the console's API and the sandbox's controls, nothing inside.
"""

import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from connectors.toolkit.population import WIB, Population
from simpul.clock import SystemClock
from simpul.embedded.scenarios import TABLE, Dealt, deal
from simpul.embedded.scenarios.play import SCOPES, Case, Play
from simpul.embedded.stack import Stack, command
from simpul.ledger import api_keys, connect, transaction

SHOWN: Final = (
    "birth: everything in one visit",
    "birth: two 503s, then a time-out after the deed was made",
    "birth: the mother is recorded twice",
    "birth: everything in one visit",
    "passport: paid at the bank",
    "passport: a NIK that nobody has",
    "passport: paid at the bank",
    "death: nobody else is to be told",
    "death: a civil servant's, and everybody is told",
    "death: a missing paper is brought",
    "move: within the regency",
    "move: to another regency, with cards, insurance and tax office",
    "move: withdrawn while the officer looks",
    "marriage: at the office",
    "marriage: outside the office, paid for",
    "business: licensed",
    "business: tax returns are missing, and the officer refuses",
    "land: a sale, taxed and paid",
    "land: an inheritance without a tax",
    "land: a blocked certificate is refused",
    "dukcapil_ktp_lost: a lost identity card",
    "imigrasi_passport_lost: a lost passport, paid for",
    "dukcapil_kia: the officer refuses the papers",
)
"""What the demo files: the workflows of several agencies in turn, then a few services of the catalogue."""

_POLL = 0.5


def shown(now: datetime) -> list[Dealt]:
    """The demo's cases, each about people of its own."""
    known = {scenario.id: scenario for scenario in TABLE}
    return list(deal([known[each] for each in SHOWN], now.astimezone(WIB), Population()))


class Demo:
    """The demo on one running stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._play = Play(stack.console_url, stack.sandbox_url, self._api_key())

    @property
    def cases(self) -> list[Case]:
        """What was filed."""
        return self._play.cases

    def file(self, dealt: list[Dealt]) -> None:
        """Script the agencies' faults, then file everything."""
        self._play.file(dealt)

    def follow(self, seconds: float, changed: Callable[[Case], None]) -> Iterator[None]:
        """Look at every open application again and again, and do what people do; yields after each round.

        Args:
            seconds: Give up after this; the caller sees which have not ended.
            changed: Told of every application that is not as it was at the last look.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not all(case.has_ended for case in self.cases):
            following = [(case, _progress(case.status)) for case in self.cases if not case.has_ended]
            self._play.round()
            for case, before in following:
                self._play.inspect(case)
                if _progress(case.status) != before:
                    changed(case)
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
                    SCOPES,
                    actor="simpul demo",
                    now=SystemClock().now(),
                )
        finally:
            engine.dispose()


def steps_decided(case: Case) -> str:
    """How many of its steps have an outcome."""
    steps = _steps(case)
    return f"{sum(step['outcome'] is not None for step in steps)}/{len(steps)}"


def agencies(case: Case) -> list[str]:
    """The agencies and officers that were asked, in the order of the workflow."""
    asked = [step["agency"] for step in _steps(case) if step["opened_at"] and step["outcome"] != "skipped"]
    return list(dict.fromkeys(filter(None, asked)))


def reason(case: Case) -> str:
    """What the citizen is told, where somebody said no."""
    reasons = [step["reason"] for step in _steps(case) if step["outcome"] == "rejected" and step["reason"]]
    return str(reasons[0].get("text", {}).get("en", reasons[0].get("code", ""))) if reasons else ""


def seconds(case: Case) -> float:
    """From its receipt to its end, or until now."""
    received, closed = case.status.get("received_at"), case.status.get("closed_at")
    end = datetime.fromisoformat(closed) if closed else datetime.now(UTC)
    return (end - datetime.fromisoformat(received)).total_seconds() if received else 0.0


def _steps(case: Case) -> list[dict[str, Any]]:
    return list(case.status.get("steps", []))


def _progress(status: dict[str, Any]) -> tuple[Any, ...]:
    steps = [(step["state"], step["outcome"]) for step in status.get("steps", [])]
    return status.get("state"), (status.get("waiting") or {}).get("what"), steps
