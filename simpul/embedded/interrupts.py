"""One way out for a command that runs child processes: SIGTERM and SIGHUP end it as Ctrl-C does, and Ctrl-C always."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """Within it these signals raise KeyboardInterrupt in the main thread, so that `finally` and `with` do their work.

    SIGINT too: a shell that starts a command in the background has it ignored.
    """
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, _interrupt) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
