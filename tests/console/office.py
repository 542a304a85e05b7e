"""What engine, gateway and projector do for a console's test: by hand, without Kafka and Airflow."""

import asyncio
import base64
import json

from sqlalchemy import text

from schemas.base import Record
from schemas.messages import OutcomeData, outcome_id, record_id, request_id
from simpul.engine.relay import Relay
from simpul.ledger import transaction, waves
from simpul.ledger.definitions import publish
from simpul.ledger.drive import Driver
from simpul.ledger.projection import Answer, project


class Producer:
    def __init__(self):
        self.sent = []

    def send(self, _topic, _key, envelope):
        self.sent.append(envelope)

    def flush(self):
        pass


class Office:
    """Everybody but the console."""

    def __init__(self, configuration, engine, clock, *definitions):
        self.keys, self.db, self.clock = configuration.keys, engine, clock
        self.url = configuration.database_url
        self.producer = Producer()
        self.relay = Relay(engine, self.producer, self.keys, clock, "/t", public_url="https://mpp.example")
        with transaction(engine) as connection:
            for each in definitions:
                publish(connection, each, actor="test", now=clock.now())

    def drive(self, step):
        async def enter(wave):
            driver = Driver(self.url, self.clock)
            try:
                await driver.enter(wave, step)
            finally:
                await driver.close()

        with transaction(self.db) as connection:
            for queue in waves.queues(connection):
                waves.claim(connection, queue, limit=10, now=self.clock.now())
            known = waves.open_waves(connection)
        for wave in known:
            asyncio.run(enter(wave.id))
        return self.relay.once()

    def answer(self, number, step, operation, record: Record):
        """The agency's answer, as gateway and projector bring it in."""
        subject = self.keys.blind(number)
        request = request_id(subject, step, 1, 1)
        with transaction(self.db) as connection:
            wrapped = connection.execute(
                text("SELECT data_key FROM application WHERE number = :number"), {"number": number}
            ).scalar_one()
            key = self.keys.data_key(bytes(wrapped), subject)
            sealed = key.seal(record.model_dump_json().encode(), record_id(request))
            data = OutcomeData(
                request_id=request,
                operation=operation,
                step=step,
                revision=1,
                ask=1,
                reference="R",
                outcome="done",
                record_schema=record.schema_id(),
                payload=base64.b64encode(sealed).decode(),
                tries=1,
            )
            project(connection, [Answer(outcome_id(request), subject, data)], now=self.clock.now())

    def requests(self, number):
        """What was asked of agencies for an application, in clear: operation to payload."""
        with self.db.connect() as connection:
            row = connection.execute(
                text("SELECT subject, data_key FROM application WHERE number = :number"), {"number": number}
            ).one()
        key = self.keys.data_key(bytes(row.data_key), row.subject)
        return {
            each.data["operation"]: json.loads(key.open(base64.b64decode(each.data["payload"]), each.id))
            for each in self.producer.sent
            if each.subject == row.subject
        }
