"""Documents that were issued: which there are, and what a check page is told about one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, text

from simpul.definition import Definition
from simpul.ledger import events
from simpul.ledger.definitions import definition
from simpul.ledger.events import Event
from simpul.ledger.outbox import Sealed

_SIGN = "bsre.sign_pdf"


@dataclass(frozen=True, slots=True)
class Paper:
    """One document, with the record of its making or, once signed, of its signature.

    Attributes:
        step: What its step is called now; None where a newer revision or version of the workflow has none of it.
        valid: It is the present one, its application did not come to nothing, and it was not declared void.
        signed: `current` is a `signed-document`, and an `issued-document` otherwise.
    """

    check: str
    application: str
    service: str
    subject: str
    data_key: bytes
    step: str | None
    revision: int
    issued_at: datetime
    valid: bool
    issued: Sealed
    current: Sealed
    signed: bool


# An outcome that went over to another version of the workflow under another name keeps its event.
_SELECT = """
SELECT p."check", p.application, a.subject, a.data_key, a.received_by, a.service, a.version, p.issued_at, p.revision,
       a.state NOT IN ('withdrawn', 'rejected', 'lapsed') AND p.withdrawn_at IS NULL AS holds, o.request_id, o.record,
       ARRAY(SELECT c.step FROM outcome c WHERE c.application = p.application AND c.event_id = o.event_id
             AND c.revision = coalesce((a.revisions ->> c.step)::int, 1)) AS steps
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
    found = [_paper(connection, row) for row in connection.execute(_OF, {"number": number}).all()]
    return [paper for paper in found if paper.step]


_WITHDRAW = text("""UPDATE paper SET withdrawn_at = :now WHERE "check" = :check AND withdrawn_at IS NULL""")


def withdraw(connection: Connection, number: str, step: str, reason: str, *, actor: str, now: datetime) -> bool:
    """Declare a document void, for good; whoever checks it is told so from here on.

    Args:
        reason: Kept in an event, so nothing about a person.

    Returns:
        False when there is none that is not void already.
    """
    found = next((paper for paper in of(connection, number) if paper.step == step), None)
    if found is None or not connection.execute(_WITHDRAW, {"check": found.check, "now": now}).rowcount:
        return False
    void = Event(
        at=now,
        actor=actor,
        action="document.withdrawn",
        application=number,
        service=found.service,
        step=step,
        revision=found.revision,
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
        step=paper.step,
        purpose="delivery of a document",
        detail={"signed": paper.signed},
    )
    events.record(connection, [handed])


def _paper(connection: Connection, row: Row[tuple[object, ...]]) -> Paper:
    spec = definition(connection, row.service, row.version)
    step = next((name for name in row.steps if name in spec.by_name), None)
    issued = Sealed(row.request_id, bytes(row.record))
    chain = _signatures(spec, step) if step else []
    found = {
        each.step: Sealed(each.request_id, bytes(each.record))
        for each in connection.execute(_RECORDS, {"number": row.application, "steps": chain})
    }
    signed = [found[name] for name in chain if name in found]
    return Paper(
        row.check,
        row.application,
        row.service,
        row.subject,
        bytes(row.data_key),
        step,
        row.revision,
        row.issued_at,
        valid=bool(row.holds) and step is not None,
        issued=issued,
        current=signed[-1] if signed else issued,
        signed=bool(signed),
    )


def _signatures(spec: Definition, step: str) -> Sequence[str]:
    """The steps that sign a document, each what the one before it made."""
    chain: list[str] = []
    for each in spec.steps:
        if each.operation == _SIGN and each.request.get("content") == f"{(chain or [step])[-1]}.content":
            chain.append(each.name)
    return chain
