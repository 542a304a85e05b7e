"""Says whether a container's process works: `health.py URL`, or `health.py URL COMPONENT` for a part of Airflow.

Only the standard library: it runs every few seconds, and importing Airflow to ask it would cost more than the answer.
"""

# ruff: noqa: INP001 - a script by itself

import json
import sys
import urllib.request

SECONDS = 5


def healthy(url: str, component: str | None = None) -> bool:
    """Whether the address answers with 2xx and, where a component is named, whether Airflow calls it healthy."""
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310  # an address from the compose file
        return component is None or json.load(answer)[component]["status"] == "healthy"


if __name__ == "__main__":
    try:
        sys.exit(not healthy(*sys.argv[1:3]))
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"{type(error).__name__}")
