"""Picks TCP ports on loopback: the customary one where it is free, any other where it is not."""

import random
import socket
import sys
from contextlib import suppress

LOOPBACK = "127.0.0.1"
# Below the ports that operating systems give to outgoing connections (Linux: from 32768 on), one of which could take
# a port between its choice and its server's start.
_RANGE = range(18_000, 32_000)
_reserved: dict[int, socket.socket] = {}


def is_open(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody accepts connections there."""
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def is_free(port: int) -> bool:
    """Whether a server could be started there."""
    with suppress(OSError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))
        return True
    return False


def pick(preferred: int | None = None) -> int:
    """The preferred port when it is free, otherwise a free one; never the same to two processes that live."""
    candidates = [preferred] if preferred else []
    candidates += random.sample(_RANGE, 200)
    return next(port for port in candidates if is_free(port) and _reserve(port))


def _reserve(port: int) -> bool:
    """Keep a port from others who pick one here before its server has started, until this process ends."""
    if port in _reserved:
        return False
    mark = socket.socket(socket.AF_UNIX)
    try:
        if sys.platform == "linux":
            # An abstract address: only one process can have it, and none is left behind.
            mark.bind(f"\0simpul-port-{port}")
    except OSError:
        mark.close()
        return False
    _reserved[port] = mark
    return True
