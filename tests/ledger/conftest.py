"""A ledger with one small service, and hands to move an application through it without Kafka and Airflow."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from schemas.messages import OutcomeData, outcome_id, record_id, request_id
from schemas.text import Text
from simpul.clock import ManualClock
from simpul.crypto import Keys
from simpul.definition import Definition, StepDefinition, Want
from simpul.ledger import connect, definitions, transaction, waves
from simpul.ledger.drive import Driver
from simpul.ledger.events import Event, record
from simpul.ledger.outbox import Sent, ask_people, park, sent, take
from simpul.ledger.projection import Answer, project
from simpul.ledger.queries import timeline
from simpul.ledger.story import rebuild
from simpul.worktime import read

BIRTH = Definition(
    service="birth",
    version=1,
    title="Birth",
    standard="3 working days",
    owner="dukcapil",
    form={"type": "object"},
    steps=(
        StepDefinition(name="deed", kind="agency", operation="dukcapil.register_birth", request={"nkk": "form.nkk"}),
        StepDefinition(name="card", kind="agency", operation="dukcapil.issue_family_card", request={}, after=("deed",)),
        StepDefinition(
            name="insured", kind="agency", operation="bpjs_kesehatan.enrol_newborn", request={}, after=("deed",)
        ),
    ),
)
PASSPORT = Definition(
    service="passport",
    version=1,
    title="Passport",
    standard="4 working days",
    owner="imigrasi",
    form={"type": "object"},
    steps=(
        StepDefinition(name="bill", kind="agency", operation="simponi.create_bill", request={}),
        StepDefinition(
            name="payment",
            kind="payment",
            operation="simponi.get_bill",
            request={"billing_code": "bill.billing_code"},
            after=("bill",),
            accept="record.status == 'paid'",
            expires="bill.expires_at",
            reference="bill.billing_code",
        ),
    ),
)
PAID = PASSPORT.model_copy(
    update={
        "service": "passport_paid",
        "steps": (
            *PASSPORT.steps,
            StepDefinition(
                name="issue", kind="agency", operation="imigrasi.issue_passport", request={}, after=("payment",)
            ),
        ),
    }
)
PERMIT = Definition(
    service="permit",
    version=1,
    title="Permit",
    standard="5 working days",
    owner="dpmptsp",
    form={"type": "object"},
    steps=(
        StepDefinition(
            name="check", kind="officer", request={}, group="permits", within="2 working days", overdue="escalate"
        ),
        StepDefinition(
            name="paper",
            kind="citizen",
            request={},
            within="3 days",
            overdue="lapse",
            wants=(Want(name="letter", title="Surat", kind="paper"),),
            after=("check",),
        ),
    ),
)
LICENCE = Definition(
    service="licence",
    version=1,
    title="Licence",
    standard="5 working days",
    owner="dpmptsp",
    form={"type": "object"},
    steps=(
        StepDefinition(
            name="check", kind="officer", request={}, group="permits", within="2 working days", overdue="approve"
        ),
    ),
)
NOTICE = Definition(
    service="notice",
    version=1,
    title="Notice",
    standard="1 day",
    owner="mpp",
    form={"type": "object"},
    steps=(
        StepDefinition(name="told", kind="notify", operation="notify.send", request={}, template="completed"),
        StepDefinition(name="card", kind="agency", operation="dukcapil.issue_family_card", request={}, after=("told",)),
    ),
)
SERVICES = {each.service: each for each in (BIRTH, PASSPORT, PAID, PERMIT, LICENCE, NOTICE)}


class World:
    """One ledger and everyone who acts on it, by hand."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.db = connect(url)
        self.clock = ManualClock(datetime(2026, 3, 2, 8, tzinfo=UTC))
        self.keys = Keys(bytes(range(32)))
        self.sequence = 0
        # set by a test that writes tables by hand, so that events cannot tell what they hold
        self.by_hand = False
        with transaction(self.db) as connection:
            for each in SERVICES.values():
                definitions.publish(connection, each, actor="test", now=self.now)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def turn(self, **span: float) -> None:
        self.clock.turn(timedelta(**span))

    def file(self, service: str = "birth", **columns: object) -> str:
        from schemas.identifiers import application_number

        self.sequence += 1
        number = application_number("99", 2026, self.sequence)
        subject = self.keys.blind(number)
        wrapped = self.keys.new_data_key(subject)
        key = self.keys.data_key(wrapped, subject)
        spec = SERVICES[service]
        values = {
            "number": number,
            "subject": subject,
            "service": service,
            "version": 1,
            "channel": "counter",
            "state": "runnable",
            "next_step": spec.steps[0].name,
            "since": self.now,
            "data_key": wrapped,
            "form": key.seal(b'{"nkk": "1", "enrol": true}', "form:1"),
            "traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01",
            "received_by": "test",
            "request_digest": "",
            "received_at": self.now,
            "turn_at": self.now - timedelta(hours=4) * int(columns.get("priority", 0)),
            **columns,
        }
        with transaction(self.db) as connection:
            connection.execute(
                text(
                    f"INSERT INTO application ({', '.join(values)}) "  # noqa: S608  # the test's own column names
                    f"VALUES ({', '.join(':' + name for name in values)})"
                ),
                values,
            )
            received = Event(
                at=self.now,
                actor="test",
                action="application.received",
                application=number,
                service=service,
                state=values["state"],
                detail={"version": 1, "channel": "counter", "form_version": 1},
            )
            record(connection, [received])
        return number

    def claim(self, service: str = "birth", limit: int = 100) -> str | None:
        with transaction(self.db) as connection:
            for queue in waves.queues(connection):
                if queue.service == service:
                    claimed = waves.claim(connection, queue, limit=limit, now=self.now)
                    return claimed.id if claimed else None
        return None

    def drive(self, act: Callable[[Driver], object]) -> object:
        async def run() -> object:
            driver = Driver(self.url, self.clock)
            try:
                return await act(driver)
            finally:
                await driver.close()

        return asyncio.run(run())

    def enter(self, wave: str, step: str) -> bool:
        return self.drive(lambda driver: driver.enter(wave, step))

    def park(self, wave: str, step: str) -> int:
        return self.drive(lambda driver: driver.park(wave, step))

    def open_members(self, wave: str, step: str) -> int:
        return self.drive(lambda driver: driver.open_members([(wave, step)])).get((wave, step), (0, 0))[0]

    def relay(self) -> list[str]:
        """What the relay does, without the bus; a payment step parks on its first ask for two hours."""
        steps = []
        with transaction(self.db) as connection:
            for due in take(connection, 100):
                if due.step == "payment" and due.ask == 1:
                    park(connection, due, until=self.now + timedelta(hours=2), reference="code", now=self.now)
                elif (
                    spec := definitions.definition(connection, due.service, due.version).by_name[due.step]
                ).asks_people:
                    until = read().after(self.now, spec.within or "")
                    ask_people(
                        connection, due, kind=spec.kind, group=spec.group or "citizen", until=until, now=self.now
                    )
                else:
                    sent(connection, [Sent(due, "dukcapil", "op", "purpose", None, "digest")], now=self.now)
                steps.append(due.step)
        return steps

    def answer(self, number: str, step: str, came_to: str = "done", *, revision: int = 1, ask: int = 1, **more):
        subject = self.keys.blind(number)
        request = request_id(subject, step, revision, ask)
        reason = {"code": "13", "text": Text(id="tidak ditemukan", en="not found")} if came_to == "rejected" else None
        failure = (
            {"kind": "in_doubt", "code": "x", "diagnosis": Text(id="ragu", en="doubt"), "owner": "us"}
            if came_to == "failed"
            else None
        )
        data = OutcomeData(
            request_id=request,
            operation="dukcapil.op",
            step=step,
            revision=revision,
            ask=ask,
            reference="R",
            outcome=came_to,
            payload=self._sealed(number, request, more.get("record")) if came_to == "done" else None,
            reason=reason,
            failure=failure,
            tries=1,
            sent_at=more.get("sent_at"),
        )
        answer = Answer(id=more.get("id", outcome_id(request)), subject=subject, data=data)
        with transaction(self.db) as connection:
            return project(connection, [answer], now=self.now).get(number)

    def _sealed(self, number: str, request: str, record: object) -> str:
        """A record that opens, where the test says what stands in it."""
        if record is None:
            return base64.b64encode(b"sealed").decode()
        (row,) = self.row(number)
        key = self.keys.data_key(bytes(row.data_key), row.subject)
        return base64.b64encode(key.seal(json.dumps(record).encode(), record_id(request))).decode()

    def row(self, number: str, table: str = "application"):
        key = "number" if table == "application" else "application"
        with self.db.connect() as connection:
            return connection.execute(
                text(f"SELECT * FROM {table} WHERE {key} = :n"),  # noqa: S608  # the test's own table names
                {"n": number},
            ).all()

    def state(self, number: str) -> str:
        return self.row(number)[0].state

    def outcomes(self, number: str) -> dict[tuple[str, int], str]:
        return {(o.step, o.revision): o.outcome for o in self.row(number, "outcome")}

    def actions(self, number: str) -> list[str]:
        return [e.action for e in sorted(self.row(number, "event"), key=lambda e: e.sequence)]

    def incidents(self, number: str) -> list[str]:
        return [i.kind for i in self.row(number, "incident")]

    def told(self, number: str) -> dict[str, object]:
        """The application as its events alone tell it."""
        with self.db.connect() as connection:
            story = rebuild(timeline(connection, number))
        return {
            "state": story.state,
            "waiting_for": story.waiting_for,
            "until": story.until,
            "pending": story.pending,
            "revisions": story.revisions,
            "outcomes": story.outcomes,
            "runs": story.runs,
            "incidents": story.incidents,
        }

    def kept(self, number: str) -> dict[str, object]:
        """The same from the tables."""
        (row,) = self.row(number)

        def current(each) -> bool:
            return each.revision == row.revisions.get(each.step, 1)

        return {
            "state": row.state,
            "waiting_for": row.waiting_for,
            "until": row.until,
            "pending": row.pending,
            "revisions": row.revisions,
            "outcomes": {each.step: each.outcome for each in self.row(number, "outcome") if current(each)},
            "runs": {each.step: each.state for each in self.row(number, "step_run") if current(each)},
            "incidents": {(each.step, each.kind) for each in self.row(number, "incident") if not each.resolved_at},
        }

    def numbers(self) -> list[str]:
        with self.db.connect() as connection:
            return list(connection.execute(text("SELECT number FROM application")).scalars())


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A ledger; after each test every application's state is rebuilt from its events alone and compared."""
    made = World(database_url)
    yield made
    if not made.by_hand:
        for number in made.numbers():
            assert made.told(number) == made.kept(number)
    made.db.dispose()
