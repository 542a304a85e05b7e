"""Waves: claiming the applications that one DAG run carries, and taking them back when it ends or is lost."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from simpul.ledger import events
from simpul.ledger.cases import Case, load, settle
from simpul.ledger.definitions import definition_of
from simpul.ledger.transitions import Incident, Move, apply, open_incidents


@dataclass(frozen=True, slots=True)
class Queue:
    """The runnable applications of one service and version with the same next step.

    Attributes:
        oldest: Since when the one waits that waits longest.
        turn: The turn of the one that goes first, None where it was filed before there were turns.
    """

    service: str
    version: int
    next_step: str
    runnable: int
    oldest: datetime
    turn: datetime | None = None

    def without(self, claimed: int) -> "Queue":
        """What is left after a wave was claimed from it."""
        return replace(self, runnable=max(0, self.runnable - claimed))


@dataclass(frozen=True, slots=True)
class Wave:
    """The applications that one DAG run carries; its id is the run's id."""

    id: str
    service: str
    version: int
    state: str
    members: int
    claimed_at: datetime
    missing_since: datetime | None = None


_QUEUES = text("""
SELECT service, version, next_step, count(*) AS runnable, min(since) AS oldest,
       CASE WHEN bool_and(turn_at IS NOT NULL) THEN min(turn_at) END AS turn
FROM application WHERE state = 'runnable' AND pending IS NULL
GROUP BY service, version, next_step ORDER BY min(since)
""")


def queues(connection: Connection) -> list[Queue]:
    """What could be claimed now, the longest waiting first."""
    return [Queue(*row) for row in connection.execute(_QUEUES)]


_WORTH_A_RUN = 100
_LONG = timedelta(seconds=30)


def wave_size(runnable: int, free: int, largest: int, waited: timedelta = timedelta()) -> int:
    """How many to claim: the backlog spread over the free waves, at most `largest`. Grows with backlog and age.

    What a DAG run carries costs little, its steps cost much: fewer than 100 are never spread. Where somebody has waited
    long, the runs are what is short, and each takes what it can.
    """
    if waited >= _LONG:
        return min(largest, max(runnable, 1))
    return min(largest, max(math.ceil(runnable / max(free, 1)), min(runnable, _WORTH_A_RUN)))


_CLAIM = text("""
WITH chosen AS (
    SELECT number FROM application
    WHERE state = 'runnable' AND service = :service AND version = :version AND next_step = :next_step
      AND pending IS NULL AND solo = :solo
    ORDER BY turn_at NULLS FIRST, number LIMIT :limit FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE application a
    SET state = 'in_wave', wave = :wave, since = :now, learnt_at_claim = a.learnt
    FROM chosen WHERE a.number = chosen.number
    RETURNING a.number
), told AS (
    INSERT INTO event (id, at, actor, action, application, service, step, state, detail)
    SELECT number || '/' || :wave || '/claimed', :now, 'engine', 'application.claimed', number, :service, :next_step,
           'in_wave', jsonb_build_object('wave', CAST(:wave AS text))
    FROM claimed ON CONFLICT (id) DO NOTHING
)
INSERT INTO wave (id, service, version, next_step, size, state, claimed_at)
SELECT :wave, :service, :version, :next_step, count(*), 'claimed', :now FROM claimed HAVING count(*) > 0
RETURNING size
""")


_OLDEST_IS_SOLO = text("""
SELECT solo FROM application
WHERE state = 'runnable' AND service = :service AND version = :version AND next_step = :next_step AND pending IS NULL
ORDER BY since, number LIMIT 1
""")


def claim(connection: Connection, queue: Queue, *, limit: int, now: datetime) -> Wave | None:
    """Claim a wave from a queue, or an application that travels alone; None when another engine was faster."""
    wave = f"wave_{uuid.uuid4().hex}"
    alone = connection.execute(
        _OLDEST_IS_SOLO, {"service": queue.service, "version": queue.version, "next_step": queue.next_step}
    ).scalar()
    together = (False, limit)
    for solo, most in ((True, 1), together) if alone else (together, (True, 1)):
        size = connection.execute(
            _CLAIM,
            {
                "service": queue.service,
                "version": queue.version,
                "next_step": queue.next_step,
                "wave": wave,
                "solo": solo,
                "limit": most,
                "now": now,
            },
        ).scalar()
        if size:
            return Wave(wave, queue.service, queue.version, "claimed", size, now)
    return None


_OPEN = text("""
SELECT w.id, w.service, w.version, w.state, w.claimed_at, w.missing_since,
       (SELECT count(*) FROM application a WHERE a.wave = w.id) AS members
FROM wave w WHERE w.state IN ('claimed', 'started') ORDER BY w.claimed_at
""")


def open_waves(connection: Connection) -> list[Wave]:
    """The waves under way, oldest first, with the members they still carry."""
    return [
        Wave(row.id, row.service, row.version, row.state, row.members, row.claimed_at, row.missing_since)
        for row in connection.execute(_OPEN)
    ]


@dataclass(frozen=True, slots=True)
class Shown:
    """A wave as operators see it; `members` are the applications it entered steps for, with their present state."""

    id: str
    service: str
    version: int
    state: str
    result: str | None
    size: int
    claimed_at: datetime
    ended_at: datetime | None
    members: Sequence[tuple[str, str]]


_MEMBERS = text("""
SELECT number, state FROM application
WHERE wave = :wave OR number IN (SELECT application FROM step_run WHERE wave = :wave) ORDER BY number
""")


def show(connection: Connection, wave: str) -> Shown | None:
    """A wave by its id; None when the ledger does not know it."""
    row = connection.execute(text("SELECT * FROM wave WHERE id = :wave"), {"wave": wave}).first()
    if row is None:
        return None
    members = [(member.number, member.state) for member in connection.execute(_MEMBERS, {"wave": wave})]
    return Shown(
        row.id, row.service, row.version, row.state, row.result, row.size, row.claimed_at, row.ended_at, members
    )


def started(connection: Connection, wave: str, *, now: datetime) -> None:
    """Airflow has the run."""
    connection.execute(
        text("UPDATE wave SET state = 'started', started_at = :now WHERE id = :wave AND state = 'claimed'"),
        {"wave": wave, "now": now},
    )


def missing(connection: Connection, wave: str, since: datetime | None) -> None:
    """Remember (or forget) that Airflow did not find the run of a started wave."""
    connection.execute(
        text("UPDATE wave SET missing_since = :since WHERE id = :wave AND state IN ('claimed', 'started')"),
        {"wave": wave, "since": since},
    )


def give_back(connection: Connection, wave: str, *, result: str, strikes: int, now: datetime) -> Sequence[str]:
    """A wave ended or is lost: its members go on by themselves.

    Those that learnt nothing new get a strike; at `strikes` of them they become incidents. After a failed run the
    members travel alone, so that one poison application cannot take its neighbours down again.

    Args:
        result: `success`, `failed`, `missing` (the run vanished) or `refused` (Airflow never took it: no strike).

    Returns:
        The numbers that were still in the wave.
    """
    state = "lost" if result in ("missing", "refused") else "ended"
    closed = connection.execute(
        text("""
        UPDATE wave SET state = :state, result = :result, ended_at = :now
        WHERE id = :wave AND state IN ('claimed', 'started')
        """),
        {"wave": wave, "state": state, "result": result, "now": now},
    )
    numbers = connection.execute(
        text("SELECT number FROM application WHERE wave = :wave ORDER BY number"), {"wave": wave}
    ).scalars()
    cases = [case for case in load(connection, list(numbers)).values() if case.wave == wave]
    if closed.rowcount == 0 and not cases:
        return []
    struck = [case for case in cases if case.learnt == case.learnt_at_claim and result != "refused"]
    out = [case for case in struck if case.strikes + 1 >= strikes]
    connection.execute(
        text("""
        UPDATE application SET solo = solo OR :solo,
               strikes = CASE WHEN number = ANY(CAST(:struck AS text[])) THEN strikes + 1 ELSE strikes END
        WHERE number = ANY(CAST(:numbers AS text[]))
        """),
        {
            "solo": result == "failed",
            "struck": [case.number for case in struck],
            "numbers": [case.number for case in cases],
        },
    )
    because = f"its wave ended ({result})" if state == "ended" else f"its wave was lost ({result})"
    moves = [_move(connection, case, because) for case in cases if case not in out]
    events.record(connection, apply(connection, moves, actor="engine", now=now))
    _strike_out(connection, out, now)
    return [case.number for case in cases]


def _move(connection: Connection, case: Case, because: str) -> Move:
    outside = Case(**{name: getattr(case, name) for name in Case.__slots__} | {"state": "runnable"})
    return Move(case, settle(outside, definition_of(connection, case)), because)


def _strike_out(connection: Connection, cases: Sequence[Case], now: datetime) -> None:
    if not cases:
        return
    connection.execute(
        text("""
        UPDATE application SET state = 'incident', since = :now, wave = NULL, strikes = 0
        WHERE number = ANY(CAST(:numbers AS text[]))
        """),
        {"now": now, "numbers": [case.number for case in cases]},
    )
    events.record(
        connection,
        [
            events.Event(
                at=now,
                actor="engine",
                action="application.incident",
                application=case.number,
                service=case.service,
                state="incident",
                detail={"because": "wave after wave brought nothing new"},
            )
            for case in cases
        ],
    )
    incidents = [
        Incident(
            kind="strikes",
            diagnosis={
                "id": "Beberapa gelombang berakhir tanpa kemajuan: periksa DAG dan log langkahnya.",
                "en": "Several waves ended without progress: look at the DAG and at the log of its steps.",
            },
            application=case.number,
            service=case.service,
        )
        for case in cases
    ]
    open_incidents(connection, incidents, actor="engine", now=now)
