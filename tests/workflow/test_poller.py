import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from simpul.workflow.poller import Poller


class Ledger:
    """Answers with what the test says is open, and remembers what it was asked."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, str], int] = {}
        self.through = 0
        self.asked: list[list[tuple[str, str]]] = []
        self.failures = 0
        self.polled = asyncio.Semaphore(0)
        self.answering = asyncio.Event()
        self.answering.set()

    async def open_members(self, entries: list[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
        self.asked.append(list(entries))
        self.polled.release()
        await self.answering.wait()
        if self.failures:
            self.failures -= 1
            raise OSError("down")
        return {entry: (count, self.through) for entry, count in self.open.items() if entry in entries and count}


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(coroutine, 20))


def test_all_steps_of_a_process_share_one_question() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        poller = Poller(ledger, interval=0.01)
        waits = [asyncio.create_task(poller.closed(f"wave{n}", "deed", within=10)) for n in range(50)]
        assert await asyncio.gather(*waits) == [True] * 50
        assert [len(entries) for entries in ledger.asked] == [50]

    run(scenario())


def test_a_step_ends_when_none_of_its_members_is_open_and_others_go_on_waiting() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        ledger.open = {("a", "deed"): 1, ("b", "deed"): 2}
        poller = Poller(ledger, interval=0.01)
        first = asyncio.create_task(poller.closed("a", "deed", within=10))
        second = asyncio.create_task(poller.closed("b", "deed", within=10))
        await ledger.polled.acquire()
        ledger.open[("a", "deed")] = 0
        assert await first
        assert not second.done()
        ledger.open[("b", "deed")] = 0
        assert await second

    run(scenario())


def test_a_step_whose_members_stay_open_gives_up_after_its_budget() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        ledger.open = {("a", "deed"): 1}
        assert not await Poller(ledger, interval=0.01).closed("a", "deed", within=0.05)

    run(scenario())


def test_a_straggler_holds_up_those_who_are_through_for_a_moment_only() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        ledger.open, ledger.through = {("a", "deed"): 1}, 14
        assert not await Poller(ledger, interval=0.01, stalled_after=0.05).closed("a", "deed", within=10)

    run(scenario())


def test_a_step_that_nobody_is_through_waits_for_its_whole_budget() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        ledger.open = {("a", "deed"): 3}
        wait = asyncio.create_task(Poller(ledger, interval=0.01, stalled_after=0.01).closed("a", "deed", within=10))
        for _ in range(5):
            await ledger.polled.acquire()
        assert not wait.done()
        ledger.open = {}
        assert await wait

    run(scenario())


def test_while_answers_keep_coming_nobody_is_parked() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        ledger.open, ledger.through = {("a", "deed"): 9}, 1
        wait = asyncio.create_task(Poller(ledger, interval=0.01, stalled_after=5).closed("a", "deed", within=10))
        for still_open in range(8, -1, -1):
            await ledger.polled.acquire()
            ledger.open[("a", "deed")] = still_open
        assert await wait

    run(scenario())


def test_a_ledger_that_does_not_answer_is_not_taken_for_one_where_all_is_closed() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        ledger.open = {("a", "deed"): 1}
        ledger.failures = 3
        poller = Poller(ledger, interval=0.01, longest=0.02)
        wait = asyncio.create_task(poller.closed("a", "deed", within=10))
        for _ in range(5):
            await ledger.polled.acquire()
        assert not wait.done()
        ledger.open = {}
        assert await wait

    run(scenario())


def test_a_step_that_comes_while_the_question_is_under_way_is_not_closed_by_its_answer() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        ledger.answering.clear()
        poller = Poller(ledger, interval=0.01)
        first = asyncio.create_task(poller.closed("a", "deed", within=10))
        await ledger.polled.acquire()
        second = asyncio.create_task(poller.closed("b", "deed", within=10))
        await asyncio.sleep(0)
        ledger.open = {("b", "deed"): 1}
        ledger.answering.set()
        assert await first
        assert not second.done()
        ledger.open = {}
        assert await second

    run(scenario())


def test_a_cancelled_step_is_asked_for_no_more_and_the_question_stops_when_nobody_waits() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        ledger.open = {("a", "deed"): 1}
        poller = Poller(ledger, interval=0.01)
        wait = asyncio.create_task(poller.closed("a", "deed", within=10))
        await ledger.polled.acquire()
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        assert poller._asking is not None
        await poller._asking
        ledger.open = {}
        assert await poller.closed("b", "deed", within=10)

    run(scenario())


def test_two_drivers_of_one_step_are_both_told() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        poller = Poller(ledger, interval=0.01)
        waits = [asyncio.create_task(poller.closed("a", "deed", within=10)) for _ in range(2)]
        assert await asyncio.gather(*waits) == [True, True]

    run(scenario())
