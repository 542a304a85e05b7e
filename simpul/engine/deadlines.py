"""Tasks that nobody answered in time: they lapse, go to the supervisor, or count as a yes where the law says so."""

from datetime import datetime

import structlog

from schemas.decisions import Decision
from schemas.messages import Reason, record_id, request_id
from schemas.text import Text
from simpul.clock import Clock
from simpul.crypto import Keys
from simpul.definition import StepDefinition
from simpul.ledger import Connection, Database, definitions, tasks, transaction
from simpul.ledger.definitions import DefinitionError
from simpul.ledger.tasks import Sealed, Task
from simpul.worktime import Calendar

log = structlog.get_logger(__name__)

NOT_ANSWERED = Reason(
    code="NOT_ANSWERED",
    text=Text(
        id="Batas waktu untuk melengkapi permohonan ini sudah lewat. Ajukan kembali bila masih diperlukan.",
        en="The time to complete this application is over. Apply again if you still need it.",
    ),
)


class Overdue:
    """Looks after the tasks whose deadline has passed."""

    def __init__(self, database: Database, keys: Keys, clock: Clock, calendar: Calendar) -> None:
        self._database = database
        self._keys = keys
        self._clock = clock
        self._calendar = calendar

    def once(self) -> int:
        """Every overdue task comes to what its step says; returns how many."""
        now = self._clock.now()
        with transaction(self._database) as connection:
            found = [(task.application, task.step) for task in tasks.overdue(connection, now=now)]
        for number, step in found:
            try:
                with transaction(self._database) as connection:
                    self._settle(connection, number, step, now)
            except tasks.NoSuchTaskError:
                # Answered meanwhile.
                continue
            except DefinitionError as error:
                log.error("definition cannot be had", application=number, why=str(error))  # noqa: TRY400
        return len(found)

    def _settle(self, connection: Connection, number: str, step: str, now: datetime) -> None:
        task = tasks.find(connection, number, step)
        if task.until is None or task.until > now:
            return
        spec = definitions.definition(connection, task.service, task.version).by_name[step]
        if task.state == "returned" or spec.overdue in (None, "lapse"):
            tasks.lapse(connection, task, NOT_ANSWERED.model_dump(mode="json"), now=now)
        elif spec.overdue == "approve":
            tasks.approve(connection, task, self._deemed(task, now), actor="engine", by="the law", now=now)
        elif task.escalated_at is None:
            tasks.escalate(connection, task, until=self._until(spec, now), now=now)
        else:
            tasks.give_up(connection, task, now=now)

    def _until(self, spec: StepDefinition, now: datetime) -> datetime:
        return self._calendar.after(now, spec.within or "1 working day")

    def _deemed(self, task: Task, now: datetime) -> Sealed:
        record = Decision(decision="deemed", at=now)
        request = request_id(task.subject, task.step, task.revision, task.ask)
        key = self._keys.data_key(task.data_key, task.subject)
        return Sealed(request, record.schema_id(), key.seal(record.model_dump_json().encode(), record_id(request)))
