"""The projector's offsets, stored with what they stand for, by cluster, topic id and partition.

A broker that was wiped has another topic id, and a projector that lost its partition sees that the stored offset has
moved on: neither can make the ledger skip or repeat.
"""

from sqlalchemy import Connection, text


class SetBackError(Exception):
    """The stored offset is behind what this projector has stored before: the ledger was restored from a backup."""


_CURRENT = text("""
INSERT INTO projected AS p (cluster, topic_id, partition, next_offset) VALUES (:cluster, :topic_id, :partition, 0)
ON CONFLICT (cluster, topic_id, partition) DO UPDATE SET next_offset = p.next_offset RETURNING next_offset
""")
_ADVANCE = text("""
UPDATE projected SET next_offset = :to
WHERE cluster = :cluster AND topic_id = :topic_id AND partition = :partition AND next_offset = :expected
""")


def current(connection: Connection, cluster: str, topic_id: str, partition: int) -> int:
    """The offset at which the projection goes on, its row locked; 0 for a partition it has never read."""
    parameters = {"cluster": cluster, "topic_id": topic_id, "partition": partition}
    return int(connection.execute(_CURRENT, parameters).scalar_one())


def advance(connection: Connection, cluster: str, topic_id: str, partition: int, *, expected: int, to: int) -> None:
    """Move a partition's offset on, in the transaction that stores what was read.

    Raises:
        SetBackError: The stored offset is not the expected one.
    """
    moved = connection.execute(
        _ADVANCE,
        {"cluster": cluster, "topic_id": topic_id, "partition": partition, "expected": expected, "to": to},
    )
    if moved.rowcount != 1:
        raise SetBackError(f"the stored offset of partition {partition} is not {expected}")
