"""The end-to-end benchmark: a backlog of birth packages through the whole stack, with CPU time by process.

The backlog is filed while the engine stands still (SIGSTOP), so that filing is not in the measured time.
"""

import signal
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import psutil
import requests

from connectors.toolkit.population import Population
from simpul.clock import SystemClock
from simpul.embedded.stack import Stack
from simpul.ledger import api_keys, connect, transaction
from simpul.ledger.backlog import Backlog, backlog

_POLL = 0.25
_FILING_THREADS = 4
_NOT_OURS = ("sandbox", "load generator")


@dataclass(frozen=True)
class Result:
    """What one run measured. Times in seconds, CPU in core-seconds; per application where the name says so.

    Attributes:
        as_expected: Applications that were completed.
        core_seconds_per_application: All processes on the machine that belong to the stack.
        core_seconds_per_application_own: The same without the sandbox agencies and the load generator.
        filing_core_seconds_per_application_own: What taking the backlog in over HTTP cost before; not in the above.
    """

    applications: int
    as_expected: int
    seconds: float
    applications_per_minute: float
    core_seconds_per_application: float
    core_seconds_per_application_own: float
    core_seconds_by_process: Mapping[str, float]
    waves: int
    mean_wave_size: float
    filed_per_second: float
    filing_core_seconds_per_application_own: float
    duplicate_writes: int

    def as_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)


class BenchError(RuntimeError):
    """The run did not come to its end; the message says how far it got."""


def run(stack: Stack, applications: int, *, patience: float = 900.0) -> Result:
    """File a backlog, let it go, wait for its end.

    Raises:
        BenchError: Not all applications had ended when patience was over.
    """
    with _standing_still(stack, "engine"):
        idle, filing = _cpu(stack), time.monotonic()
        _file(stack, applications)
        filed = applications / (time.monotonic() - filing)
        before = _cpu(stack)
        began = time.monotonic()
    state = _wait(stack, applications, began + patience)
    seconds = time.monotonic() - began
    used = _since(before, _cpu(stack))
    total = sum(used.values())
    return Result(
        applications=applications,
        as_expected=state.completed,
        seconds=round(seconds, 2),
        applications_per_minute=round(applications / seconds * 60, 1),
        core_seconds_per_application=round(total / applications, 5),
        core_seconds_per_application_own=round(_own(used) / applications, 5),
        core_seconds_by_process={
            name: round(cpu, 2) for name, cpu in sorted(used.items(), key=lambda item: -item[1]) if cpu >= 0.01
        },
        waves=state.waves,
        mean_wave_size=round(state.mean_wave_size, 1),
        filed_per_second=round(filed, 1),
        filing_core_seconds_per_application_own=round(_own(_since(idle, before)) / applications, 5),
        duplicate_writes=duplicate_writes(stack.sandbox_url),
    )


def duplicate_writes(sandbox_url: str) -> int:
    """Writes that took effect more than once at a sandbox agency, over all agencies and references."""
    agencies = requests.get(f"{sandbox_url}/_sandbox", timeout=10).json()
    found = 0
    for agency in agencies:
        writes = requests.get(f"{sandbox_url}/_sandbox/{agency}/writes", timeout=30).json()
        found += sum(count - 1 for references in writes.values() for count in references.values() if count > 1)
    return found


@contextmanager
def _standing_still(stack: Stack, process: str) -> Iterator[None]:
    stack.supervisor.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            stack.supervisor.kill(process, signal.SIGCONT)


def births(applications: int) -> Iterator[dict[str, Any]]:
    """Forms of birth packages, one for each generated family."""
    population, born = Population(), SystemClock().now().date() - timedelta(days=7)
    for index in range(applications):
        family = population.family(1000 + index)
        child = {"name": "Anak Contoh", "sex": "female", "birth_date": born.isoformat(), "birth_place": "Simpul"}
        yield {"nkk": family.nkk, "child": child, "enrol": True}


def _file(stack: Stack, applications: int) -> None:
    database = connect(stack.database_url)
    with transaction(database) as connection:
        name = f"bench-{time.time_ns()}"
        key = api_keys.issue(connection, name, {"intake", "read"}, actor="simpul bench", now=SystemClock().now())
    database.dispose()
    forms = list(births(applications))

    def work(first: int) -> None:
        session = requests.Session()
        session.trust_env = False
        session.headers["X-API-Key"] = key
        for form in forms[first::_FILING_THREADS]:
            # Always the same version: figures are compared over the years.
            body = {"service": "birth", "version": 1, "channel": "counter", "form": form}
            session.post(f"{stack.console_url}/v1/applications", json=body, timeout=60).raise_for_status()

    with ThreadPoolExecutor(_FILING_THREADS) as pool:
        list(pool.map(work, range(_FILING_THREADS)))


def _wait(stack: Stack, applications: int, deadline: float) -> Backlog:
    database = connect(stack.database_url)
    try:
        while True:
            with transaction(database) as connection:
                state = backlog(connection)
            if state.closed >= applications:
                return state
            if time.monotonic() > deadline:
                raise BenchError(f"after the time allowed {state.closed} of {applications} had ended: {state.by_state}")
            time.sleep(_POLL)
    finally:
        database.dispose()


def _cpu(stack: Stack) -> dict[str, float]:
    """CPU seconds so far, by supervised process with all its descendants, ended ones included."""
    used = {"load generator": sum(psutil.Process().cpu_times()[:2])}
    for name in stack.supervisor.names():
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            leader = psutil.Process(stack.supervisor.pid(name))
            used[name] = sum(_of(each) for each in (leader, *leader.children(recursive=True)))
    return used


def _since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: cpu - before.get(name, 0.0) for name, cpu in after.items()}


def _own(used: Mapping[str, float]) -> float:
    return sum(cpu for name, cpu in used.items() if name not in _NOT_OURS)


def _of(process: psutil.Process) -> float:
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.NoSuchProcess:
        return 0.0
