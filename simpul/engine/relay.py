"""The outbox relay: entered steps become requests on the bus. Deleted from the outbox only once the broker has them.

A crash between the two publishes a request twice, under the same id: the gateway's attempt drops the second.
"""

from datetime import datetime

from simpul.bus.producer import Producer
from simpul.bus.topics import requests_topic
from simpul.clock import Clock
from simpul.crypto import CannotDecryptError, Keys
from simpul.definition import Definition
from simpul.engine.requests import Broken, Park, Request, Skip, build
from simpul.ledger import Database, definitions, outbox, transaction
from simpul.ledger.outbox import Due, Sent


class Relay:
    """Takes entered steps from the outbox to the bus.

    Args:
        database: The ledger.
        producer: Used by this relay alone: its flush must speak of this relay's messages only.
        source: The CloudEvents source, such as `/simpul/99/engine`.
    """

    def __init__(self, database: Database, producer: Producer, keys: Keys, clock: Clock, source: str) -> None:
        self._database = database
        self._producer = producer
        self._keys = keys
        self._clock = clock
        self._source = source

    def once(self, limit: int = 500) -> int:
        """Relay one batch.

        Returns:
            How many rows were taken; 0 when the outbox is empty.
        """
        now = self._clock.now()
        with transaction(self._database) as connection:
            rows = outbox.take(connection, limit)
            sent: list[Sent] = []
            # the others lock applications: first, and in number order
            for due in sorted(rows, key=lambda row: row.number):
                spec = definitions.definition(connection, due.service, due.version)
                match self._build(due, spec, now):
                    case Request() as request:
                        sent.append(_sent(due, request))
                        self._producer.send(requests_topic(sent[-1].agency), due.subject, request.envelope)
                    case Skip():
                        outbox.skip(connection, due, now=now)
                    case Park(until, reference):
                        outbox.park(connection, due, until=until, reference=reference, now=now)
                    case Broken() as broken:
                        outbox.fail(connection, due, _diagnosis(broken), now=now)
            if sent:
                self._producer.flush()
                outbox.sent(connection, sent, now=now)
        return len(rows)

    def _build(self, due: Due, definition: Definition, now: datetime) -> Request | Skip | Park | Broken:
        """As `build`; one application's trouble, whatever it is, must not hold up its neighbours."""
        try:
            return build(due, definition, self._keys, source=self._source, now=now)
        except CannotDecryptError as error:
            return Broken(str(error))
        except Exception as error:  # noqa: BLE001  # named without its text, which may quote the form
            return Broken(f"an unexpected {type(error).__name__}; the engine's version may not know this workflow")


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
