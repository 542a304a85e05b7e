import asyncio
import logging
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

SECRET = "9974014101900001"


@pytest.fixture(autouse=True)
def _airflow_home(airflow_home: None) -> None:
    pass


class Ledger:
    """A ledger whose members close when the test says so."""

    def __init__(self, *, known: bool = True, still_open: int = 0, failures: int = 0) -> None:
        self.known, self.still_open, self.failures = known, still_open, failures
        self.calls: list[str] = []
        self.polled = asyncio.Event()

    async def enter(self, wave: str, step: str) -> bool:
        self._note(f"enter {wave} {step}")
        return self.known

    async def open_members(self, entries: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
        self.calls.append("poll")
        self.polled.set()
        return dict.fromkeys(entries, (self.still_open, 0)) if self.still_open else {}

    async def park(self, wave: str, step: str) -> int:
        self._note(f"park {wave} {step}")
        return self.still_open

    async def summary(self, wave: str, step: str) -> dict[str, int]:
        self._note(f"summary {wave} {step}")
        return {"done": 3, "rejected": 1}

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if self.failures:
            self.failures -= 1
            raise ConnectionError(f"cannot insert {SECRET}")


async def events(ledger: Ledger, *, budget: float = 5.0, patience: float = 5.0) -> list[Any]:
    return [event async for event in trigger(ledger, budget=budget, patience=patience).run()]


def trigger(ledger: Ledger, *, budget: float = 5.0, patience: float = 5.0) -> Any:
    from simpul.workflow import trigger as module
    from simpul.workflow.poller import Poller

    module._stations[asyncio.get_running_loop()] = module.Station(
        ledger=ledger,
        poller=Poller(ledger, interval=0.01),
        budget=budget,
        console="http://127.0.0.1:8765",
        patience=patience,
    )
    made = module.StepTrigger(service="birth", version=1, step="deed")
    made.task_instance = SimpleNamespace(run_id="w1", task_id="deed")
    made._log = logging.getLogger("step")  # Airflow's own goes past pytest
    return made


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(coroutine, 30))


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def test_a_step_is_made_again_from_service_version_and_name() -> None:
    from airflow._shared.module_loading import import_string

    from simpul.workflow.trigger import StepTrigger

    path, arguments = StepTrigger("birth", 2, "deed").serialize()
    assert arguments == {"service": "birth", "version": 2, "step": "deed"}
    assert import_string(path)(**arguments).serialize() == (path, arguments)


def test_a_step_enters_waits_and_ends_with_its_counts(log: pytest.LogCaptureFixture) -> None:
    from airflow.triggers.base import TaskSuccessEvent

    ledger = Ledger()
    (event,) = run(events(ledger))
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms == {"return_value": {"done": 3, "waiting": 0, "incident": 0, "rejected": 1}}
    assert ledger.calls == ["enter w1 deed", "poll", "summary w1 deed"]
    assert "http://127.0.0.1:8765/v1/waves/w1" in log.text


def test_a_step_parks_the_members_whose_budget_is_over() -> None:
    ledger = Ledger(still_open=2)
    run(events(ledger, budget=0.05))
    assert ledger.calls[-2:] == ["park w1 deed", "summary w1 deed"]


def test_a_run_that_the_ledger_does_not_know_ends_at_once_with_one_line(log: pytest.LogCaptureFixture) -> None:
    from airflow.triggers.base import TaskSuccessEvent

    ledger = Ledger(known=False)
    (event,) = run(events(ledger))
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms is None
    assert ledger.calls == ["enter w1 deed"]
    assert [record.message for record in log.records] == [
        "the ledger does not know the run w1: nothing to drive, so the step ends here"
    ]


def test_a_ledger_that_comes_back_is_asked_again() -> None:
    from airflow.triggers.base import TaskSuccessEvent

    ledger = Ledger(failures=2)
    (event,) = run(events(ledger))
    assert isinstance(event, TaskSuccessEvent)
    assert ledger.calls.count("enter w1 deed") == 3


def test_a_ledger_that_stays_away_fails_the_try_without_an_exception_or_its_text(log: pytest.LogCaptureFixture) -> None:
    from airflow.triggers.base import TaskFailedEvent

    (event,) = run(events(Ledger(failures=1000), patience=0.1))
    assert isinstance(event, TaskFailedEvent)
    assert "ConnectionError" in log.text
    assert SECRET not in log.text
    assert not any(record.exc_info for record in log.records)


def test_a_cancelled_step_parks_nobody() -> None:
    async def scenario() -> None:
        ledger = Ledger(still_open=2)
        made = trigger(ledger, budget=0.2)
        task = asyncio.create_task(anext(made.run()))
        await ledger.polled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not any(call.startswith("park") for call in ledger.calls)

    run(scenario())


def test_a_station_needs_neither_master_key_nor_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        from simpul.workflow.trigger import station

        assert station() is station()

    monkeypatch.delenv("SIMPUL_MASTER_KEY", raising=False)
    monkeypatch.delenv("SIMPUL_KAFKA_BOOTSTRAP", raising=False)
    run(scenario())
