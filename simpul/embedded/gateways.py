"""Which agencies' gateways share a process on one machine: the busiest have one each, the others are together in one.

A mall has some twenty agencies, and a process for each would leave a small machine no room for the work itself. Busy is who
has most steps in the published services. Where each has a machine's worth of work, each has processes of its own.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

OTHERS = "others"


def groups(agencies: Sequence[str], dags: Path, alone: int) -> dict[str, tuple[str, ...]]:
    """Agencies by the name of their process: the agency's own, or `others`.

    Args:
        agencies: All there are.
        dags: The folder of services, for its `published` definitions.
        alone: How many have a process of their own.
    """
    steps = _steps(dags)
    busiest = sorted(agencies, key=lambda agency: (-steps[agency], agency))
    own, others = busiest[:alone], busiest[alone:]
    if len(others) == 1:
        own, others = busiest, []
    return {**{agency: (agency,) for agency in sorted(own)}, **({OTHERS: tuple(sorted(others))} if others else {})}


def _steps(dags: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in (dags / "published").glob("*.json"):
        for step in json.loads(path.read_bytes())["steps"]:
            found[str(step.get("operation") or "").partition(".")[0]] += 1
    return found
