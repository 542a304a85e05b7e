"""The projector process: the topic `outcomes` into the ledger, a batch per transaction, offsets in the same one."""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter

import structlog
from pydantic import ValidationError

from schemas.messages import OUTCOME, OutcomeData
from simpul.bus.consumer import ConsumerLoop, NewPartitions
from simpul.bus.errors import BusError
from simpul.bus.message import Message
from simpul.bus.topics import OUTCOMES
from simpul.clock import Clock
from simpul.config import Settings
from simpul.ledger import REFUSED, TROUBLE, Connection, Database, offsets, transaction
from simpul.ledger.definitions import DefinitionError
from simpul.ledger.offsets import SetBackError
from simpul.ledger.projection import Answer, lay_aside, project

log = structlog.get_logger(__name__)

GROUP = "projector"
_MESSAGES_FAULT: tuple[type[Exception], ...] = REFUSED
_NOT_THE_MESSAGES_FAULT: tuple[type[Exception], ...] = (*TROUBLE, SetBackError, DefinitionError, BusError)


def _refuse(_message: Message, reason: str) -> None:
    raise ValueError(f"not an outcome, and there is no place for dead letters: {reason}")


class Projector:
    """Turns messages into outcomes. What it has stored is known from the ledger alone, never from the group's offsets.

    Args:
        database: The ledger.
        clock: Where the time comes from.

    Attributes:
        bury: Called with a message that is an envelope but no outcome, and the reason.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self.bury: Callable[[Message, str], None] = _refuse
        self._database = database
        self._clock = clock
        self._cluster = ""
        self._topic_ids: dict[str, str] = {}
        self._next: dict[int, int] = {}

    def assigned(self, new: NewPartitions) -> None:
        """Go on, in partitions that came to this projector, where the ledger says."""
        self._cluster = new.cluster_id
        with transaction(self._database) as connection:
            for topic, partition in new.partitions:
                self._topic_ids[topic] = new.topic_id(topic)
                offset = offsets.current(connection, self._cluster, new.topic_id(topic), partition)
                self._next[partition] = offset
                new.seek(topic, partition, offset)
        log.info("partitions", assigned=sorted(partition for _, partition in new.partitions))

    def handle(self, messages: list[Message]) -> None:
        """Store a batch with its offsets; what cannot be stored at all is laid aside, and its neighbours are not."""
        try:
            self._store(messages)
        except _MESSAGES_FAULT as error:
            self._apart(messages, error)
        except _NOT_THE_MESSAGES_FAULT:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not block the partition
            self._apart(messages, error)

    def _apart(self, messages: list[Message], error: Exception) -> None:
        if len(messages) == 1:
            self._lay_aside(messages[0], error)
            return
        log.warning("batch does not go in as one", messages=len(messages), error=type(error).__name__)
        for message in messages:
            self.handle([message])

    def _lay_aside(self, message: Message, error: Exception) -> None:
        with transaction(self._database) as connection:
            self._advance(connection, message.topic, message.partition, [message])
            self._call_operator(connection, message)
            self.bury(message, f"it cannot be stored: {type(error).__name__}")
        self._next[message.partition] = message.offset + 1

    def _store(self, messages: list[Message]) -> None:
        """Store a batch with its offsets, in one transaction.

        Messages below the stored offset were stored by another projector that owned the partition in between: this
        one was a zombie, and passes over them.
        """
        by_partition = sorted(messages, key=attrgetter("topic", "partition", "offset"))
        with transaction(self._database) as connection:
            answers: list[Answer] = []
            moved: dict[int, int] = {}
            for (topic, partition), group in groupby(by_partition, key=attrgetter("topic", "partition")):
                fresh = self._advance(connection, topic, partition, list(group))
                if fresh:
                    moved[partition] = fresh[-1].offset + 1
                answers += [answer for message in fresh if (answer := self._read(connection, message))]
            states = project(connection, answers, now=self._clock.now()) if answers else {}
        self._next |= moved
        log.debug("projected", answers=len(answers), applications=len(states))

    def _call_operator(self, connection: Connection, message: Message) -> None:
        step = message.envelope.data.get("step")
        if isinstance(step, str):
            lay_aside(connection, message.envelope.subject, step, now=self._clock.now())

    def _advance(
        self, connection: Connection, topic: str, partition: int, messages: Sequence[Message]
    ) -> list[Message]:
        """Move the stored offset past these messages; returns those that were not stored before."""
        topic_id = self._topic_ids[topic]
        stored = offsets.current(connection, self._cluster, topic_id, partition)
        if stored < self._next[partition]:
            raise SetBackError(f"the ledger is behind at partition {partition}: start the projector anew")
        fresh = [message for message in messages if message.offset >= stored]
        if fresh:
            to = fresh[-1].offset + 1
            offsets.advance(connection, self._cluster, topic_id, partition, expected=stored, to=to)
        return fresh

    def _read(self, connection: Connection, message: Message) -> Answer | None:
        envelope = message.envelope
        if envelope.type != OUTCOME:
            self.bury(message, f"type {envelope.type} does not belong here")
            return None
        try:
            data = OutcomeData.model_validate(envelope.data)
        except ValidationError as error:
            self._call_operator(connection, message)
            problems = error.errors(include_input=False, include_url=False, include_context=False)
            self.bury(message, "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems))
            return None
        return Answer(envelope.id, envelope.subject, data)


def loop(settings: Settings, database: Database) -> ConsumerLoop:
    """The projector on its topic, ready to `run`."""
    projector = Projector(database, settings.clock)
    made = ConsumerLoop(
        settings, GROUP, [OUTCOMES], projector.handle, auto_ack=True, max_batch=500, on_assign=projector.assigned
    )
    projector.bury = made.dead_letter
    return made
