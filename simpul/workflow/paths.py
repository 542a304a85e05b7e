"""What a request map may hold besides paths: a choice from a table. Evaluated by `simpul.expressions`."""

from collections.abc import Mapping
from typing import Any


def choose(by: str, among: Mapping[str, Any]) -> dict[str, Any]:
    """A value that depends on another: `choose("form.book", {"5 years": 650000, "10 years": 950000})`.

    Args:
        by: Path to the deciding value, a string.
        among: That value to ours. A value that is not in it makes an incident, so the table must be complete.
    """
    return {"by": by, "among": dict(among)}
