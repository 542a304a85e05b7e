"""The dispatcher: runnable applications become waves, and waves become DAG runs.

A wave is stored before Airflow is told. An engine that dies in between leaves a claimed wave, which any engine starts
again: Airflow answers a repeat with what is there.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

import structlog

from simpul.clock import Clock
from simpul.engine.airflow_client import AirflowClient, AirflowUnreachableError, DagBroken, DagMissing, Started
from simpul.ledger import Database, definitions, dispatch, transaction, waves
from simpul.ledger.definitions import DefinitionError
from simpul.ledger.waves import Queue, Wave

log = structlog.get_logger(__name__)

_ORPHANED_AFTER = timedelta(seconds=5)
_DAG_SEEN_FOR = timedelta(seconds=5)
_BEFORE = datetime.min.replace(tzinfo=UTC)


class Dispatcher:
    """Claims waves and starts their runs.

    Args:
        wave_size: Most applications in a wave.
        in_flight: Most waves of one service version under way at once.
        in_all: Most waves of all services under way at once, beyond a first one of each.
        linger: How long a queue waits for company while other waves of its service are under way.
    """

    def __init__(
        self,
        database: Database,
        airflow: AirflowClient,
        clock: Clock,
        *,
        wave_size: int,
        in_flight: int,
        in_all: int = 32,
        linger: float,
        strikes: int,
    ) -> None:
        self._database = database
        self._airflow = airflow
        self._clock = clock
        self._wave_size = wave_size
        self._in_flight = in_flight
        self._in_all = in_all
        self._linger = timedelta(seconds=linger)
        self._strikes = strikes
        self._dags: dict[tuple[str, int], tuple[str, datetime]] = {}

    def once(self) -> int:
        """Start what can be started; returns how many waves were told to Airflow."""
        now = self._clock.now()
        with transaction(self._database) as connection:
            under_way = waves.open_waves(connection)
            queues = waves.queues(connection)
        orphans = [w for w in under_way if w.state == "claimed" and w.claimed_at + _ORPHANED_AFTER < now]
        started = sum(self._start(wave) for wave in orphans)
        while queue := self._next(queues, under_way):
            queues.remove(queue)
            wave = self._claim(queue, self._in_flight - _carried(under_way)[queue.service, queue.version])
            if wave is None:
                continue
            under_way.append(wave)
            queues.append(queue.without(wave.members))
            started += self._start(wave)
        return started

    def _next(self, queues: list[Queue], under_way: list[Wave]) -> Queue | None:
        """The queue that the next wave is for: of the service with the fewest waves under way, the one whose turn it is.

        Nothing of it is remembered, so several engines share one order, and a restart changes nothing.
        """
        carried = _carried(under_way)
        served = Counter(wave.service for wave in under_way if wave.members)
        ready = [queue for queue in queues if self._ready(queue, carried[queue.service, queue.version], served)]
        return min(ready, key=lambda queue: (served[queue.service], queue.turn or _BEFORE, queue.oldest), default=None)

    def _ready(self, queue: Queue, carrying: int, served: Counter[str]) -> bool:
        if queue.runnable == 0 or carrying >= self._in_flight:
            return False
        # However much is under way for others: the first wave of a service waits for nobody.
        if served[queue.service] and served.total() >= self._in_all:
            return False
        waited = self._clock.now() - queue.oldest
        if carrying and queue.runnable < self._wave_size and waited < self._linger:
            return False
        return self._dag_state(queue.service, queue.version) == "active"

    def _claim(self, queue: Queue, free: int) -> Wave | None:
        now = self._clock.now()
        size = waves.wave_size(queue.runnable, free, self._wave_size, now - queue.oldest)
        with transaction(self._database) as connection:
            return waves.claim(connection, queue, limit=size, now=now)

    def _start(self, wave: Wave) -> bool:
        """Tell Airflow; an answer that leaves it open is asked for again when the wave counts as orphaned."""
        answer = self._airflow.start(self._dag_id(wave.service, wave.version), wave.id)
        now = self._clock.now()
        match answer:
            case Started():
                with transaction(self._database) as connection:
                    waves.started(connection, wave.id, now=now)
                log.info("wave started", wave=wave.id, service=wave.service, members=wave.members)
                return True
            case DagMissing() | DagBroken():
                state = "missing" if isinstance(answer, DagMissing) else "broken"
                with transaction(self._database) as connection:
                    waves.give_back(connection, wave.id, result="refused", strikes=self._strikes, now=now)
                    dispatch.observe(connection, wave.service, wave.version, state, now=now)
                # not tried again before the next look at the DAG
                self._dags[wave.service, wave.version] = (state, now)
                log.error("wave refused", wave=wave.id, service=wave.service, dag=state)
                return False
            case unreachable:
                log.warning("wave not started yet", wave=wave.id, service=wave.service, why=unreachable.detail)
                return False

    def _dag_id(self, service: str, version: int) -> str:
        with transaction(self._database) as connection:
            return definitions.definition(connection, service, version).dag_id

    def _dag_state(self, service: str, version: int) -> str:
        """The DAG's state, asked for again after a while; what changed is stored for the console."""
        now = self._clock.now()
        known = self._dags.get((service, version))
        if known and now - known[1] < _DAG_SEEN_FOR:
            return known[0]
        try:
            state = str(self._airflow.dag_state(self._dag_id(service, version)))
        except DefinitionError as error:
            log.error("definition cannot be had", service=service, version=version, why=str(error))  # noqa: TRY400
            self._dags[service, version] = ("unknown", now)
            return "unknown"
        except AirflowUnreachableError as error:
            log.warning("airflow away", why=str(error))
            state = "unreachable"
        with transaction(self._database) as connection:
            if dispatch.observe(connection, service, version, state, now=now):
                log.info("dag", service=service, version=version, state=state)
        self._dags[service, version] = (state, now)
        return state


def _carried(under_way: list[Wave]) -> Counter[tuple[str, int]]:
    """The waves under way by service and version: the queues of one share its room."""
    return Counter((wave.service, wave.version) for wave in under_way if wave.members)
