"""Deadlines: waits for agencies and payments that are over, so that the step is asked a last time.

Tasks of people have deadlines of their own, see `simpul.ledger.tasks`.
"""

from datetime import datetime

from sqlalchemy import Connection, text

from simpul.ledger.transitions import resettle

# What is left of ended applications and of older revisions must not use up the limit.
_DUE = text("""
SELECT a.number FROM application a
WHERE a.closed_at IS NULL AND a.number IN (
    SELECT s.application FROM step_run s
    JOIN application o ON o.number = s.application AND o.closed_at IS NULL
    WHERE s.state = 'waiting' AND s.until <= :now AND NOT s.recalled
      AND s.revision = coalesce((o.revisions ->> s.step)::int, 1)
      AND NOT EXISTS (SELECT FROM task t WHERE t.application = s.application AND t.step = s.step AND t.revision = s.revision)
    ORDER BY s.until LIMIT :limit)
ORDER BY a.number FOR UPDATE SKIP LOCKED
""")
_RECALL = text("""
UPDATE step_run s SET recalled = true
FROM application a
WHERE a.number = s.application AND a.number = ANY(CAST(:numbers AS text[])) AND s.state = 'waiting'
  AND s.until <= :now AND s.revision = coalesce((a.revisions ->> s.step)::int, 1)
  AND NOT EXISTS (SELECT FROM task t WHERE t.application = s.application AND t.step = s.step AND t.revision = s.revision)
""")


def deadlines(connection: Connection, *, now: datetime, limit: int = 500) -> int:
    """Recall the steps whose wait is over. Whether the step lapses is for the agency's last answer to say.

    Returns:
        How many applications go on.
    """
    numbers = list(connection.execute(_DUE, {"now": now, "limit": limit}).scalars())
    if numbers:
        connection.execute(_RECALL, {"numbers": numbers, "now": now})
        resettle(connection, numbers, because="the deadline passed", actor="engine", now=now)
    return len(numbers)


_AMENDABLE = text("""
SELECT number FROM application a WHERE pending = 'amend' AND NOT EXISTS (
    SELECT FROM step_run s WHERE s.application = a.number AND s.state IN ('open', 'in_flight'))
ORDER BY number LIMIT :limit
""")


def amendable(connection: Connection, limit: int = 100) -> list[str]:
    """Applications with a stored amendment and no step run in flight."""
    return list(connection.execute(_AMENDABLE, {"limit": limit}).scalars())
