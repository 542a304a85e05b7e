"""Documents that were issued: which there are, and what a check page is told about one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, text

from simpul.definition import Definition, StepDefinition
from simpul.ledger import events
from simpul.ledger.definitions import definition
from simpul.ledger.events import Event
from simpul.ledger.outbox import Sealed

_SIGN = "bsre.sign_pdf"


@dataclass(frozen=True, slots=True)
class Paper:
    """One document, with the record of its making or, once signed, of its signature.

    Attributes:
        valid: It is of the application's present revision, the application was not withdrawn, nor the document.
        signed: `current` is a `signed-document`, and an `issued-document` otherwise.
    """

    application: str
    subject: str
    data_key: bytes
    received_by: str
    step: StepDefinition
    issued_at: datetime
    valid: bool
    issued: Sealed
    current: Sealed
    signed: bool


_SELECT = """
SELECT p.application, a.subject, a.data_key, a.received_by, a.service, a.version, p.step, p.issued_at,
       p.revision = coalesce((a.revisions ->> p.step)::int, 1) AND a.state <> 'withdrawn' AND p.withdrawn_at IS NULL AS valid,
       p.revision = coalesce((a.revisions ->> p.step)::int, 1) AS present, o.request_id, o.record
FROM paper p
JOIN application a ON a.number = p.application
JOIN outcome o ON o.application = p.application AND o.step = p.step AND o.revision = p.revision
"""
_CHECKED = text(f'{_SELECT} WHERE p."check" = :check')
_OF = text(f"{_SELECT} WHERE p.application = :number ORDER BY p.issued_at, p.step, p.revision")
_RECORDS = text("""
SELECT o.step, o.request_id, o.record FROM outcome o JOIN application a ON a.number = o.application
WHERE o.application = :number AND o.step = ANY(CAST(:steps AS text[])) AND o.outcome = 'done' AND o.record IS NOT NULL
  AND o.revision = coalesce((a.revisions ->> o.step)::int, 1)
""")


def checked(connection: Connection, check: str) -> Paper | None:
    """The document whose token has this digest, in whatever state it is; None when there is none."""
    row = connection.execute(_CHECKED, {"check": check}).first()
    return None if row is None else _paper(connection, row)


def of(connection: Connection, number: str) -> list[Paper]:
    """The documents of an application that are of its present revision, oldest first."""
    return [_paper(connection, row) for row in connection.execute(_OF, {"number": number}).all() if row.present]


_WITHDRAW = text("""
UPDATE paper p SET withdrawn_at = :now FROM application a
WHERE a.number = p.application AND p.application = :number AND p.step = :step AND p.withdrawn_at IS NULL
  AND p.revision = coalesce((a.revisions ->> p.step)::int, 1)
RETURNING a.service, p.revision
""")


def withdraw(connection: Connection, number: str, step: str, reason: str, *, actor: str, now: datetime) -> bool:
    """Declare a document void, for good; whoever checks it is told so from here on.

    Args:
        reason: Kept in an event, so nothing about a person.

    Returns:
        False when there is none that is not void already.
    """
    row = connection.execute(_WITHDRAW, {"number": number, "step": step, "now": now}).first()
    if row is None:
        return False
    void = Event(
        at=now,
        actor=actor,
        action="document.withdrawn",
        application=number,
        service=row.service,
        step=step,
        revision=row.revision,
        detail={"reason": reason},
    )
    events.record(connection, [void])
    return True


def fetched(connection: Connection, paper: Paper, *, actor: str, now: datetime) -> None:
    """Somebody is handed a copy."""
    handed = Event(
        at=now,
        actor=actor,
        action="document.fetched",
        application=paper.application,
        step=paper.step.name,
        purpose="delivery of a document",
        detail={"signed": paper.signed},
    )
    events.record(connection, [handed])


def _gone(connection: Connection, service: str, step: str) -> StepDefinition:
    """A step that the application's version does not have: it went over to one without it, and its paper is still about."""
    versions = connection.execute(_VERSIONS, {"service": service}).scalars()
    specs = [definition(connection, service, version) for version in versions]
    return next(spec.by_name[step] for spec in specs if step in spec.by_name)


_VERSIONS = text("SELECT version FROM definition WHERE service = :service ORDER BY version DESC")


def _paper(connection: Connection, row: Row[tuple[object, ...]]) -> Paper:
    spec = definition(connection, row.service, row.version)
    issued = Sealed(row.request_id, bytes(row.record))
    chain = _signatures(spec, row.step) if row.present else []
    found = {
        each.step: Sealed(each.request_id, bytes(each.record))
        for each in connection.execute(_RECORDS, {"number": row.application, "steps": chain})
    }
    signed = [found[step] for step in chain if step in found]
    return Paper(
        row.application,
        row.subject,
        bytes(row.data_key),
        row.received_by,
        spec.by_name.get(row.step) or _gone(connection, row.service, row.step),
        row.issued_at,
        bool(row.valid),
        issued,
        signed[-1] if signed else issued,
        signed=bool(signed),
    )


def _signatures(spec: Definition, step: str) -> Sequence[str]:
    """The steps that sign a document, each what the one before it made."""
    chain: list[str] = []
    for each in spec.steps:
        if each.operation == _SIGN and each.request.get("content") == f"{(chain or [step])[-1]}.content":
            chain.append(each.name)
    return chain
