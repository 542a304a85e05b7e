"""What a driver of waves does to the ledger: enter a step, see who is still open, park the rest.

Used by the triggerer, on its event loop; needs neither keys nor Kafka. Everything here is conditional on the
wave or inserts primary keys, so two drivers on one wave do no harm. Rows are locked first, in number order, and
looked at in the statement after, which sees all that was committed before the locks were granted.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from simpul.clock import Clock
from simpul.definition import Definition, StepDefinition
from simpul.ledger.database import connect_async
from simpul.ledger.definitions import definition
from simpul.ledger.transitions import resettle

_LOCK_MEMBERS = text(
    "SELECT number FROM application WHERE wave = :wave AND state = 'in_wave' ORDER BY number FOR UPDATE"
)

_ENTER = text("""
WITH member AS (
    SELECT a.number, a.service, coalesce((a.revisions ->> :step)::int, 1) AS revision,
           coalesce(a.calls -> CAST(:step AS text) ->> 'operation', CAST(:operation AS text)) AS operation
    FROM application a
    WHERE a.wave = :wave AND a.state = 'in_wave' AND a.pending IS NULL
      AND NOT EXISTS (
        SELECT FROM outcome o WHERE o.application = a.number AND o.step = :step
        AND o.revision = coalesce((a.revisions ->> :step)::int, 1))
      AND (EXISTS (
        SELECT FROM step_run w WHERE w.application = a.number AND w.step = :step AND w.state = 'waiting' AND w.recalled
        AND w.revision = coalesce((a.revisions ->> :step)::int, 1))
      OR cardinality(CAST(:after AS text[])) = (
        SELECT count(*) FROM outcome o WHERE o.application = a.number AND o.step = ANY(CAST(:after AS text[]))
        AND o.revision = coalesce((a.revisions ->> o.step)::int, 1) AND o.outcome IN ('done', 'skipped')))
      AND (CAST(:operation AS text) IS NOT NULL OR a.undoes IS NULL OR a.calls -> CAST(:step AS text) IS NOT NULL)
), opened AS (
    INSERT INTO step_run AS s (application, step, revision, ask, state, wave, opened_at)
    SELECT number, :step, revision, 1, 'open', :wave, :now FROM member
    ON CONFLICT (application, step, revision)
    DO UPDATE SET ask = s.ask + 1, state = 'open', wave = :wave, recalled = false
        WHERE s.state = 'waiting' AND s.recalled
    RETURNING application, revision, ask
), boxed AS (
    INSERT INTO outbox (application, step, revision, ask, created_at)
    SELECT application, :step, revision, ask, :now FROM opened ON CONFLICT DO NOTHING
)
INSERT INTO event (id, at, actor, action, application, service, step, revision, agency, operation, detail)
SELECT o.application || '/' || :step || '/' || o.revision || '/' || o.ask || '/entered', :now, 'engine', 'step.entered',
       o.application, :service, :step, o.revision, split_part(m.operation, '.', 1), m.operation,
       jsonb_build_object('wave', CAST(:wave AS text), 'ask', o.ask)
FROM opened o JOIN member m ON m.number = o.application ON CONFLICT (id) DO NOTHING
""")

_OPEN_MEMBERS = text("""
SELECT w.wave, w.step, count(*) FILTER (WHERE s.state IN ('open', 'in_flight')) AS open,
       count(*) FILTER (WHERE s.state = 'closed') AS through
FROM unnest(CAST(:waves AS text[]), CAST(:steps AS text[])) AS w(wave, step)
JOIN application a ON a.wave = w.wave AND a.state = 'in_wave'
JOIN step_run s ON s.application = a.number AND s.step = w.step
     AND s.revision = coalesce((a.revisions ->> w.step)::int, 1)
GROUP BY w.wave, w.step
""")

_PARK = text("""
WITH parked AS (
    UPDATE application a
    SET state = 'waiting', wave = NULL, since = :now, until = NULL, waiting_step = :step,
        waiting_for = coalesce('agency:' || split_part(a.calls -> CAST(:step AS text) ->> 'operation', '.', 1),
                               CAST(:waiting_for AS text))
    FROM step_run s
    WHERE a.wave = :wave AND a.state = 'in_wave'
      AND s.application = a.number AND s.step = :step
      AND s.revision = coalesce((a.revisions ->> :step)::int, 1) AND s.state IN ('open', 'in_flight')
    RETURNING a.number, a.service, a.waiting_for
)
INSERT INTO event (id, at, actor, action, application, service, step, agency, state, detail)
SELECT number || '/' || :wave || '/parked', :now, 'engine', 'application.waiting', number, service, :step,
       CASE WHEN waiting_for LIKE 'agency:%' THEN substr(waiting_for, 8) END,
       'waiting', jsonb_build_object('for', waiting_for, 'wave', CAST(:wave AS text))
FROM parked ON CONFLICT (id) DO NOTHING RETURNING application
""")

_SUMMARY = text("""
SELECT coalesce(o.outcome, CASE WHEN s.state = 'failed' THEN 'incident' ELSE 'waiting' END) AS came_to, count(*) AS n
FROM step_run s
LEFT JOIN outcome o ON o.application = s.application AND o.step = s.step AND o.revision = s.revision
WHERE s.wave = :wave AND s.step = :step
GROUP BY 1
""")


class Driver:
    """The ledger as the triggerer sees it.

    Args:
        url: The ledger's `postgresql://` URL.
        clock: Where the time comes from.
    """

    def __init__(self, url: str, clock: Clock) -> None:
        self._engine = connect_async(url)
        self._clock = clock

    async def enter(self, wave: str, step: str) -> bool:
        """Open a step for the wave's members whose turn it is; a repeat does nothing.

        Returns:
            False when the ledger does not know this wave.
        """
        async with self._engine.begin() as connection:
            found = await connection.run_sync(lambda sync: _find(sync, wave, step))
            if found is None:
                return False
            workflow, spec = found
            await connection.execute(_LOCK_MEMBERS, {"wave": wave})
            await connection.execute(_ENTER, _parameters(self._clock, wave, workflow, spec))
            return True

    async def open_members(self, entries: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[int, int]]:
        """For each (wave, step): how many of the wave's members are without an answer, and how many are through.

        A pair of which the wave has no member left, or none that entered the step, is left out.
        """
        async with self._engine.connect() as connection:
            rows = await connection.execute(
                _OPEN_MEMBERS, {"waves": [wave for wave, _ in entries], "steps": [step for _, step in entries]}
            )
            return {(row.wave, row.step): (row.open, row.through) for row in rows}

    async def park(self, wave: str, step: str) -> int:
        """Let the members that are still open at this step leave the wave as waiting for its agency.

        Returns:
            How many were parked.
        """
        async with self._engine.begin() as connection:
            found = await connection.run_sync(lambda sync: _find(sync, wave, step))
            if found is None:
                raise LookupError(f"the ledger knows no step {step} of {wave}")
            _, spec = found
            await connection.execute(_LOCK_MEMBERS, {"wave": wave})
            parked = await connection.execute(
                _PARK,
                {
                    "wave": wave,
                    "step": step,
                    "now": self._clock.now(),
                    "waiting_for": spec.asked_of,
                },
            )
            numbers = list(parked.scalars())
            # a branch that was not entered yet must not wait for the one that parks
            await connection.run_sync(
                lambda sync: resettle(
                    sync, numbers, because="another branch can go on", actor="engine", now=self._clock.now()
                )
            )
            return len(numbers)

    async def summary(self, wave: str, step: str) -> dict[str, int]:
        """What the step came to for the wave's members: outcomes, `waiting`, `incident`, with their counts."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_SUMMARY, {"wave": wave, "step": step})
            return {row.came_to: row.n for row in rows}

    async def close(self) -> None:
        """Give the connections back."""
        await self._engine.dispose()


def _find(connection: Connection, wave: str, step: str) -> tuple[Definition, StepDefinition] | None:
    """The workflow that a wave is of, and its step; None where either is unknown."""
    row = connection.execute(text("SELECT service, version FROM wave WHERE id = :wave"), {"wave": wave}).first()
    if row is None:
        return None
    workflow = definition(connection, row.service, row.version)
    spec = workflow.by_name.get(step)
    return (workflow, spec) if spec else None


def _parameters(clock: Clock, wave: str, workflow: Definition, spec: StepDefinition) -> dict[str, object]:
    return {
        "wave": wave,
        "service": workflow.service,
        "step": spec.name,
        "after": sorted(workflow.ancestors[spec.name]),
        "operation": spec.operation or None,
        "now": clock.now(),
    }
