"""Putting amendments into effect: which steps does the changed form touch?"""

from typing import Any

import structlog

from simpul.clock import Clock
from simpul.crypto import CannotDecryptError, DataKey, Keys
from simpul.definition import Definition
from simpul.engine.requests import open_form, open_record, plain_request
from simpul.ledger import Connection, Database, definitions, timers, transaction, transitions
from simpul.ledger.amendments import Amendment, read
from simpul.ledger.definitions import DefinitionError

log = structlog.get_logger(__name__)


class Amender:
    """Takes stored amendments into effect once no step run is in flight."""

    def __init__(self, database: Database, keys: Keys, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock

    def once(self) -> int:
        """Put the amendments that can take effect into effect; returns how many did."""
        with transaction(self._database) as connection:
            numbers = timers.amendable(connection)
        done = 0
        for number in numbers:
            try:
                with transaction(self._database) as connection:
                    done += self._put_into_effect(connection, number)
            except (CannotDecryptError, ValueError) as error:
                log.error("amendment dropped", application=number, error=type(error).__name__)  # noqa: TRY400
                with transaction(self._database) as connection:
                    transitions.drop_amendment(connection, number, actor="engine", now=self._clock.now())
            except DefinitionError as error:
                log.error("definition cannot be had", application=number, why=str(error))  # noqa: TRY400
        return done

    def _put_into_effect(self, connection: Connection, number: str) -> bool:
        amendment = read(connection, number)
        if amendment is None:
            return False
        spec = definitions.definition(connection, amendment.service, amendment.version)
        key = self._keys.data_key(amendment.data_key, amendment.subject)
        changed = changed_steps(spec, amendment, key)
        return transitions.amend(connection, number, changed, actor="engine", now=self._clock.now())


def changed_steps(definition: Definition, amendment: Amendment, key: DataKey) -> list[str]:
    """The entered steps whose request differs under the new form, in topological order."""
    before = open_form(amendment.form, amendment.form_version, key)
    after = open_form(amendment.amended_form, amendment.form_version + 1, key)
    records: dict[str, Any] = {
        step: open_record(sealed.request_id, sealed.record, key) for step, sealed in amendment.records.items()
    }
    return [
        step.name
        for step in definition.steps
        if step.name in amendment.entered
        and plain_request(step, before, records) != plain_request(step, after, records)
    ]
