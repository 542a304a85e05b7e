"""How agencies are, as gateways and watches last said: running or stopped, the circuit, failing feeds, drift."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

_AGENCIES = text("SELECT agency, state, circuit, failure FROM agency")
_FEEDS = text("SELECT agency, feed, failure FROM feed WHERE failure IS NOT NULL ORDER BY agency, feed")
_DRIFT = text("SELECT DISTINCT agency FROM incident WHERE kind = 'drift' AND resolved_at IS NULL")


def agencies(connection: Connection) -> Mapping[str, str]:
    """A few words for every agency that a gateway has ever run for; none for the others."""
    said: dict[str, list[str]] = {}
    for row in connection.execute(_AGENCIES):
        if row.state == "stopped":
            said[row.agency] = [f"stopped ({(row.failure or {}).get('code', 'by an operator')})"]
        else:
            said[row.agency] = [row.state if row.circuit == "closed" else f"circuit {row.circuit}"]
    for row in connection.execute(_FEEDS):
        said.setdefault(row.agency, []).append(f"feed {row.feed} fails ({row.failure['code']})")
    for agency in connection.execute(_DRIFT).scalars():
        said.setdefault(agency, []).append("drifted")
    return {agency: ", ".join(words) for agency, words in said.items()}
