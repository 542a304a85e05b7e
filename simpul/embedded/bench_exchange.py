"""The exchange's benchmark: the same reads straight to the agency and over the bus, open loop, in one run.

Both are started on a fixed beat, whether the one before has come back or not, so that waiting shows.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import requests

from connectors import sandbox_app
from connectors.registry import connector_class
from connectors.toolkit.population import Population
from simpul.clock import SystemClock
from simpul.embedded.bench import BenchError
from simpul.embedded.stack import Stack
from simpul.ledger import api_keys, connect, transaction

AGENCY = "dukcapil"
_THREADS = 64
_WARM_UP = 50


@dataclass(frozen=True)
class Percentiles:
    """Of a series, in milliseconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Result:
    """What one run measured.

    Attributes:
        direct: The connector called in the load generator, from the moment a call was due.
        exchange: `POST /v1/exchange` of the console, the same way.
        overhead: The one's percentiles less the other's.
        bus: Of each exchange its time less that of the agency's call within it.
        failed: Exchanges that brought no record.
    """

    calls: int
    calls_per_second: float
    direct: Percentiles
    exchange: Percentiles
    overhead: Percentiles
    bus: Percentiles
    failed: int

    def as_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)


def run(stack: Stack, *, calls: int, rate: float) -> Result:
    """Make so many calls of each kind at so many per second; the direct ones first."""
    niks = [Population().family(number).father.nik for number in range(200)]
    connector = connector_class(AGENCY)(sandbox_app.settings(AGENCY, stack.sandbox_url))
    operation = connector.operations()["get_person"]

    def direct(number: int) -> float:
        operation.invoke(connector, operation.request(nik=niks[number % len(niks)]))
        return 0.0

    session = _session(stack)

    def exchanged(number: int) -> float:
        body = {"request": {"nik": niks[number % len(niks)]}, "purpose": "benchmark"}
        answer = session.post(f"{stack.console_url}/v1/exchange/{AGENCY}.get_person", json=body, timeout=60)
        answer.raise_for_status()
        times = answer.json()["times"]
        return (_moment(times["answered_at"]) - _moment(times["sent_at"])).total_seconds()

    with connector:
        for call in (direct, exchanged):
            _open_loop(call, _WARM_UP, rate)
        straight, _, _ = _open_loop(direct, calls, rate)
        through, within, failed = _open_loop(exchanged, calls, rate)
    if not through:
        raise BenchError("no exchange brought a record: look into the logs of console and gateway")
    bare, bus = _percentiles(straight), _percentiles(through)
    return Result(
        calls=calls,
        calls_per_second=rate,
        direct=bare,
        exchange=bus,
        overhead=Percentiles(*(round(getattr(bus, p) - getattr(bare, p), 1) for p in ("p50", "p95", "p99"))),
        bus=_percentiles([whole - agency for whole, agency in zip(through, within, strict=True)]),
        failed=failed,
    )


def _session(stack: Stack) -> requests.Session:
    database = connect(stack.database_url)
    with transaction(database) as connection:
        name = f"bench-{time.time_ns()}"
        key = api_keys.issue(connection, name, {"exchange"}, actor="simpul bench", now=SystemClock().now())
    database.dispose()
    session = requests.Session()
    session.trust_env = False
    session.headers["X-API-Key"] = key
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=_THREADS))
    return session


def _open_loop(call: Callable[[int], float], calls: int, rate: float) -> tuple[list[float], list[float], int]:
    """Seconds from when each call was due to its end, what the call itself tells, and how many failed."""
    began = time.monotonic() + 0.1

    def one(number: int) -> tuple[float, float] | None:
        due = began + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            told = call(number)
        except requests.RequestException:
            return None
        return time.monotonic() - due, told

    with ThreadPoolExecutor(_THREADS) as pool:
        ended = list(pool.map(one, range(calls)))
    good = [each for each in ended if each is not None]
    return [whole for whole, _ in good], [told for _, told in good], calls - len(good)


def _percentiles(seconds: Sequence[float]) -> Percentiles:
    ordered = sorted(seconds)
    return Percentiles(
        *(round(ordered[min(len(ordered) - 1, int(len(ordered) * q))] * 1000, 1) for q in (0.5, 0.95, 0.99))
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
