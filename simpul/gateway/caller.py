"""One turn of a task: is the lease good, call the agency, name how it ended. Decides by `decisions`; stores nothing."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import structlog

from connectors.toolkit import deadline, diagnoses
from connectors.toolkit.errors import AgencyError, BadData, InDoubt, Misconfigured, Retriable
from schemas.base import Record
from schemas.text import Text
from simpul.clock import Clock
from simpul.crypto import CannotDecryptError, Keys
from simpul.gateway import answers
from simpul.gateway.answers import Answer
from simpul.gateway.decisions import Backoff, Ending, Move, after_call, after_naive_call, may_send
from simpul.gateway.sampling import Sampler
from simpul.gateway.task import Task, UnusableError, open_request, unreadable_key
from simpul.ledger.attempts import UnavailableError

log = structlog.get_logger(__name__)

_MASTER_KEY = Text(
    id="Kunci data permintaan tidak dapat dibuka: SIMPUL_MASTER_KEY pada gateway bukan kunci instalasi ini. Perbaiki, "
    "mulai ulang gateway, lalu aktifkan kembali konektor. Tidak ada permintaan yang hilang.",
    en="The requests' data keys do not unwrap: the gateway's SIMPUL_MASTER_KEY is not this installation's. Correct it, "
    "start the gateway again and resume the connector. No request is lost.",
)


@dataclass(frozen=True, slots=True)
class Turn:
    """How a turn ended.

    Attributes:
        move: What comes next; `LEAVE` when the lease was lost and nothing was sent.
        ending: How the call ended, for metrics.
        answer: With `ANSWER`, `REJECT`, `FAIL` and `GIVE_UP`.
        error: What the agency or the network did, if there was an error.
        ok: For the governor: whether the agency answered; None when nothing was sent.
    """

    move: Move
    ending: str = "not sent"
    answer: Answer | None = None
    error: AgencyError | None = None
    ok: bool | None = None


class Caller:
    """Makes one agency's calls; used by all workers at once.

    Args:
        connector: The agency's connector.
        renew: Prolongs a task's lease, or puts it in the past when it is lost.
        sampler: Looks at the shapes of some answers.
        naive: Go by no lease and know no doubt.
    """

    def __init__(
        self,
        connector: Any,
        keys: Keys,
        clock: Clock,
        renew: Callable[[Task], None],
        *,
        backoff: Backoff,
        sampler: Sampler | None = None,
        naive: bool = False,
    ) -> None:
        self._sampler = sampler
        self._connector = connector
        self._keys = keys
        self._clock = clock
        self._renew = renew
        self._backoff = backoff
        self._naive = naive
        # A master key that opened one request is right, and a data key that it does not open is the message's fault.
        self._key_fits = False
        settings = connector.settings
        self._call_deadline: float = settings.call_deadline
        self._margin = margin(settings.lease_seconds, settings.call_deadline)

    def turn(self, task: Task) -> Turn:
        """Call once, if the lease allows."""
        try:
            request = self._open(task)
        except UnusableError as unusable:
            return Turn(Move.FAIL, answer=answers.of_unusable(task, unusable.failure))
        except Misconfigured as refused:
            return Turn(Move.STOP, error=refused)
        limit = self._limit(task)
        if limit is None:
            return Turn(Move.LEAVE)
        task.sent_at = self._clock.now()
        task.tries += 1
        allowed = limit - time.monotonic()
        with deadline.not_after(limit):
            ending, record, error = self._call(task, request)
        task.answered_at = self._clock.now()
        turn = self._turn(task, ending, record, error)
        if error is not None and error.code == "DEADLINE" and allowed < self._call_deadline / 2:
            # It was the asker who had no time left; that says nothing about the agency.
            return replace(turn, ok=None)
        return turn

    def _open(self, task: Task) -> Any:
        try:
            request = open_request(task, self._keys)
        except CannotDecryptError:
            if self._key_fits:
                raise UnusableError(unreadable_key()) from None
            raise Misconfigured("MASTER_KEY", diagnosis=_MASTER_KEY) from None
        self._key_fits = True
        return request

    def _limit(self, task: Task) -> float | None:
        """The monotonic moment by which a call that starts now must be over; None when the lease is lost.

        An exchange has no lease: a read that is made twice does no harm. It must not outlive who waits for it.
        """
        if task.exchange is not None:
            left = (task.exchange.until - self._clock.now()).total_seconds()
            return None if left <= 0 else time.monotonic() + min(left, self._call_deadline)
        for last in (False, True):
            # Read before the clock: a process that is stopped in between finds the limit gone when it wakes up.
            limit = time.monotonic() + self._call_deadline
            if task.lease_until is None:
                return limit
            if may_send(self._clock.now(), task.lease_until, self._call_deadline, self._margin):
                return limit
            if not last:
                try:
                    self._renew(task)
                except UnavailableError:
                    return None
        return None

    def _call(self, task: Task, request: Any) -> tuple[Ending, Record | None, AgencyError | None]:
        operation = task.operation
        if operation is None:
            raise RuntimeError("a request for an unknown operation was not refused")
        try:
            if task.phase == "send":
                with self._sampler.watching(operation.name) if self._sampler else nullcontext():
                    return "record", operation.invoke(self._connector, request, task.data.reference), None
            record = operation.look_up(self._connector, request, task.data.reference)
        except AgencyError as error:
            return error.kind, None, error
        except Exception:
            # A mistake in a connector; its message may quote what was sent.
            log.exception("a connector stumbled", operation=operation.qualified, request_id=task.request_id)
            kind = InDoubt if operation.effect == "write" else BadData
            stumbled = kind("INTERNAL", diagnosis=diagnoses.UNREADABLE, owner="us")
            return stumbled.kind, None, stumbled
        return ("unknown" if record is None else "record"), record, None

    def _turn(self, task: Task, ending: Ending, record: Record | None, error: AgencyError | None) -> Turn:
        if error is not None:
            log.info("call failed", operation=task.data.operation, phase=task.phase, kind=error.kind, code=error.code)
        effect = task.operation.effect if task.operation else "read"
        if task.phase == "look_up":
            task.look_ups = 0 if ending in ("record", "unknown") else task.look_ups + 1
        if error is None or error.doubtful:
            task.sent = True
        if self._naive:
            move = after_naive_call(ending)
        else:
            move = after_call(
                task.phase,
                ending,
                effect,
                reconcilable=task.reconcilable,
                look_ups_left=task.look_ups < self._backoff.look_ups,
            )
        return Turn(move, ending, self._answer(task, move, record, error), error, ok=_answered(error))

    def _answer(self, task: Task, move: Move, record: Record | None, error: AgencyError | None) -> Answer | None:
        if move is Move.ANSWER and record is not None:
            return answers.of_record(task, record)
        if move is Move.GIVE_UP:
            return answers.of_doubt(task, error.code if error is not None else "UNKNOWN")
        if move is Move.REJECT and error is not None:
            return answers.of_rejection(error)
        if move is Move.FAIL and error is not None:
            return answers.of_failure(answers.failure_of(error))
        return None


def margin(lease_seconds: float, call_deadline: float) -> float:
    """Seconds of a lease that are left unused, for what happens between the check and the first byte."""
    return min(1.0, (lease_seconds - call_deadline) / 4)


_ASKED_TO_WAIT = frozenset({"HTTP_425", "HTTP_429"})


def _answered(error: AgencyError | None) -> bool:
    """Whether the agency is there: an error that it chose counts as an answer."""
    if isinstance(error, Retriable):
        return error.code in _ASKED_TO_WAIT
    return not isinstance(error, InDoubt)
