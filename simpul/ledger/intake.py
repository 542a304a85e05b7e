"""Filing an application: one transaction, one number, one event, however often the counter sends it.

Whether the form fits the service is decided before, by the console.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, select, text

from connectors import catalogue
from schemas.identifiers import application_number
from simpul.clock import Clock
from simpul.crypto import Keys, digest
from simpul.definition import Definition
from simpul.ledger import events
from simpul.ledger.events import Event
from simpul.ledger.standards import Standing
from simpul.ledger.tables import application as table
from simpul.ledger.tables import application_sequence
from simpul.ledger.transitions import UnknownApplicationError, request_amendment


class ConflictError(Exception):
    """The idempotency key was used before for another application."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"this Idempotency-Key was used for application {number}, whose content is another: "
            "send a new key for a new application, or the same content to hear its number again"
        )
        self.number = number


@dataclass(frozen=True)
class Intake:
    """What a channel hands in.

    Args:
        definition: The workflow, in the version that will carry it.
        standing: When the service standard is due, from `standards.at_filing`; the engine counts it when left out.
        asked_version: The version that the sender named, if any: part of what makes two requests the same.
        received_by: Name of the API key.
        contact: Where and in which language the citizen is told, if anywhere.
        consents: Steps of the workflow that may fetch their record.
        ground: Why it goes first, if it does: `elderly`, `disabled`, `pregnant` or `child`. Kept sealed.
        head_start: How much later an application without a ground may have been filed and still not go before it.
        idempotency_key: As sent; None when the sender takes the risk of filing twice.
    """

    definition: Definition
    channel: str
    form: dict[str, Any]
    received_by: str
    traceparent: str
    standing: Standing | None = None
    asked_version: int | None = None
    idempotency_key: str | None = None
    contact: dict[str, str] | None = None
    consents: tuple[str, ...] = ()
    ground: str | None = None
    head_start: timedelta = timedelta(hours=4)

    @cached_property
    def content(self) -> str:
        """The request in one canonical spelling: order and white space do not make it another."""
        asked: list[Any] = [self.definition.service, self.asked_version, self.channel, self.form]
        if self.contact is not None:
            asked.append(self.contact)
        if self.consents:
            asked.append(sorted(self.consents))
        if self.ground is not None:
            asked.append({"vulnerable": self.ground})
        return json.dumps(asked, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Filed:
    """The application's number, and whether it was made now or before."""

    number: str
    created: bool


def file(connection: Connection, intake: Intake, keys: Keys, clock: Clock, installation: str) -> Filed:
    """File an application, or find the one that was filed with the same idempotency key.

    Safe when the same request arrives twice at once: one of the two waits for the other and finds its number.

    Raises:
        ConflictError: The same idempotency key came with other content.
    """
    now = clock.now()
    sequence = connection.scalar(application_sequence)
    number = application_number(installation, now.year, sequence)
    subject = keys.blind(number)
    wrapped = keys.new_data_key(subject)
    key = keys.data_key(wrapped, subject)
    sealed = key.seal(json.dumps(intake.form, separators=(",", ":")).encode(), "form:1")
    contact = None if intake.contact is None else key.seal(json.dumps(intake.contact).encode(), "contact")
    ground = None if intake.ground is None else key.seal(intake.ground.encode(), "ground")
    definition = intake.definition
    filed = connection.execute(
        _FILE,
        {
            "number": number,
            "subject": subject,
            "service": definition.service,
            "version": definition.version,
            "channel": intake.channel,
            "next_step": definition.frontier({})[0],
            "now": now,
            "data_key": wrapped,
            "form": sealed,
            "contact": contact,
            "consents": list(intake.consents),
            "traceparent": intake.traceparent,
            "received_by": intake.received_by,
            "idempotency_key": _blinded(keys, intake),
            "request_digest": keys.blind(intake.content),
            "priority": 0 if ground is None else 1,
            "ground": ground,
            "turn_at": now if ground is None else now - intake.head_start,
            **_promised(intake),
            "event": f"{number}:received",
            "digest": digest(sealed),
            "detail": json.dumps({"version": definition.version, "channel": intake.channel, "form_version": 1}),
        },
    )
    if not filed.rowcount:
        return _found(connection, intake, keys)
    for fetching in intake.consents:
        step = definition.consents[fetching]
        agreed = consent(definition, step, number=number, agreed=True, actor=intake.received_by, at=now)
        events.record(connection, [agreed])
    if ground is not None:
        # Not the ground itself: that somebody is disabled or pregnant is nobody's to read in a timeline.
        told = Event(
            id=f"{number}:prioritised",
            at=now,
            actor=intake.received_by,
            action="application.prioritised",
            application=number,
            service=definition.service,
            digest=digest(ground),
        )
        events.record(connection, [told])
    return Filed(number, created=True)


# Application and event in one statement: half the cost of two, and intake is where a full hall is felt first.
_FILE = text("""
WITH filed AS (
    INSERT INTO application (number, subject, service, version, channel, state, next_step, since, data_key, form,
                             contact, consents, traceparent, received_by, idempotency_key, request_digest, received_at,
                             standard, due_at, standard_at, due_by, priority, ground, turn_at)
    VALUES (:number, :subject, :service, :version, :channel, 'runnable', :next_step, :now, :data_key, :form,
            :contact, CAST(:consents AS text[]), :traceparent, :received_by, :idempotency_key, :request_digest, :now,
            :standard, :due_at, :standard_at, :due_by, :priority, :ground, :turn_at)
    ON CONFLICT (received_by, idempotency_key) DO NOTHING
    RETURNING number, service, received_by, received_at, state
)
INSERT INTO event (id, at, actor, action, application, service, digest, state, detail)
SELECT :event, received_at, received_by, 'application.received', number, service, :digest, state,
       CAST(:detail AS jsonb)
FROM filed
""")


def _promised(intake: Intake) -> dict[str, Any]:
    found = intake.standing
    if found is None:
        return {"standard": None, "due_at": None, "standard_at": None, "due_by": ""}
    standard = intake.definition.standard
    return {"standard": standard, "due_at": found.due, "standard_at": found.warn, "due_by": found.by}


def consent(definition: Definition, step: str, *, number: str, agreed: bool, actor: str, at: datetime) -> Event:
    """What the citizen says to a step that asks whether a record may be fetched."""
    operation = definition.by_name[definition.by_name[step].consent or ""].operation
    facts = catalogue.load().get(operation, {})
    return Event(
        at=at,
        actor=actor,
        action="consent.given" if agreed else "consent.refused",
        application=number,
        service=definition.service,
        step=step,
        agency=operation.partition(".")[0],
        operation=operation,
        purpose=facts.get("purpose"),
        legal_basis=facts.get("legal_basis"),
    )


def replay(connection: Connection, intake: Intake, keys: Keys) -> Filed | None:
    """The application that this very request filed before, None when its idempotency key is new or absent.

    For a request that would be refused today, since a form may be corrected after it was filed.

    Raises:
        ConflictError: The same idempotency key came with other content.
    """
    if intake.idempotency_key is None:
        return None
    try:
        return _found(connection, intake, keys)
    except LookupError:
        return None


def _blinded(keys: Keys, intake: Intake) -> str | None:
    return None if intake.idempotency_key is None else keys.blind(intake.idempotency_key)


def _found(connection: Connection, intake: Intake, keys: Keys) -> Filed:
    row = connection.execute(
        select(table.c.number, table.c.request_digest).where(
            table.c.received_by == intake.received_by, table.c.idempotency_key == _blinded(keys, intake)
        )
    ).first()
    if row is None:
        raise LookupError("no application was filed with this idempotency key")
    if row.request_digest != keys.blind(intake.content):
        raise ConflictError(row.number)
    return Filed(row.number, created=False)


def amend(connection: Connection, number: str, form: dict[str, Any], keys: Keys, *, actor: str, now: datetime) -> None:
    """Store a changed form, sealed as the version that follows the present one.

    Raises:
        UnknownApplicationError: No such application.
        ClosedError: It has ended already.
    """
    columns = (table.c.subject, table.c.data_key, table.c.form_version)
    row = connection.execute(select(*columns).where(table.c.number == number).with_for_update()).first()
    if row is None:
        raise UnknownApplicationError(f"there is no application {number}")
    plain = json.dumps(form, separators=(",", ":")).encode()
    sealed = keys.data_key(row.data_key, row.subject).seal(plain, f"form:{row.form_version + 1}")
    request_amendment(connection, number, sealed, actor=actor, now=now)
