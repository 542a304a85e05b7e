"""W3C trace context, level 1: the `traceparent` that ties an application's messages together. No exporter lives here."""

import os
import re

_FORM = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")
_SAMPLED = "01"


def new() -> str:
    """The traceparent of a new trace, sampled."""
    return f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-{_SAMPLED}"


def child(traceparent: str | None) -> str:
    """A traceparent in the same trace with a span of its own; a new trace where none, or a malformed one, came in."""
    found = _FORM.match(traceparent or "")
    if found is None or found.group(1) == "0" * 32 or found.group(2) == "0" * 16 or traceparent[:2] == "ff":  # type: ignore[index]  # it matched, so it is text
        return new()
    return f"00-{found.group(1)}-{os.urandom(8).hex()}-{found.group(3)}"


def trace_id(traceparent: str) -> str:
    """The part that all spans of a trace share: 32 hex digits, empty where the text is no traceparent."""
    found = _FORM.match(traceparent)
    return found.group(1) if found else ""
