"""SIGTERM and SIGINT, as the long-running commands take them: stop in order."""

import signal
import threading
from collections.abc import Callable


def on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` when the process is asked to end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())


def stop_event() -> threading.Event:
    """An event that is set when the process is asked to end."""
    stop = threading.Event()
    on_stop(stop.set)
    return stop
