"""Putting amendments into effect: which steps does the changed form touch?"""

from typing import Any

from simpul.clock import Clock
from simpul.crypto import DataKey, Keys
from simpul.definition import Definition
from simpul.engine.requests import open_form, open_record, plain_request
from simpul.ledger import Database, definitions, timers, transaction, transitions
from simpul.ledger.amendments import Amendment, read


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
            with transaction(self._database) as connection:
                amendment = read(connection, number)
                if amendment is None:
                    continue
                spec = definitions.definition(connection, amendment.service, amendment.version)
                key = self._keys.data_key(amendment.data_key, amendment.subject)
                changed = changed_steps(spec, amendment, key)
                done += transitions.amend(connection, number, changed, actor="engine", now=self._clock.now())
        return done


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
