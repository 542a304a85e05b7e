"""Routes for machines: health and metrics. Public, so nothing here is personal."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from simpul.console.context import Context, context
from simpul.ledger import UNAVAILABLE, queries, transaction
from simpul.ledger.queries import Counts
from simpul.telemetry import REGISTRY

router = APIRouter(tags=["operations"])

_FRESH = timedelta(seconds=5)


@router.get("/healthz", responses={503: {"description": "The ledger cannot be reached"}})
def healthz(here: Annotated[Context, Depends(context)]) -> JSONResponse:
    """Whether this process can do its work."""
    ledger = queries.reachable(here.engine)
    return JSONResponse(
        {"status": "ok" if ledger else "unavailable", "ledger": "ok" if ledger else "unreachable"},
        200 if ledger else 503,
    )


@router.get("/metrics", response_class=Response)
def metrics(here: Annotated[Context, Depends(context)]) -> Response:
    """Counts for Prometheus: the ledger's, the same from every worker, and this process's own."""
    return Response(generate_latest(here.metrics) + generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


class LedgerMetrics(Collector):
    """Reads the ledger's counts when Prometheus asks, at most every few seconds."""

    def __init__(self, here: Context) -> None:
        self._here = here
        self._counts: Counts | None = None
        self._at: datetime | None = None

    def collect(self) -> Iterator[Metric]:
        """Gauges over the ledger; only `simpul_ledger_up` when it is away."""
        counts = self._read()
        yield GaugeMetricFamily("simpul_ledger_up", "Whether the ledger answers", value=int(counts is not None))
        if counts is None:
            return
        applications = GaugeMetricFamily("simpul_applications", "Applications", labels=["service", "state"])
        for (service, state), n in counts.by_service_and_state.items():
            applications.add_metric([service, state], n)
        yield applications
        waiting = GaugeMetricFamily(
            "simpul_waiting", "Waiting applications by what they wait for", labels=["waiting_for"]
        )
        for what, n in counts.waiting.items():
            waiting.add_metric([what], n)
        yield waiting
        yield GaugeMetricFamily("simpul_incidents_open", "Incidents that wait for an operator", value=counts.incidents)

        overdue = GaugeMetricFamily(
            "simpul_standard_open", "Open applications past their standard, or warned of", labels=["service", "clock"]
        )
        for (service, clock), n in counts.clocks.items():
            overdue.add_metric([service, clock], n)
        yield overdue
        breaches = GaugeMetricFamily(
            "simpul_standard_breaches", "Applications past their standard, ended ones included", labels=["service"]
        )
        for service, n in counts.breaches.items():
            breaches.add_metric([service], n)
        yield breaches

    def _read(self) -> Counts | None:
        now = self._here.clock.now()
        if self._at is None or not timedelta() <= now - self._at < _FRESH:
            try:
                with transaction(self._here.engine) as connection:
                    self._counts = queries.counts(connection)
            except UNAVAILABLE:
                return None
            self._at = now
        return self._counts


def registry(here: Context) -> CollectorRegistry:
    """The ledger's metrics as this console reads them."""
    own = CollectorRegistry()
    own.register(LedgerMetrics(here))
    return own
