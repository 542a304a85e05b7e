"""Repeating a piece of work until told to stop: quickly while there is work, patiently while something is away."""

import threading
import traceback
from collections.abc import Callable

import structlog

from simpul.bus.errors import BusError
from simpul.ledger import UNAVAILABLE

log = structlog.get_logger(__name__)

_AWAY: tuple[type[Exception], ...] = (*UNAVAILABLE, BusError, OSError)
_PATIENCE = 5.0  # seconds between tries while a dependency stays away


def repeat(name: str, once: Callable[[], int], stop: threading.Event, *, idle: float) -> None:
    """Call `once` until `stop` is set: at once again while it returns more than 0, after `idle` seconds otherwise.

    The ledger or the broker being away is logged and waited for; anything else is logged and tried again too, since
    whatever `once` does is a transaction that was rolled back.
    """
    failures = 0
    while not stop.is_set():
        try:
            worked = once()
        except _AWAY as error:
            failures += 1
            log.warning("away", loop=name, error=type(error).__name__, failures=failures)
        except Exception as error:  # noqa: BLE001  # a loop outlives what it repeats
            failures += 1
            # where it broke, never its values: a frame or a message may hold a form
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{frame.filename}:{frame.lineno}"
            log.error("broken", loop=name, error=type(error).__name__, where=where, failures=failures)  # noqa: TRY400
        else:
            failures = 0
            if worked:
                continue
        stop.wait(min(idle * 2 ** min(failures, 10), _PATIENCE))
