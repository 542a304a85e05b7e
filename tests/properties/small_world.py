"""All of Simpul in one thread: the real engine, driver, gateways and projector on a real ledger, turned by hand.

Stand-ins are where other machines would be: a bus of lists, an Airflow of dicts, two agencies that count their writes by
reference. A fuse kills whoever is at work between any two of its transactions, messages or calls.
"""

import asyncio
import base64
import json
import zlib
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict
from sqlalchemy import create_engine, event, text

from connectors import catalogue
from connectors.toolkit.connector import Connector
from connectors.toolkit.errors import BadData, Misconfigured, Rejected, Retriable
from connectors.toolkit.operation import operation
from connectors.toolkit.settings import ConnectorSettings
from schemas.base import Record
from schemas.decisions import Answers, Decision
from schemas.messages import record_id, request_id
from schemas.text import Text
from simpul.bus.consumer import NewPartitions
from simpul.bus.message import Message
from simpul.bus.topics import OUTCOMES, requests_topic
from simpul.clock import ManualClock
from simpul.crypto import Keys
from simpul.definition import Definition, StepDefinition, Want
from simpul.engine.airflow_client import AirflowUnreachableError, Started, Unreachable
from simpul.engine.amendments import Amender
from simpul.engine.deadlines import Overdue
from simpul.engine.dispatcher import Dispatcher
from simpul.engine.recovery import Recovery
from simpul.engine.relay import Relay
from simpul.engine.standards import Standards
from simpul.gateway import gateway as gateway_module
from simpul.gateway import keeper as keeper_module
from simpul.gateway.decisions import Backoff
from simpul.gateway.gateway import Gateway
from simpul.ledger import attempts as attempts_module
from simpul.ledger import connect, definitions, feeds, intake, signals, timers, transaction
from simpul.ledger import tasks as ledger_tasks
from simpul.ledger.drive import Driver
from simpul.ledger.intake import Intake
from simpul.ledger.signals import Signal
from simpul.ledger.tasks import Sealed, Task
from simpul.projector import Projector
from simpul.worktime import read

AGENCIES = ("dukcapil", "simponi")
PARTITIONS = 2
CALL_DEADLINE = 5.0
SMALL = Definition(
    service="small",
    version=1,
    title="Small",
    standard="3 working days",
    owner="dukcapil",
    form={"type": "object"},
    steps=(
        StepDefinition(name="look", kind="agency", operation="dukcapil.get_person", request={"nik": "form.nik"}),
        StepDefinition(
            name="check",
            kind="officer",
            request={},
            group="desk",
            within="2 working days",
            overdue="escalate",
            after=("look",),
        ),
        StepDefinition(
            name="paper",
            kind="citizen",
            request={},
            within="3 days",
            overdue="lapse",
            wants=(Want(name="letter", title="Surat", kind="paper"),),
            after=("look",),
            when="form.paper",
        ),
        StepDefinition(
            name="bill", kind="agency", operation="simponi.create_bill", request={"nik": "form.nik"}, after=("check",)
        ),
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
        StepDefinition(
            name="deed",
            kind="agency",
            operation="dukcapil.register_birth",
            request={"nik": "form.nik"},
            after=("payment", "paper"),
        ),
        StepDefinition(
            name="card",
            kind="agency",
            operation="dukcapil.issue_family_card",
            request={"note": "form.note"},
            after=("payment", "paper"),
        ),
        StepDefinition(
            name="child",
            kind="agency",
            operation="dukcapil.issue_child_card",
            request={},
            after=("deed",),
            when="form.child",
        ),
    ),
)
"""`child` is a write that its agency cannot be asked about; `deed` and `card` are parallel ones that it can."""
WRITES = ("deed", "card", "child")
_TEXT = Text(id="uji", en="test")


class Died(BaseException):
    """The process was killed here; nothing in it may catch this."""


class Fuse:
    """Kills who is at work at the n-th boundary from now."""

    def __init__(self) -> None:
        self.left = 0

    def tick(self, *_: object) -> None:
        if self.left:
            self.left -= 1
            if not self.left:
                raise Died


class Bus:
    """Topics as lists. A key keeps its partition; whoever consumes goes on behind what was acknowledged."""

    def __init__(self, fuse: Fuse) -> None:
        self.fuse = fuse
        self.logs: dict[tuple[str, int], list[Message]] = {}
        self.position: Counter[tuple[str, int]] = Counter()
        self.acked: dict[tuple[str, int], set[int]] = {}

    def append(self, topic: str, key: str, envelope: Any) -> None:
        partition = zlib.crc32(key.encode()) % PARTITIONS
        log = self.logs.setdefault((topic, partition), [])
        log.append(Message(topic, partition, len(log), key, envelope, envelope.to_bytes()))

    def repeat(self, topic: str, which: int) -> None:
        """What was published once comes again, late."""
        every = self.all(topic)
        if every:
            message = every[which % len(every)]
            self.append(topic, message.key, message.envelope)

    def all(self, topic: str) -> list[Message]:
        return [message for place in range(PARTITIONS) for message in self.logs.get((topic, place), [])]

    def read(self, topic: str, partition: int, most: int) -> list[Message]:
        place = (topic, partition)
        found = self.logs.get(place, [])[self.position[place] :][:most]
        self.position[place] += len(found)
        return found

    def waiting(self, topic: str, partition: int) -> int:
        return len(self.logs.get((topic, partition), [])) - self.position[topic, partition]

    def ack(self, messages: list[Message]) -> None:
        for message in messages:
            self.acked.setdefault((message.topic, message.partition), set()).add(message.offset)

    def rewind(self, topic: str) -> None:
        """A member of the group is gone: what was not acknowledged comes again."""
        for partition in range(PARTITIONS):
            acked = self.acked.get((topic, partition), set())
            end = len(self.logs.get((topic, partition), []))
            self.position[topic, partition] = next((n for n in range(end) if n not in acked), end)


def producer_of(bus: Bus) -> type:
    class Producer:
        """Nothing is on the bus before `flush`, and a process that is killed in it has published some of it."""

        def __init__(self, *_: object, **__: object) -> None:
            self._held: list[tuple[str, str, Any]] = []

        def send(self, topic: str, key: str, envelope: Any) -> None:
            self._held.append((topic, key, envelope))

        def flush(self) -> None:
            held, self._held = self._held, []
            for each in held:
                bus.fuse.tick()
                bus.append(*each)
            bus.fuse.tick()

    return Producer


def loop_of(bus: Bus) -> type:
    class Loop:
        """What a gateway asks of its consumer."""

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def ack(self, messages: list[Message]) -> None:
            bus.ack(messages)

        def dead_letter(self, message: Message, reason: str) -> None:
            raise AssertionError(f"a request became a dead letter: {reason}")

    return Loop


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    nik: str | None = None
    note: str | None = None
    billing_code: str | None = None


class Given(Record):
    schema_name = "given"

    reference: str | None = None
    billing_code: str | None = None
    expires_at: datetime | None = None
    status: str | None = None


class Office:
    """What happens at the agencies: writes by our reference, bills, and how the next calls go.

    Attributes:
        mood: Of the next call: yes, no, down, lost (took effect, the answer is lost), doubt (did not), slow (takes effect
            within the call's deadline, the answer is lost), garbled (took effect, the answer cannot be read), refused.
        away: Agencies that do not answer at all.
        writes: How often a write took effect, by operation and reference.
        deadly: Who calls one of these dies once, just after it took effect.
    """

    def __init__(self, clock: ManualClock, fuse: Fuse) -> None:
        self._clock = clock
        self._fuse = fuse
        self.mood = "yes"
        self.away: set[str] = set()
        self.writes: Counter[tuple[str, str]] = Counter()
        self.bills: dict[str, Given] = {}
        self.by_reference: dict[str, str] = {}
        self.paid: set[str] = set()
        self.deadly: set[str] = set()
        self._landing: list[tuple[datetime, str, str]] = []

    def land(self) -> None:
        """What was slow takes effect."""
        for each in [each for each in self._landing if each[0] <= self._clock.now()]:
            self._landing.remove(each)
            self.writes[each[1], each[2]] += 1

    def do(self, agency: str, name: str, reference: str | None) -> None:
        """One call that may take effect."""
        mood = self._met(agency)
        if mood == "slow":
            if reference:
                self._landing.append((self._clock.now() + timedelta(seconds=CALL_DEADLINE - 1), name, reference))
            raise Retriable("DEADLINE", diagnosis=_TEXT, doubtful=True)
        if mood == "doubt":
            raise Retriable("DEADLINE", diagnosis=_TEXT, doubtful=True)
        if reference:
            self.writes[name, reference] += 1
        if name in self.deadly:
            self.deadly.discard(name)
            raise Died
        self._fuse.tick()
        if mood == "lost":
            raise Retriable("CONNECTION", diagnosis=_TEXT, doubtful=True)
        if mood == "garbled":
            raise BadData("UNREADABLE", diagnosis=_TEXT)

    def known(self, agency: str, name: str, reference: str) -> Given | None:
        """The look-up by our reference."""
        if self._met(agency) in ("slow", "doubt", "lost", "garbled"):
            raise Retriable("DEADLINE", diagnosis=_TEXT, doubtful=True)
        return Given(reference=reference) if self.writes[name, reference] else None

    def _met(self, agency: str) -> str:
        self._fuse.tick()
        self.land()
        mood, self.mood = self.mood, "yes"
        if agency in self.away or mood == "down":
            raise Retriable("UNREACHABLE", diagnosis=_TEXT, owner="network")
        if mood == "no":
            raise Rejected("13", reason=_TEXT)
        if mood == "refused":
            raise Misconfigured("LOGIN", diagnosis=_TEXT)
        return mood

    def bill(self, reference: str) -> Given:
        code = self.by_reference.setdefault(reference, f"code{len(self.by_reference)}")
        if code not in self.bills:
            self.bills[code] = Given(billing_code=code, expires_at=self._clock.now() + timedelta(hours=2))
        return self.bills[code]


class _Standin(Connector[ConnectorSettings]):
    def __init__(self, office: Office) -> None:
        super().__init__(
            ConnectorSettings(
                base_url="http://127.0.0.1",
                call_deadline=CALL_DEADLINE,
                lease_seconds=30.0,
                circuit_failures=3,
                circuit_seconds=10.0,
                concurrency=1,
            )
        )
        self.office = office


class Dukcapil(_Standin):
    agency = "dukcapil"

    @operation(effect="read", purpose="test", contract="G")
    def get_person(self, request: Asked) -> Given:
        self.office.do("dukcapil", "get_person", None)
        return Given()

    @operation(effect="write", purpose="test", contract="G")
    def register_birth(self, request: Asked, *, reference: str) -> Given:
        self.office.do("dukcapil", "register_birth", reference)
        return Given(reference=reference)

    @register_birth.reconcile
    def find_birth(self, request: Asked, *, reference: str) -> Given | None:
        return self.office.known("dukcapil", "register_birth", reference)

    @operation(effect="write", purpose="test", contract="G")
    def issue_family_card(self, request: Asked, *, reference: str) -> Given:
        self.office.do("dukcapil", "issue_family_card", reference)
        return Given(reference=reference)

    @issue_family_card.reconcile
    def find_card(self, request: Asked, *, reference: str) -> Given | None:
        return self.office.known("dukcapil", "issue_family_card", reference)

    @operation(effect="write", purpose="test", contract="G")
    def issue_child_card(self, request: Asked, *, reference: str) -> Given:
        self.office.do("dukcapil", "issue_child_card", reference)
        return Given(reference=reference)


class Simponi(_Standin):
    agency = "simponi"

    @operation(effect="repeatable", purpose="test", contract="G")
    def create_bill(self, request: Asked, *, reference: str) -> Given:
        self.office.do("simponi", "create_bill", None)
        return self.office.bill(reference)

    @operation(effect="read", purpose="test", contract="G")
    def get_bill(self, request: Asked) -> Given:
        self.office.do("simponi", "get_bill", None)
        code = request.billing_code or ""
        return Given(billing_code=code, status="paid" if code in self.office.paid else "unpaid")


CONNECTORS = {"dukcapil": Dukcapil, "simponi": Simponi}


@dataclass
class Run:
    """A DAG run: which of its tasks have begun and ended."""

    begun: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    state: str = "running"

    def ready(self) -> list[StepDefinition]:
        """The tasks that can be driven: all before them have ended, however they came out."""
        return [step for step in SMALL.steps if step.name not in self.ended and self.ended.issuperset(step.after)]


class Airflow:
    """Remembers runs; may be away, and may take a run and lose the answer."""

    def __init__(self, fuse: Fuse) -> None:
        self._fuse = fuse
        self.runs: dict[str, Run] = {}
        self.away = False
        self.mumbles = False

    def start(self, dag_id: str, wave: str) -> object:
        self._fuse.tick()
        if self.away:
            return Unreachable("away")
        self.runs.setdefault(wave, Run())
        self._fuse.tick()
        return Unreachable("no answer") if self.mumbles else Started()

    def dag_state(self, dag_id: str) -> str:
        if self.away:
            raise AirflowUnreachableError("away")
        return "active"

    def states(self, wanted: list[tuple[str, str]]) -> dict[str, str | None]:
        if self.away:
            raise AirflowUnreachableError("away")
        return {wave: self.runs[wave].state if wave in self.runs else None for _, wave in wanted}


DUTIES = ("relay", "dispatcher", "recovery", "deadlines", "overdue", "standards", "signals", "amendments")
_TABLES = (
    *("outbox", "attempt", "signal", "event", "incident", "agency", "task", "outcome", "step_run", "wave"),
    *("application", "projected", "dispatch"),
)
_EMPTY = "; ".join([*(f"DELETE FROM {table}" for table in _TABLES), "ALTER SEQUENCE application_sequence RESTART"])  # noqa: S608
_TO_DO = text("""
SELECT
  EXISTS (SELECT FROM outbox) AS relay,
  EXISTS (SELECT FROM application WHERE state = 'runnable') OR EXISTS (SELECT FROM wave WHERE state = 'claimed')
    AS dispatcher,
  EXISTS (SELECT FROM wave WHERE state = 'started') AS recovery,
  EXISTS (SELECT FROM step_run WHERE state = 'waiting' AND until <= :now AND NOT recalled) AS deadlines,
  EXISTS (SELECT FROM task WHERE closed_at IS NULL AND until <= :now) AS overdue,
  EXISTS (SELECT FROM signal WHERE consumed_at IS NULL) AS signals,
  EXISTS (SELECT FROM application WHERE pending = 'amend') AS amendments,
  EXISTS (SELECT FROM attempt WHERE state <> 'answered' AND agency = 'dukcapil') AS dukcapil,
  EXISTS (SELECT FROM attempt WHERE state <> 'answered' AND agency = 'simponi') AS simponi,
  (SELECT coalesce(json_agg(DISTINCT wave), '[]') FROM application WHERE wave IS NOT NULL) AS carrying
""")


class SmallWorld:
    """Everything, and the hands that turn it. `reset` makes it new for the next example."""

    def __init__(self, url: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        self.url = url
        self.db = connect(url)
        self.fuse = Fuse()
        for happening in ("begin", "commit"):
            event.listen(self.db, happening, self.fuse.tick)
        self.db.pool._pre_ping = False
        # looks without a transaction of its own, and with one trip
        self.eye = create_engine(self.db.url, isolation_level="AUTOCOMMIT").connect()
        self.loop = asyncio.new_event_loop()
        self.keys = Keys(bytes(range(32)))
        self.settings = settings(database_url=url, master_key=base64.b64encode(bytes(range(32))).decode())
        self.calendar = read()
        self._patch = monkeypatch
        for module in (attempts_module, feeds):
            monkeypatch.setattr(module, "connect", lambda _url, **_: self.db)
        no_look_up = {**catalogue.load()["dukcapil.issue_child_card"], "reconcile": False}
        monkeypatch.setitem(catalogue.load(), "dukcapil.issue_child_card", no_look_up)
        self.clock = ManualClock(datetime(2026, 3, 2, 1, tzinfo=UTC))
        self.driver = Driver(url, self.clock)
        for happening in ("begin", "commit"):
            event.listen(self.driver._engine.sync_engine, happening, self.fuse.tick)
        with transaction(self.db) as connection:
            definitions.publish(connection, SMALL, actor="test", now=self.clock.now())

    def reset(self) -> None:
        self.fuse.left = 0
        self.eye.exec_driver_sql(_EMPTY)
        self.clock = ManualClock(datetime(2026, 3, 2, 1, tzinfo=UTC))
        self.driver._clock = self.clock
        self.bus = Bus(self.fuse)
        self.office = Office(self.clock, self.fuse)
        self.airflow = Airflow(self.fuse)
        self._patch.setattr(gateway_module, "Producer", producer_of(self.bus))
        self._patch.setattr(gateway_module, "ConsumerLoop", loop_of(self.bus))
        # leases are waited out by the monotonic clock: here it is the injected one
        self._patch.setattr(keeper_module, "time", SimpleNamespace(monotonic=lambda: self.clock.now().timestamp()))
        self.start_engine()
        self.start_projector()
        self.gateways = {(agency, who): self.make_gateway(agency) for agency in AGENCIES for who in (0, 1)}

    def close(self) -> None:
        self.eye.close()
        self.eye.engine.dispose()
        self.loop.run_until_complete(self.driver.close())
        self.loop.close()
        self.db.dispose()

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def turn(self, span: timedelta) -> None:
        self.clock.turn(span)
        self.office.land()

    def to_do(self) -> tuple[set[str], set[str]]:
        """Which duties and which agency's gateway have something to do, as far as the tables say; waves with members."""
        row = dict(self.eye.execute(_TO_DO, {"now": self.now}).one()._mapping)
        carrying = set(row.pop("carrying"))
        return {name for name, there in row.items() if there}, carrying

    # Processes.

    def dying(self, after: int, act: Any, *arguments: Any) -> bool:
        """Let somebody act, and be killed at the boundary of that number, if he comes so far; whether he was."""
        self.fuse.left = after
        try:
            act(*arguments)
        except Died:
            return True
        finally:
            self.fuse.left = 0
        return False

    def start_engine(self) -> None:
        relay = Relay(
            self.db, producer_of(self.bus)(), self.keys, self.clock, source="/simpul/99/engine", calendar=self.calendar
        )
        dispatcher = Dispatcher(self.db, self.airflow, self.clock, wave_size=3, in_flight=4, linger=0.5, strikes=3)
        recovery = Recovery(self.db, self.airflow, self.clock, lost_after=30, strikes=3)
        self.engine = {
            "relay": relay.once,
            "dispatcher": dispatcher.once,
            "recovery": recovery.once,
            "deadlines": self._deadlines,
            "overdue": Overdue(self.db, self.keys, self.clock, self.calendar).once,
            "standards": Standards(self.db, self.clock, lambda: self.calendar, share=0.8).once,
            "signals": self._sweep,
            "amendments": Amender(self.db, self.keys, self.clock).once,
        }

    def _deadlines(self) -> None:
        with transaction(self.db) as connection:
            timers.deadlines(connection, now=self.now)

    def _sweep(self) -> None:
        with transaction(self.db) as connection:
            signals.sweep(connection, now=self.now)

    def work(self, duty: str, dies: int = 0) -> None:
        """A turn of one of the engine's loops."""
        if self.dying(dies, self.engine[duty]):
            self.start_engine()

    def start_projector(self) -> None:
        self.projector = Projector(self.db, self.clock)

        def bury(_message: Message, reason: str) -> None:
            raise AssertionError(f"an outcome became a dead letter: {reason}")

        self.projector.bury = bury

        def seek(topic: str, partition: int, offset: int) -> None:
            self.bus.position[topic, partition] = offset

        places = [(OUTCOMES, partition) for partition in range(PARTITIONS)]
        self.projector.assigned(NewPartitions(places, seek, "cluster", {OUTCOMES: "topic"}))

    def project(self, partition: int, most: int = 100, dies: int = 0) -> bool:
        found = self.bus.read(OUTCOMES, partition, most)
        if found and self.dying(dies, self.projector.handle, found):
            self.start_projector()
        return bool(found)

    def make_gateway(self, agency: str) -> Gateway:
        made = Gateway(self.settings, CONNECTORS[agency](self.office), clock=self.clock, backoff=Backoff(look_ups=3))
        made._keeper.look_at_switch()
        return made

    def kill_gateway(self, agency: str, who: int) -> None:
        """It is gone with all it had in memory, and another starts in its place."""
        self.gateways[agency, who] = self.make_gateway(agency)
        self.bus.rewind(requests_topic(agency))

    def gateway(self, agency: str, who: int, what: str, dies: int = 0, *, partition: int = 0, most: int = 100) -> bool:
        """A gateway receives, calls, settles or minds its attempts; whether there was anything to do."""
        gateway = self.gateways[agency, who]
        if what == "receive":
            found = self.bus.read(requests_topic(agency), partition, most)
            died = bool(found) and self.dying(dies, gateway._receive, found)
            busy = bool(found)
        elif what == "call":
            busy = self.can_call(agency, who)
            died = busy and self.dying(dies, self._call, gateway)
        elif what == "settle":
            busy = not gateway._settler._ends.empty()
            died = busy and self.dying(dies, self._settle, gateway)
        else:
            busy = False
            died = self.dying(dies, gateway._keeper.tick)
        if died:
            self.kill_gateway(agency, who)
        return busy

    def can_call(self, agency: str, who: int) -> bool:
        queue = self.gateways[agency, who]._queue
        return len(queue) > 0 and not queue.paused and queue.blocked_until() is None

    @staticmethod
    def _call(gateway: Gateway) -> None:
        taken = gateway._queue.take()
        assert taken is not None
        gateway._serve(*taken)

    @staticmethod
    def _settle(gateway: Gateway) -> None:
        group = []
        while not gateway._settler._ends.empty():
            group.append(gateway._settler._ends.get())
        gateway._settler._settle(group)

    # Airflow's triggerer.

    def drive(self, run: Run, wave: str, step: str, *, patience: bool = True, dies: int = 0) -> bool:
        """A step enters, ends when nobody is open, or parks when its patience is over; whether anything changed.

        Nothing of it is remembered in its process: who is killed in it is simply tried again.
        """
        if step not in run.begun:
            if not self.dying(dies, self._await, self.driver.enter(wave, step)):
                run.begun.add(step)
            return True
        still_open, _ = self._await(self.driver.open_members([(wave, step)])).get((wave, step), (0, 0))
        if still_open and patience:
            return False
        if still_open and self.dying(dies, self._await, self.driver.park(wave, step)):
            return True
        run.ended.add(step)
        if len(run.ended) == len(SMALL.steps):
            run.state = "success"
        return True

    def _await(self, act: Any) -> Any:
        return self.loop.run_until_complete(act)

    # People.

    def file(self, form: dict[str, Any], key: str | None = None, dies: int = 0) -> str | None:
        """File an application; None when the console was killed before it could say the number."""
        wanted = Intake(
            definition=SMALL,
            channel="counter",
            form=form,
            received_by="counter",
            traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
            idempotency_key=key,
        )
        filed: list[str] = []

        def act() -> None:
            with transaction(self.db) as connection:
                found = intake.file(connection, wanted, self.keys, self.clock, "99")
            self.fuse.tick()
            filed.append(found.number)

        self.dying(dies, act)
        return filed[0] if filed else None

    def amend(self, number: str, form: dict[str, Any]) -> None:
        with transaction(self.db) as connection:
            intake.amend(connection, number, form, self.keys, actor="citizen", now=self.now)

    def decide(self, number: str, step: str, choice: str) -> None:
        """An officer's or the citizen's answer, as the console takes it."""
        with transaction(self.db) as connection:
            task = ledger_tasks.find(connection, number, step)
            reason = {"code": "OFFICER", "text": {"id": "tidak", "en": "no"}}
            until = self.calendar.after(self.now, SMALL.by_name[step].within or "")
            people = {"actor": "console", "now": self.now}
            if task.state == "returned":
                ledger_tasks.supply(connection, task, self._content(task), until=until, **people)
            elif choice == "reject" and step == "check":
                ledger_tasks.reject(connection, task, reason, by="A", **people)
            elif choice == "return" and step == "check":
                ledger_tasks.return_to_citizen(connection, task, ["KTP"], until=until, by="A", **people)
            else:
                ledger_tasks.approve(connection, task, self._record(task), by="A", **people)

    def _content(self, task: Task) -> bytes:
        key = self.keys.data_key(task.data_key, task.subject)
        return key.seal(json.dumps({"supplements": []}).encode(), ledger_tasks.content_aad(task))

    def _record(self, task: Task) -> Sealed:
        officer = task.kind == "officer"
        record = Decision(decision="approved", at=self.now, by="A") if officer else Answers(answers={}, at=self.now)
        request = request_id(task.subject, task.step, task.revision, task.ask)
        key = self.keys.data_key(task.data_key, task.subject)
        return Sealed(request, record.schema_id(), key.seal(record.model_dump_json().encode(), record_id(request)))

    def push(self, code: str, signal: str) -> None:
        """SIMPONI says that a bill was paid."""
        with transaction(self.db) as connection:
            signals.receive(connection, [Signal(signal, "payment", "simponi", self.keys.blind(code))], now=self.now)
