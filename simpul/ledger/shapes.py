"""What gateways saw of the shapes of agencies' answers, by day, and of their published contracts: no values, only fields."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from connectors.toolkit.shapes import Shape, merged
from simpul.ledger import events
from simpul.ledger.events import Event
from simpul.ledger.transitions import Incident, open_incidents

KEPT = timedelta(days=30)

_KNOWN = text("""
SELECT operation, shape FROM payload_shape
WHERE agency = :agency AND day = :day AND operation = ANY(CAST(:operations AS text[])) ORDER BY operation FOR UPDATE
""")
_KEEP = text("""
INSERT INTO payload_shape AS p (agency, operation, day, shape, samples, last_at)
VALUES (:agency, :operation, :day, CAST(:shape AS jsonb), 1, :now)
ON CONFLICT (agency, operation, day) DO UPDATE SET shape = CAST(:shape AS jsonb), samples = p.samples + 1, last_at = :now
""")
_FORGET = text("DELETE FROM payload_shape WHERE agency = :agency AND day < :before")
_LATEST = text("""
SELECT DISTINCT ON (agency, operation) agency, operation, day, shape FROM payload_shape
WHERE operation NOT LIKE 'contract:%' ORDER BY agency, operation, day DESC
""")
_CONTRACTS = text("""
SELECT DISTINCT ON (agency, operation) agency, operation, shape FROM payload_shape
WHERE operation LIKE 'contract:%' ORDER BY agency, operation, day DESC
""")


@dataclass(frozen=True, slots=True)
class Seen:
    """The shape of one operation's answers on the last day on which some came."""

    agency: str
    operation: str
    day: date
    shape: Shape


def keep(connection: Connection, agency: str, found: Mapping[str, Shape], *, now: datetime) -> None:
    """Add samples to those of the day."""
    parameters = {"agency": agency, "day": now.date(), "operations": list(found)}
    known = {row.operation: row.shape for row in connection.execute(_KNOWN, parameters)}
    for operation, shape in sorted(found.items()):
        whole = merged(known[operation], shape) if operation in known else shape
        about = {"agency": agency, "operation": operation, "day": now.date(), "now": now}
        connection.execute(_KEEP, {**about, "shape": json.dumps(whole)})
    connection.execute(_FORGET, {"agency": agency, "before": (now - KEPT).date()})


def keep_contract(
    connection: Connection, agency: str, document: str, drifts: list[dict[str, Any]], *, now: datetime
) -> None:
    """In what an agency's published contract differs from our pinned copy; nothing when it does not."""
    about = {"agency": agency, "operation": f"contract:{document}", "day": now.date(), "now": now}
    connection.execute(_KEEP, {**about, "shape": json.dumps({"drifts": drifts})})


def latest(connection: Connection) -> list[Seen]:
    """What was seen last of each operation."""
    return [Seen(row.agency, row.operation, row.day, row.shape) for row in connection.execute(_LATEST)]


def contracts(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """By agency: in what published contracts differ from our copies, as last seen."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(_CONTRACTS):
        found.setdefault(row.agency, []).extend(row.shape["drifts"])
    return found


_OPEN = text("SELECT agency FROM incident WHERE kind = 'drift' AND resolved_at IS NULL FOR UPDATE")
_RESOLVE = text("""
UPDATE incident SET resolved_at = :now, resolved_by = 'drift_watch'
WHERE kind = 'drift' AND agency = :agency AND resolved_at IS NULL
""")


def report(connection: Connection, drifts: Mapping[str, list[str]], *, now: datetime) -> None:
    """One open incident for each agency that drifted; those that are as recorded again are settled.

    Args:
        drifts: By agency, in sentences that name operations and fields.
    """
    still_open = set(connection.execute(_OPEN).scalars())
    for agency in sorted(still_open - {name for name, found in drifts.items() if found}):
        connection.execute(_RESOLVE, {"agency": agency, "now": now})
        settled = Event(
            at=now, actor="drift_watch", action="incident.resolved", agency=agency, detail={"kind": "drift"}
        )
        events.record(connection, [settled])
    new = [
        Incident(
            kind="drift",
            agency=agency,
            owner="us",
            diagnosis={
                "id": f"Sistem {agency} berubah dari yang tercatat: {'; '.join(found[:10])}. Periksa konektornya.",
                "en": f"The system of {agency} is not as recorded any more: {'; '.join(found[:10])}. Look at its connector.",
            },
        )
        for agency, found in sorted(drifts.items())
        if found and agency not in still_open
    ]
    open_incidents(connection, new, actor="drift_watch", now=now)
