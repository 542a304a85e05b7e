"""Picks TCP ports on loopback: the customary one where it is free, any other where it is not."""

import socket
from contextlib import suppress

LOOPBACK = "127.0.0.1"


def is_open(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody accepts connections there."""
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def pick(preferred: int = 0) -> int:
    """The preferred port when it is free, otherwise a free one.

    Nothing reserves it: who starts a server there must cope with losing it, as the supervisor does by trying again.
    """
    for port in (preferred, 0):
        with suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return int(probe.getsockname()[1])
    raise OSError("no free port on loopback")
