"""The outbox relay: entered steps become requests on the bus. Deleted from the outbox only once the broker has them.

A crash between the two publishes a request twice, under the same id: the gateway's attempt drops the second.
"""

from datetime import datetime, timedelta
from operator import attrgetter

import structlog

from simpul import worktime
from simpul.bus.producer import Producer
from simpul.bus.topics import requests_topic
from simpul.clock import Clock
from simpul.crypto import CannotDecryptError, Keys
from simpul.definition import Definition
from simpul.engine.requests import Ask, Broken, Made, Office, Park, Request, Skip, build
from simpul.ledger import Connection, Database, definitions, outbox, transaction
from simpul.ledger.definitions import DefinitionError
from simpul.ledger.outbox import Due, Issued, Known, Sent
from simpul.worktime import Calendar

log = structlog.get_logger(__name__)

_UNREADABLE_FOR = timedelta(seconds=30)


class Relay:
    """Takes entered steps from the outbox to the bus.

    Args:
        database: The ledger.
        producer: Used by this relay alone: its flush must speak of this relay's messages only.
        source: The CloudEvents source, such as `/simpul/99/engine`.
        calendar: Working time, for the deadlines of people; the one that is shipped when not given.
        public_url: Where citizens reach the console, for the QR codes of documents.
    """

    def __init__(
        self,
        database: Database,
        producer: Producer,
        keys: Keys,
        clock: Clock,
        source: str,
        *,
        calendar: Calendar | None = None,
        public_url: str = "",
    ) -> None:
        self._database = database
        self._producer = producer
        self._keys = keys
        self._clock = clock
        self._office = Office(source=source, calendar=calendar or worktime.read(), public_url=public_url)
        self._unreadable: dict[str, datetime] = {}

    def once(self, limit: int = 500) -> int:
        """Relay one batch.

        Returns:
            How many rows were taken; 0 when the outbox is empty.
        """
        now = self._clock.now()
        with transaction(self._database) as connection:
            rows = outbox.take(connection, limit, self._left_out(now))
            built = {due.outbox: self._built(connection, due, now) for due in rows}
            requests = [(due, made) for due in rows if isinstance(made := built[due.outbox], Request)]
            sent = [_sent(due, request) for due, request in requests]
            for (due, request), each in zip(requests, sent, strict=True):
                self._producer.send(requests_topic(each.agency), due.subject, request.envelope)
            if sent:
                self._producer.flush()
            # applications are locked only now: nobody waits for the broker behind their locks
            outbox.lock(connection, [due for due in rows if built[due.outbox] is not None])
            for due in sorted(rows, key=attrgetter("number")):
                _set_apart(connection, due, built[due.outbox], now)
            outbox.sent(connection, sent, now=now)
        return sum(made is not None for made in built.values())

    def _left_out(self, now: datetime) -> list[str]:
        """Services whose definition could not be had a moment ago."""
        self._unreadable = {name: until for name, until in self._unreadable.items() if until > now}
        return list(self._unreadable)

    def _built(self, connection: Connection, due: Due, now: datetime) -> Made | None:
        """As `build`; None where the definition cannot be had, which is nobody's fault but this process's age."""
        try:
            found = definitions.definition(connection, due.service, due.version)
            spec = definitions.filled(found, due.operations)
        except DefinitionError as error:
            self._unreadable[f"{due.service}/{due.version}"] = now + _UNREADABLE_FOR
            log.error("definition cannot be had", service=due.service, version=due.version, why=str(error))  # noqa: TRY400
            return None
        return self._build(due, spec, now)

    def _build(self, due: Due, definition: Definition, now: datetime) -> Made:
        """As `build`; one application's trouble, whatever it is, must not hold up its neighbours."""
        try:
            return build(due, definition, self._keys, self._office, now=now)
        except CannotDecryptError as error:
            return Broken(str(error))
        except Exception as error:  # noqa: BLE001  # named without its text, which may quote the form
            return Broken(f"an unexpected {type(error).__name__}; the engine's version may not know this workflow")


def _set_apart(connection: Connection, due: Due, made: Made | None, now: datetime) -> None:
    """What is no request leaves the outbox in its own way."""
    match made:
        case Skip():
            outbox.skip(connection, due, now=now)
        case Park(until, reference):
            outbox.park(connection, due, until=until, reference=reference, now=now)
        case Ask(kind, group, until):
            outbox.ask_people(connection, due, kind=kind, group=group, until=until, now=now)
        case Issued() as issued:
            outbox.issue(connection, due, issued, now=now)
        case Known() as known:
            outbox.know(connection, due, known, now=now)
        case Broken() as broken:
            outbox.fail(connection, due, _diagnosis(broken), now=now)


def _sent(due: Due, request: Request) -> Sent:
    return Sent(
        due,
        agency=request.operation.partition(".")[0],
        operation=request.operation,
        purpose=request.purpose,
        legal_basis=request.legal_basis,
        digest=request.digest,
        until=request.until,
        reference=request.reference,
    )


def _diagnosis(broken: Broken) -> dict[str, str]:
    return {
        "id": f"Permintaan ke instansi tidak dapat disusun: {broken.why}",
        "en": f"The request to the agency cannot be built: {broken.why}",
    }
