"""What tests of the gateway share: a sandbox, requests on the bus, gateways as threads or processes, and what came of it."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import requests
from kafka import KafkaConsumer, TopicPartition
from prometheus_client import CollectorRegistry
from psycopg.rows import dict_row

from connectors import sandbox_app
from connectors.toolkit.population import Population
from schemas.envelope import Envelope
from schemas.messages import REQUEST, OutcomeData, RequestData, record_id, request_id
from simpul.bus import admin
from simpul.bus.client import connection, physical
from simpul.bus.producer import Producer
from simpul.bus.topics import DEAD_LETTERS, OUTCOMES, REPLIES, requests_topic, topics
from simpul.gateway.decisions import Backoff
from simpul.gateway.gateway import Gateway
from simpul.gateway.metrics import Metrics

AGENCY = "dukcapil"
# A lease long enough for a slow machine to call under, short enough to wait for.
QUICK = {"call_deadline": 2.0, "lease_seconds": 4.0, "circuit_failures": 1000}
IMPATIENT = Backoff(base=0.05, cap=0.2)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return found


class Asked:
    """One request that was published."""

    def __init__(self, envelope: Envelope, reference: str) -> None:
        self.id = envelope.id
        self.envelope = envelope
        self.reference = reference


class Bench:
    """One agency in the sandbox, a bus and a ledger of its own, and gateways between them."""

    def __init__(self, settings: Any, sandbox: sandbox_app.Running, cleanup: ExitStack) -> None:
        self.settings = settings
        self.sandbox = sandbox
        self.population = Population()
        self._keys = settings.keys
        self._cleanup = cleanup
        self._messages: dict[str, list[Any]] = {}
        needed = {requests_topic(AGENCY), OUTCOMES, REPLIES, DEAD_LETTERS, "records.person", "records.family-card"}
        admin.apply(settings, [topic for topic in topics([AGENCY]) if topic.name in needed])
        self._producer = cleanup.enter_context(Producer(settings))
        self._consumer = KafkaConsumer(**connection(settings), enable_auto_commit=False)
        cleanup.callback(self._consumer.close)
        names = {physical(settings, name): name for name in needed - {requests_topic(AGENCY)}}
        places = [TopicPartition(name, number) for name in names for number in self._partitions(name)]
        self._consumer.assign(places)
        self._consumer.seek_to_beginning(*places)
        self._names = names

    def _partitions(self, name: str) -> set[int]:
        return until(lambda: self._consumer.partitions_for_topic(name))

    # Requests.

    def ask(self, operation: str, payload: dict[str, Any], *, subject: str = "", **more: Any) -> Asked:
        """Publish a request."""
        subject = subject or f"case{os.urandom(6).hex()}"
        step = more.pop("step", operation)
        request = request_id(subject, step, 1, 1)
        wrapped = self._keys.new_data_key(subject)
        sealed = self._keys.data_key(wrapped, subject).seal(json.dumps(payload).encode(), request)
        data = RequestData(
            operation=f"{AGENCY}.{operation}",
            service="birth",
            version=1,
            step=step,
            revision=1,
            reference=f"R{request[:19].upper()}",
            purpose="testing",
            payload=base64.b64encode(sealed).decode(),
            **more,
        )
        return self.publish(
            Envelope(
                id=request,
                source="/simpul/99/engine",
                type=REQUEST,
                subject=subject,
                time=datetime.now(UTC),
                traceparent=TRACE,
                datakey=base64.b64encode(wrapped).decode(),
                data=data.model_dump(mode="json", exclude_none=True),
            )
        )

    def publish(self, envelope: Envelope) -> Asked:
        self._producer.send(requests_topic(AGENCY), envelope.subject, envelope)
        self._producer.flush()
        return Asked(envelope, str(envelope.data.get("reference")))

    def ask_person(self, number: int = 0, **more: Any) -> Asked:
        return self.ask("get_person", {"nik": self.family(number).father.nik}, **more)

    def ask_card(self, number: int = 0, **more: Any) -> Asked:
        """The write that the tests count."""
        return self.ask("issue_family_card", {"nkk": self.family(number).nkk}, **more)

    def family(self, number: int) -> Any:
        return self.population.family(number)

    # Answers.

    def messages(self, topic: str) -> list[Any]:
        """Everything published on a topic so far."""
        for place, found in self._consumer.poll(timeout_ms=50).items():
            self._messages.setdefault(self._names[place.topic], []).extend(found)
        return self._messages.get(topic, [])

    def outcomes(self) -> dict[str, OutcomeData]:
        """Outcomes by request; what was published twice must be the same in what counts."""
        found: dict[str, OutcomeData] = {}
        for message in self.messages(OUTCOMES):
            envelope = Envelope.from_bytes(message.value)
            data = OutcomeData.model_validate(envelope.data)
            assert envelope.id == f"{data.request_id}:outcome"
            found.setdefault(data.request_id, data)
        return found

    def outcome(self, asked: Asked, seconds: float = 60.0) -> OutcomeData:
        return until(lambda: self.outcomes().get(asked.id), seconds)

    def record(self, asked: Asked, outcome: OutcomeData) -> dict[str, Any]:
        key = self._keys.data_key(base64.b64decode(asked.envelope.datakey), asked.envelope.subject)
        return json.loads(key.open(base64.b64decode(outcome.payload), record_id(asked.id)))

    # The ledger.

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.settings.database_url, row_factory=dict_row) as connected:
            return connected.execute(query, parameters).fetchall()

    def attempt(self, asked: Asked) -> dict[str, Any] | None:
        found = self.rows("SELECT * FROM attempt WHERE request_id = %s", asked.id)
        return found[0] if found else None

    def states(self) -> Counter[str]:
        return Counter(row["state"] for row in self.rows("SELECT state FROM attempt"))

    def agency(self) -> dict[str, Any]:
        found = self.rows("SELECT * FROM agency WHERE agency = %s", AGENCY)
        return found[0] if found else {}

    # The sandbox.

    def faults(self, operation: str, *faults: dict[str, Any], forever: bool = False) -> None:
        script = [{"operation": operation, "faults": list(faults), "forever": forever}]
        requests.post(f"{self.sandbox.url}/_sandbox/{AGENCY}/faults", json=script, timeout=10).raise_for_status()

    def behave(self) -> None:
        self.sandbox.app.agencies[AGENCY].faults.clear()

    def calls(self, operation: str) -> int:
        return self.sandbox.app.agencies[AGENCY].calls[operation]

    def writes(self, asked: Asked, operation: str = "issue_family_card") -> int:
        return self.sandbox.app.agencies[AGENCY].writes[operation][asked.reference]

    # Gateways.

    def connector(self, **values: Any) -> Any:
        from connectors.registry import connector_class

        made = self.sandbox.settings(AGENCY)
        return connector_class(AGENCY)(type(made)(**{**made.model_dump(), **QUICK, **values}))

    @contextmanager
    def gateway(
        self, connector: Any = None, *, attempts: bool = True, master_key: str | None = None, **options: Any
    ) -> Iterator[Gateway]:
        """A gateway in a thread of this process."""
        settings = self.settings.model_copy(update={"attempts": attempts})
        if master_key is not None:
            settings = type(settings)(**{**settings.model_dump(), "master_key": master_key})
        made = Gateway(
            settings,
            connector or self.connector(),
            session_seconds=6,
            **{"backoff": IMPATIENT, "metrics": Metrics(AGENCY, CollectorRegistry()), **options},
        )
        thread = threading.Thread(target=made.run)
        thread.start()
        try:
            yield made
        finally:
            made.stop()
            thread.join(20)
        assert not thread.is_alive()

    def process(self, *, attempts: bool = True, **values: Any) -> "subprocess.Popen[bytes]":
        """A gateway in a process of its own, as operators start it."""
        environment = {
            **os.environ,
            "SIMPUL_DATABASE_URL": self.settings.database_url,
            "SIMPUL_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "SIMPUL_TOPIC_PREFIX": self.settings.topic_prefix,
            "SIMPUL_MASTER_KEY": self.settings.master_key.get_secret_value(),
            "SIMPUL_ATTEMPTS": str(attempts).lower(),
            **sandbox_app.environment(self.sandbox.url, [AGENCY]),
            **{f"SIMPUL_DUKCAPIL_{name.upper()}": str(value) for name, value in {**QUICK, **values}.items()},
        }
        started = subprocess.Popen(
            [sys.executable, "-c", "from simpul.cli import app; app()", "gateway", AGENCY], env=environment
        )
        self._cleanup.callback(_end, started)
        return started


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.kill()
    process.wait(20)


@pytest.fixture
def bench(database_url, kafka, settings) -> Iterator[Bench]:
    with ExitStack() as cleanup:
        sandbox = cleanup.enter_context(sandbox_app.running([AGENCY]))
        yield Bench(settings(), sandbox, cleanup)


@pytest.fixture(name="until")
def _until():
    return until
