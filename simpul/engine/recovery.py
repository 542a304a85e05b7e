"""Recovery: waves whose runs ended, failed or vanished give their applications back."""

from datetime import timedelta

import structlog

from simpul.clock import Clock
from simpul.engine.airflow_client import AirflowClient, AirflowUnreachableError
from simpul.ledger import Connection, Database, definitions, transaction, waves
from simpul.ledger.definitions import DefinitionError
from simpul.ledger.waves import Wave

log = structlog.get_logger(__name__)


def _dag_id(connection: Connection, wave: Wave) -> str | None:
    try:
        return definitions.definition(connection, wave.service, wave.version).dag_id
    except DefinitionError as error:
        log.error("definition cannot be had", service=wave.service, version=wave.version, why=str(error))  # noqa: TRY400
        return None


class Recovery:
    """Compares the waves under way with Airflow's runs.

    Args:
        lost_after: Seconds between two look-ups that both do not find a run, before it counts as lost.
    """

    def __init__(
        self, database: Database, airflow: AirflowClient, clock: Clock, *, lost_after: float, strikes: int
    ) -> None:
        self._database = database
        self._airflow = airflow
        self._clock = clock
        self._lost_after = timedelta(seconds=lost_after)
        self._strikes = strikes

    def once(self) -> int:
        """Look at every started wave; returns 0, so that the loop keeps its pace."""
        with transaction(self._database) as connection:
            started = [wave for wave in waves.open_waves(connection) if wave.state == "started"]
            dags = {wave.id: dag_id for wave in started if (dag_id := _dag_id(connection, wave))}
        if not dags:
            return 0
        try:
            runs = self._airflow.states([(dag_id, wave) for wave, dag_id in dags.items()])
            for wave in started:
                if wave.id in dags:
                    self._compare(wave, runs.get(wave.id), dags[wave.id])
        except AirflowUnreachableError as error:
            # never taken for "vanished"
            log.warning("airflow away", why=str(error))
        return 0

    def _compare(self, wave: Wave, run: str | None, dag_id: str) -> None:
        if run in ("success", "failed"):
            self._give_back(wave, str(run))
        elif run is not None and wave.missing_since is not None:
            self._missing(wave, clear=True)
        elif run is None and wave.missing_since is None:
            self._missing(wave, clear=False)
        elif run is None and self._overdue(wave) and self._airflow.dag_state(dag_id) in ("active", "paused"):
            self._give_back(wave, "missing")

    def _overdue(self, wave: Wave) -> bool:
        return wave.missing_since is not None and self._clock.now() - wave.missing_since >= self._lost_after

    def _missing(self, wave: Wave, *, clear: bool) -> None:
        with transaction(self._database) as connection:
            waves.missing(connection, wave.id, None if clear else self._clock.now())

    def _give_back(self, wave: Wave, result: str) -> None:
        with transaction(self._database) as connection:
            left = waves.give_back(connection, wave.id, result=result, strikes=self._strikes, now=self._clock.now())
        log.info("wave ended", wave=wave.id, service=wave.service, result=result, still_in_it=len(left))
