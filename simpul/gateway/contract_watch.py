"""Once a day: does the agency still publish the contract that our connector was written against? Kept in the ledger."""

import threading
from typing import Any

import structlog

from connectors import drift
from connectors.toolkit.connector import Connector
from simpul.clock import Clock
from simpul.ledger.attempts import Attempts, UnavailableError

log = structlog.get_logger(__name__)

FIRST_AFTER_SECONDS = 60.0
EVERY_SECONDS = 24 * 3600.0


class ContractWatch:
    """Looks at one agency's published contracts."""

    def __init__(self, connector: Connector[Any], attempts: Attempts, clock: Clock) -> None:
        self._connector = connector
        self._attempts = attempts
        self._clock = clock
        self._closing = threading.Event()

    def run(self) -> None:
        """Look once a day until closed."""
        pause = FIRST_AFTER_SECONDS
        while not self._closing.wait(pause):
            pause = EVERY_SECONDS
            try:
                self.once()
            except UnavailableError as error:
                log.info("a contract was looked at in vain", error=str(error))
            except Exception:
                log.exception("a contract could not be looked at")

    def once(self) -> None:
        """Compare every contract that the agency publishes.

        Raises:
            UnavailableError: The ledger does not answer.
        """
        drifts, unseen = drift.published(self._connector)
        for each in unseen:
            log.info("a contract cannot be seen", agency=self._connector.agency, where=each.where, why=each.why)
        hidden = {each.where for each in unseen}
        for document in self._connector.contracts:
            if document.file not in hidden:
                found = [each.as_json() for each in drifts if each.where == document.file]
                self._attempts.keep_contract(document.file, found, now=self._clock.now())

    def close(self) -> None:
        """Make `run` return."""
        self._closing.set()
