"""What took effect at agencies for an application that ended in nothing: what can be undone, and what an operator must.

It is written down in the transaction that ends the application. The engine, which holds the keys, then files an application
of the service `compensation` that undoes it, once, and drives that one like any other.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from connectors import catalogue
from simpul.ledger import bulk, events
from simpul.ledger.cases import Case
from simpul.ledger.definitions import definition_of
from simpul.ledger.events import Event
from simpul.ledger.tables import compensation as table

SERVICE = "compensation"
"""The service that undoes others."""

KIND = "uncompensated"
"""The kind of incident that says: something at an agency stands that the application has no more use for."""

_UNDONE = frozenset({"write", "idempotent"})


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that an application did to an agency.

    Attributes:
        sure: It took effect; otherwise nobody knows.
    """

    application: str
    service: str
    step: str
    revision: int
    operation: str
    sure: bool = True

    @property
    def agency(self) -> str:
        """Where."""
        return self.operation.partition(".")[0]

    @property
    def can_be_undone(self) -> bool:
        """Whether an operation undoes it, as its connector says."""
        return self.sure and bool(catalogue.load().get(self.operation, {}).get("compensate"))


# An event knows the operation of a step that its workflow, migrated since, has no more; a mapped outcome stands for both.
_DONE = text("""
SELECT o.step, o.revision, o.at, e.operation FROM outcome o LEFT JOIN event e ON e.id = o.event_id || '/done'
WHERE o.application = :number AND o.outcome = 'done' AND NOT EXISTS (
    SELECT FROM outcome m WHERE m.application = o.application AND m.event_id = o.event_id
    AND m.mapped_from = o.step || '/' || o.revision)
""")
_DOUBTFUL = text("""
SELECT s.step, s.revision, s.sent_at AS at, NULL AS operation FROM step_run s
WHERE s.application = :number AND s.state = 'failed' AND s.sent_at IS NOT NULL
  AND EXISTS (SELECT FROM incident i WHERE i.application = s.application AND i.step = s.step AND i.kind = 'in_doubt')
""")


def note(connection: Connection, cases: Sequence[Case], *, now: datetime) -> list[Effect]:
    """Write down what is to be undone for applications that end in nothing.

    Returns:
        What an operator has to settle, since nothing undoes it or nobody knows whether it happened.
    """
    found = {case.number: _effects(connection, case) for case in cases}
    rows = [(number, _steps(effects), now) for number, effects in found.items() if _steps(effects)]
    bulk.insert(connection, table, ("application", "steps", "created_at"), rows)
    return [each for effects in found.values() for each in effects if not each.can_be_undone]


def _effects(connection: Connection, case: Case) -> list[Effect]:
    """What the application did, the last first; what may stay is left out."""
    spec = definition_of(connection, case)
    place = {step.name: place for place, step in enumerate(spec.steps)}
    effects = []
    for sure, query in ((True, _DONE), (False, _DOUBTFUL)):
        rows = connection.execute(query, {"number": case.number}).all()
        for row in sorted(rows, key=lambda row: (row.at, place.get(row.step, -1)), reverse=True):
            step = spec.by_name.get(row.step)
            operation = step.operation if step else row.operation
            if operation and _matters(operation):
                effects.append(Effect(case.number, case.service, row.step, row.revision, operation, sure))
    return effects


def _matters(operation: str) -> bool:
    facts = catalogue.load().get(operation, {})
    return facts.get("effect", "write") in _UNDONE and not facts.get("lasts")


def _steps(effects: Sequence[Effect]) -> list[dict[str, Any]]:
    return [
        {"step": each.step, "revision": each.revision, "operation": each.operation}
        for each in effects
        if each.can_be_undone
    ]


@dataclass(frozen=True, slots=True)
class Due:
    """An ended application whose effects are to be undone.

    Attributes:
        effects: The last first.
        records: By step and revision: the request's id and the record as it rests.
    """

    number: str
    subject: str
    service: str
    version: int
    state: str
    data_key: bytes
    form: bytes
    form_version: int
    traceparent: str
    revisions: Mapping[str, int]
    effects: Sequence[Effect]
    records: Mapping[tuple[str, int], tuple[str, bytes]]


def due(connection: Connection, limit: int = 100) -> list[str]:
    """Ended applications that are still to be undone, oldest first."""
    rows = connection.execute(
        text("SELECT application FROM compensation WHERE opened_at IS NULL ORDER BY created_at LIMIT :limit"),
        {"limit": limit},
    )
    return list(rows.scalars())


_TAKE = text("""
SELECT a.number, a.subject, a.service, a.version, a.state, a.data_key, a.form, a.form_version, a.traceparent, a.revisions, c.steps
FROM compensation c JOIN application a ON a.number = c.application
WHERE c.application = :number AND c.opened_at IS NULL FOR UPDATE OF c SKIP LOCKED
""")
_RECORDS = text("""
SELECT step, revision, request_id, record FROM outcome WHERE application = :number AND record IS NOT NULL
""")


def take(connection: Connection, number: str) -> Due | None:
    """Lock one; None when another engine has it, or had it."""
    row = connection.execute(_TAKE, {"number": number}).first()
    if row is None:
        return None
    return Due(
        row.number,
        row.subject,
        row.service,
        row.version,
        row.state,
        bytes(row.data_key),
        bytes(row.form),
        row.form_version,
        row.traceparent,
        row.revisions,
        [Effect(row.number, row.service, **step) for step in row.steps],
        {
            (each.step, each.revision): (each.request_id, bytes(each.record))
            for each in connection.execute(_RECORDS, {"number": number})
        },
    )


@dataclass(frozen=True, slots=True)
class Call:
    """One step of a compensation: the operation that undoes, and the steps that it undoes."""

    operation: str
    steps: Sequence[str]


_LINK = text("""
UPDATE application SET undoes = :undoes, calls = CAST(:calls AS jsonb) WHERE number = :number
""")


def opened(connection: Connection, number: str, by: str | None, calls: Mapping[str, Call], *, now: datetime) -> None:
    """The engine has filed what undoes an application; or nothing of it could be built.

    Args:
        number: Of the ended application.
        by: Of the compensation.
        calls: Its steps.
    """
    connection.execute(
        text("UPDATE compensation SET opened_at = :now WHERE application = :number"), {"now": now, "number": number}
    )
    if by is None:
        return
    plain = {step: {"operation": call.operation, "steps": list(call.steps)} for step, call in calls.items()}
    connection.execute(_LINK, {"undoes": number, "calls": json.dumps(plain), "number": by})
    told = [f"{', '.join(call.steps)} ({call.operation})" for call in calls.values()]
    events.record(
        connection,
        [
            Event(
                at=now,
                actor="engine",
                action="compensation.started",
                application=application,
                detail={relation: other, "steps": told},
            )
            for application, relation, other in ((number, "by", by), (by, "of", number))
        ],
    )


def told(case: Case, step: str, action: str, *, id: str, now: datetime, actor: str) -> list[Event]:  # noqa: A002
    """What a step of a compensation came to, as events of the application that it undoes; an event for each step of that."""
    call = case.calls[step]
    return [
        Event(
            id=f"{id}/{undone}/{action}",
            at=now,
            actor=actor,
            action=action,
            application=case.undoes,
            step=undone,
            agency=call["operation"].partition(".")[0],
            operation=call["operation"],
            detail={"by": case.number},
        )
        for undone in call["steps"]
    ]


def diagnosis(effect: Effect, state: str) -> dict[str, str]:
    """What an operator is told of an effect that nothing undoes."""
    if not effect.sure:
        return {
            "id": f"Berkas berakhir ({state}), dan tidak diketahui apakah {effect.operation} (langkah {effect.step}) "
            f"sudah berlaku di {effect.agency}. Tanyakan ke instansi itu, dan batalkan bila perlu.",
            "en": f"The application ended ({state}), and nobody knows whether {effect.operation} (step {effect.step}) "
            f"took effect at {effect.agency}. Ask the agency, and have it undone where it did.",
        }
    return {
        "id": f"Berkas berakhir ({state}), tetapi {effect.operation} (langkah {effect.step}) sudah berlaku di "
        f"{effect.agency}, dan tidak ada yang membatalkannya. Selesaikan dengan instansi itu.",
        "en": f"The application ended ({state}), but {effect.operation} (step {effect.step}) took effect at "
        f"{effect.agency}, and nothing undoes it by itself. Settle it with the agency.",
    }
