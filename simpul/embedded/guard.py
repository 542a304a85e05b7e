"""Ends what a supervisor started, also when the supervisor itself was killed; runs as a process of its own.

Run as a plain file (`python -I -S guard.py MARK`) so that it costs a few milliseconds: standard library only. It waits
for the end of its standard input, which comes when the supervisor closes it or dies, and then kills every process that
carries the mark in its environment. Process groups do not suffice: Airflow and Postgres move children into their own.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

VARIABLE = "SIMPUL_SESSION"
_PROC = Path("/proc")


def marked(mark: str) -> list[int]:
    """Processes whose environment has the session variable equal to the mark, or below it (`mark/…`)."""
    entry = f"{VARIABLE}={mark}".encode()
    found = []
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            variables = (folder / "environ").read_bytes().split(b"\0")
            if any(variable == entry or variable.startswith(entry + b"/") for variable in variables):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def sweep(mark: str, groups: Iterable[int] = ()) -> None:
    """Kill the process groups and everything that carries the mark, until nothing does."""
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    for _ in range(200):
        pids = marked(mark)
        if not pids:
            return
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def main() -> None:
    """Wait for the end of standard input, whose lines are process groups, then sweep."""
    groups = {int(line) for line in sys.stdin if line.strip()}
    # A group's number may have been given to somebody else since; without /proc there is no better way to tell.
    sweep(sys.argv[1], () if _PROC.is_dir() else groups)


if __name__ == "__main__":
    main()
