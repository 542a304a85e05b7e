"""A gateway's numbers for Prometheus; they carry operation names and outcomes, nothing of a case."""

from collections.abc import Callable, Mapping
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from simpul.gateway.task import Task
from simpul.telemetry import REGISTRY

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_CIRCUITS = ("closed", "open", "probing")


class _Families:
    """The metrics of one process; the agencies whose gateways share it are told apart by label."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.calls = Counter(
            "simpul_gateway_calls", "Calls to the agency", ("agency", "operation", "phase", "ending"), registry=registry
        )
        self.outcomes = Counter(
            "simpul_gateway_outcomes", "Outcomes published", ("agency", "operation", "outcome"), registry=registry
        )
        self.seconds = Histogram(
            "simpul_gateway_call_seconds",
            "What one call took",
            ("agency", "operation"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.circuit = Gauge(
            "simpul_gateway_circuit", "1 for the circuit's present state", ("agency", "state"), registry=registry
        )
        self.stopped = Gauge("simpul_gateway_stopped", "1 while an operator has to act", ("agency",), registry=registry)
        self.attempts = Gauge(
            "simpul_gateway_attempts", "Attempts without an answer", ("agency", "state"), registry=registry
        )
        self.exchanges = Counter(
            "simpul_gateway_exchanges",
            "Replies to interactive reads",
            ("agency", "operation", "outcome"),
            registry=registry,
        )
        self.changes = Counter(
            "simpul_gateway_changes", "Changes that feeds brought and published", ("agency", "feed"), registry=registry
        )


_families: Callable[[CollectorRegistry], _Families] = cache(_Families)


class Metrics:
    """The metrics of one agency's gateway."""

    def __init__(self, agency: str, registry: CollectorRegistry = REGISTRY) -> None:
        self._agency = agency
        self._all = _families(registry)

    def fed(self, feed: str, changes: int) -> None:
        """So many changes were published."""
        self._all.changes.labels(self._agency, feed).inc(changes)

    def called(self, task: Task, phase: str, ending: str) -> None:
        """One call has ended."""
        operation = task.data.operation
        self._all.calls.labels(self._agency, operation, phase, ending).inc()
        if task.sent_at and task.answered_at:
            seconds = (task.answered_at - task.sent_at).total_seconds()
            self._all.seconds.labels(self._agency, operation).observe(seconds)

    def answered(self, task: Task, outcome: str) -> None:
        """One outcome is durable."""
        self._all.outcomes.labels(self._agency, task.data.operation, outcome).inc()

    def exchanged(self, task: Task, outcome: str) -> None:
        """One exchange has its reply."""
        self._all.exchanges.labels(self._agency, task.data.operation, outcome).inc()

    def state(self, circuit: str, *, stopped: bool) -> None:
        """Circuit and switch, as they are."""
        for each in _CIRCUITS:
            self._all.circuit.labels(self._agency, each).set(each == circuit)
        self._all.stopped.labels(self._agency).set(stopped)

    def backlog(self, attempts: Mapping[str, int]) -> None:
        """Attempts that are not answered, by state."""
        for each in ("leased", "backing_off", "in_doubt"):
            self._all.attempts.labels(self._agency, each).set(attempts.get(each, 0))
