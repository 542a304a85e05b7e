"""Ids of agencies' calls that must not be used twice, kept as long as their senders may confuse them."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

KEPT = timedelta(days=7)
"""How long an id is remembered. SNAP asks for a day."""


def first_use(connection: Connection, agency: str, blinded: str, *, now: datetime) -> bool:
    """Take note of a call's id; False when it was used before, and is noted already.

    A call with the same id at the same time waits here for the other's transaction: only if that fails is this the first.
    """
    connection.execute(_FORGET, {"before": now - KEPT})
    return connection.execute(_NOTE, {"agency": agency, "id": blinded, "now": now}).rowcount > 0


# A few at a time: whoever adds a row clears up after others.
_FORGET = text("""
DELETE FROM callback_once WHERE (agency, id) IN (
    SELECT agency, id FROM callback_once WHERE at < :before ORDER BY at LIMIT 20 FOR UPDATE SKIP LOCKED
)
""")
_NOTE = text("INSERT INTO callback_once (agency, id, at) VALUES (:agency, :id, :now) ON CONFLICT DO NOTHING")
