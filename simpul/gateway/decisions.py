"""What to do next with an attempt: design rules 7 and 8 as tables. Pure; whoever calls, stores or publishes is elsewhere.

Two moments ask for a decision: an attempt is taken up (new, due again, or found with an expired lease), and a call
that was made for it has ended.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Literal

Effect = Literal["read", "idempotent", "repeatable", "write"]
State = Literal["leased", "backing_off", "in_doubt", "answered"]
Phase = Literal["send", "look_up"]
Ending = Literal["record", "unknown", "retriable", "rejected", "misconfigured", "in_doubt", "bad_data"]
"""How a call ended: with a record; with "I do not know this reference" (a look-up only); or with an error's kind."""


class Move(Enum):
    """What happens next."""

    LEAVE = "somebody holds it, or it is done with"
    SEND = "call the agency"
    LOOK_UP = "ask the agency by our reference whether it happened, at once"
    LOOK_UP_LATER = "ask the agency by our reference, after a back-off"
    BACK_OFF = "call the agency again, after a back-off"
    ANSWER = "publish the record"
    REJECT = "publish the agency's no"
    FAIL = "publish that it failed: quarantine, an operator looks at it"
    GIVE_UP = "publish that it stays in doubt: an operator asks the agency"
    STOP = "stop the connector; the attempt waits until it is resumed"


def take_up(state: State, effect: Effect, *, expired: bool, reconcilable: bool) -> Move:
    """What to do with a stored attempt that is met again.

    Args:
        expired: Its lease is over, or it is due after a back-off; otherwise somebody holds it.
        reconcilable: The agency can be asked by our reference.
    """
    if state == "answered" or not expired:
        return Move.LEAVE
    if state == "backing_off" or effect != "write":
        # Backing off means that the last call is known to have come to nothing; and where a repeat does no harm,
        # an attempt whose holder vanished is simply made again.
        return Move.SEND
    return Move.LOOK_UP if reconcilable else Move.GIVE_UP


_AFTER_SEND: dict[Ending, Move] = {
    "record": Move.ANSWER,
    "rejected": Move.REJECT,
    "bad_data": Move.FAIL,
    "misconfigured": Move.STOP,
    "retriable": Move.BACK_OFF,
    "in_doubt": Move.BACK_OFF,  # a write goes by _AFTER_DOUBTFUL_WRITE
}
_AFTER_DOUBTFUL_WRITE: dict[bool, Move] = {True: Move.LOOK_UP_LATER, False: Move.GIVE_UP}
_AFTER_LOOK_UP: dict[Ending, Move] = {
    "record": Move.ANSWER,
    "unknown": Move.SEND,
    "misconfigured": Move.STOP,
    # Everything else is no answer to the question that was asked: not even a "no" says whether the write happened.
    "rejected": Move.LOOK_UP_LATER,
    "bad_data": Move.LOOK_UP_LATER,
    "retriable": Move.LOOK_UP_LATER,
    "in_doubt": Move.LOOK_UP_LATER,
}


def after_call(phase: Phase, ending: Ending, effect: Effect, *, reconcilable: bool, look_ups_left: bool) -> Move:
    """What to do when a call has ended.

    Args:
        reconcilable: The agency can be asked by our reference.
        look_ups_left: One more look-up may be tried, should this one have brought no answer.
    """
    if phase == "send":
        if ending == "in_doubt" and effect == "write":
            return _AFTER_DOUBTFUL_WRITE[reconcilable]
        return _AFTER_SEND[ending]
    move = _AFTER_LOOK_UP[ending]
    return Move.GIVE_UP if move is Move.LOOK_UP_LATER and not look_ups_left else move


def after_naive_call(ending: Ending) -> Move:
    """The same with attempts switched off: doubt is ignored. The negative control of the fault tests, nothing else."""
    return _AFTER_SEND[ending]


def may_send(now: datetime, lease_until: datetime, call_deadline: float, margin: float) -> bool:
    """Whether a call that starts now is over before the lease is."""
    return now < lease_until - timedelta(seconds=call_deadline + margin)


_STILL_AT_WORK = frozenset({"HTTP_502", "HTTP_504"})


def agency_is_done(code: str) -> bool:
    """Whether an error is the agency's own answer, so that nothing of the call can be under way there any more.

    A proxy's 502 and 504, a broken connection and a deadline say nothing about the system behind.
    """
    return code.startswith("HTTP_") and code not in _STILL_AT_WORK


@dataclass(frozen=True)
class Backoff:
    """Jittered exponential waiting. Ten look-ups with the defaults take about four minutes.

    Attributes:
        base: Seconds after the first failure, before jitter.
        cap: Most seconds.
        look_ups: Look-ups without an answer after which a doubtful write becomes an operator's.
    """

    base: float = 1.0
    cap: float = 60.0
    look_ups: int = 10

    def delay(
        self, failures: int, retry_after: float | None = None, *, jitter: Callable[[], float] = random.random
    ) -> timedelta:
        """How long to wait after so many failures in a row (from 1): 50 to 100 % of the step, never above the cap.

        What the agency asked for (`retry_after`) is honoured, up to the cap.
        """
        step = min(self.cap, self.base * 2.0 ** min(max(failures, 1) - 1, 30))
        own = step * (0.5 + jitter() / 2)
        return timedelta(seconds=min(self.cap, max(own, retry_after or 0.0)))
