"""The engine process: its loops, a thread each. Several engines may run at once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from simpul.bus.producer import Producer
from simpul.config import Settings
from simpul.engine.airflow_client import AirflowClient
from simpul.engine.amendments import Amender
from simpul.engine.compensations import Compensator
from simpul.engine.deadlines import Overdue
from simpul.engine.dispatcher import Dispatcher
from simpul.engine.loop import repeat
from simpul.engine.recovery import Recovery
from simpul.engine.relay import Relay
from simpul.engine.standards import Standards
from simpul.ledger import Database, connect, signals, timers, transaction

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Duty:
    """One loop: what it repeats, and the seconds between two turns when there is nothing to do."""

    name: str
    once: Callable[[], int]
    idle: float


def run(settings: Settings, stop: threading.Event) -> None:
    """Drive applications until `stop` is set.

    Raises:
        ValueError: SIMPUL_MASTER_KEY is missing or malformed.
    """
    database = connect(settings.database_url)
    producer = Producer(settings)
    threads = [
        threading.Thread(target=repeat, args=(duty.name, duty.once, stop), kwargs={"idle": duty.idle}, name=duty.name)
        for duty in _duties(settings, database, producer)
    ]
    for thread in threads:
        thread.start()
    log.info("engine runs", duties=[thread.name for thread in threads])
    for thread in threads:
        thread.join()
    producer.close()
    database.dispose()


def _duties(settings: Settings, database: Database, producer: Producer) -> list[_Duty]:
    clock, keys, calendar = settings.clock, settings.keys, settings.calendar
    airflow = AirflowClient(settings.airflow_url, settings.airflow_user, settings.airflow_password.get_secret_value())
    relay = Relay(
        database,
        producer,
        keys,
        clock,
        source=f"/simpul/{settings.installation}/engine",
        calendar=calendar,
        public_url=settings.citizens_url,
    )
    dispatcher = Dispatcher(
        database,
        airflow,
        clock,
        wave_size=settings.wave_size,
        in_flight=settings.waves_in_flight,
        in_all=settings.waves_in_all,
        linger=settings.wave_linger,
        strikes=settings.strikes,
    )
    recovery = Recovery(database, airflow, clock, lost_after=settings.lost_after, strikes=settings.strikes)

    standards = Standards(database, clock, calendar.now, share=settings.standard_warning)

    def deadlines() -> int:
        with transaction(database) as connection:
            return timers.deadlines(connection, now=clock.now())

    def unmatched_signals() -> int:
        with transaction(database) as connection:
            signals.sweep(connection, now=clock.now())
        return 0

    return [
        _Duty("relay", relay.once, 0.05),
        _Duty("dispatcher", dispatcher.once, 0.2),
        _Duty("recovery", recovery.once, 1.0),
        _Duty("deadlines", deadlines, 1.0),
        _Duty("overdue", Overdue(database, keys, clock, calendar).once, 1.0),
        _Duty("standards", standards.once, 1.0),
        _Duty("signals", unmatched_signals, 1.0),
        _Duty("compensations", Compensator(database, keys, clock, settings.installation).once, 1.0),
        _Duty("amendments", Amender(database, keys, clock).once, 1.0),
    ]
