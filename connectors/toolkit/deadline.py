"""The total wall-clock deadline of a call: one watchdog thread cuts the connection of any call that is past it.

A socket time-out cannot do that, because an agency that sends one byte a second never trips it.
"""

import math
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_here = threading.local()


@contextmanager
def not_after(limit: float) -> Iterator[None]:
    """No call that this thread makes inside the block goes on after a moment of the monotonic clock.

    Who holds a lease says by this when it ends: a process that was stopped in between sends nothing when it wakes up.
    """
    _here.limit = limit
    try:
        yield
    finally:
        del _here.limit


class Lever:
    """A second handle on a connected socket, to cut it from another thread.

    A handle of its own because TLS wraps the first one, and shutting down a TLS socket object that another thread
    reads from is not safe.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._handle: socket.socket | None = connected.dup()
        self._lock = threading.Lock()

    def pull(self) -> None:
        """Cuts the connection; harmless when it is closed already."""
        with self._lock:
            if self._handle is not None:
                try:
                    self._handle.shutdown(socket.SHUT_RDWR)
                except OSError:
                    # The other side was faster.
                    return

    def close(self) -> None:
        """Lets go of the handle."""
        with self._lock:
            if self._handle is not None:
                self._handle.close()
                self._handle = None


class Call:
    """One call to an agency, from before it connects until its answer is whole.

    Attributes:
        deadline: On the monotonic clock.
        expired: The watchdog ended it.
        sent: The first byte of the request may have left.
        lever: What cuts the connection it uses, once it has one.
    """

    __slots__ = ("deadline", "expired", "lever", "sent")

    def __init__(self, seconds: float) -> None:
        self.deadline = min(time.monotonic() + seconds, getattr(_here, "limit", math.inf))
        self.expired = False
        self.sent = False
        self.lever: Lever | None = None

    @property
    def over(self) -> bool:
        """Whether nothing may be sent any more."""
        return self.expired or time.monotonic() >= self.deadline


class Watchdog:
    """Ends calls at their deadline.

    Its thread sleeps until the earliest deadline that was there when it last looked, so a call costs one dictionary
    entry, and the thread wakes about once per deadline however many calls there are.
    """

    def __init__(self) -> None:
        self._calls: dict[int, Call] = {}
        self._changed = threading.Condition()
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    def watch(self, call: Call) -> None:
        """From now on the call ends at its deadline."""
        self._calls[id(call)] = call
        if self._thread is None or call.deadline < self._wakes_at:
            with self._changed:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="call-deadlines", daemon=True)
                    self._thread.start()
                self._changed.notify()

    def release(self, call: Call) -> bool:
        """The call is over. False when the watchdog was first, and the connection is or is about to be cut."""
        return self._calls.pop(id(call), None) is not None

    def _run(self) -> None:
        with self._changed:
            while True:
                # Said before looking: a call that comes while we look sees that it must wake us.
                self._wakes_at = math.inf
                earliest = self._end_what_is_over()
                self._wakes_at = min(self._wakes_at, earliest)
                self._changed.wait(None if earliest == math.inf else max(0.0, earliest - time.monotonic()))

    def _end_what_is_over(self) -> float:
        now = time.monotonic()
        earliest = math.inf
        for key, call in self._calls.copy().items():
            if call.deadline > now:
                earliest = min(earliest, call.deadline)
            elif self._calls.pop(key, None) is not None:
                call.expired = True
                lever = call.lever
                if lever is not None:
                    lever.pull()
        return earliest

    def after_fork(self) -> None:
        """A forked child has no watchdog thread and none of the parent's calls."""
        self.__init__()  # type: ignore[misc]


WATCHDOG = Watchdog()
os.register_at_fork(after_in_child=WATCHDOG.after_fork)
