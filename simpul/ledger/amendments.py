"""What the engine must know of an application to put its amendment into effect."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from simpul.ledger.cases import load
from simpul.ledger.outbox import Sealed


@dataclass(frozen=True, slots=True)
class Amendment:
    """The forms before and after (sealed), the records so far, and the steps that were entered."""

    service: str
    version: int
    subject: str
    data_key: bytes
    form: bytes
    form_version: int
    amended_form: bytes
    records: Mapping[str, Sealed]
    entered: frozenset[str]


def read(connection: Connection, number: str) -> Amendment | None:
    """The stored amendment of an application, which is locked; None when there is none (any more)."""
    case = load(connection, [number]).get(number)
    row = connection.execute(
        text("""
        SELECT data_key, form, form_version, amended_form FROM application
        WHERE number = :number AND pending = 'amend' AND amended_form IS NOT NULL
        """),
        {"number": number},
    ).first()
    if case is None or row is None:
        return None
    outcomes = connection.execute(
        text("SELECT step, revision, request_id, record FROM outcome WHERE application = :number"), {"number": number}
    )
    return Amendment(
        service=case.service,
        version=case.version,
        subject=case.subject,
        data_key=bytes(row.data_key),
        form=bytes(row.form),
        form_version=row.form_version,
        amended_form=bytes(row.amended_form),
        records={
            o.step: Sealed(o.request_id, bytes(o.record))
            for o in outcomes
            if o.record is not None and o.revision == case.revision(o.step)
        },
        entered=frozenset(case.runs),
    )
