"""How far the ledger's applications are, in figures: for benchmarks and acceptance tests."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from simpul.ledger.cases import CLOSED


@dataclass(frozen=True, slots=True)
class Backlog:
    """Applications by state, and the waves that carried them."""

    by_state: Mapping[str, int]
    waves: int
    mean_wave_size: float

    @property
    def closed(self) -> int:
        """Applications that have ended."""
        return sum(count for state, count in self.by_state.items() if state in CLOSED)

    @property
    def completed(self) -> int:
        """Applications of which every step is done."""
        return self.by_state.get("completed", 0)


def backlog(connection: Connection) -> Backlog:
    """The figures of now, over all applications."""
    states = connection.execute(text("SELECT state, count(*) AS n FROM application GROUP BY state"))
    by_state = {row.state: row.n for row in states}
    waves = connection.execute(text("SELECT count(*) AS n, coalesce(avg(size), 0) AS mean FROM wave")).one()
    return Backlog(by_state, waves.n, float(waves.mean))
