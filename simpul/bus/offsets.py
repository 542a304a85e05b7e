"""How far one partition is done when its messages are acknowledged in any order. Pure: knows no Kafka."""


class Offsets:
    """What was delivered from one partition, what of it is acknowledged, and what may be committed.

    An offset that may be committed is the one to start from after a restart: everything below it is acknowledged.
    Offsets may have gaps, as compaction and transaction markers leave them.
    """

    __slots__ = ("_open", "committed", "position")

    def __init__(self) -> None:
        # In the order of delivery, which is that of the offsets: the first is the lowest.
        self._open: dict[int, None] = {}
        self.position: int | None = None
        """The offset after the last one delivered; none before the first."""
        self.committed: int | None = None
        """The offset last committed; none before the first."""

    @property
    def unacknowledged(self) -> int:
        """How many delivered messages wait for their acknowledgement."""
        return len(self._open)

    def deliver(self, offset: int) -> None:
        """Take note that a message went out.

        An offset below the last one means that the partition was cut short or made anew under our feet: what was
        delivered before is forgotten.
        """
        if self.position is not None and offset < self.position:
            self.seek(offset)
        self._open[offset] = None
        self.position = offset + 1

    def awaits(self, offset: int) -> bool:
        """Whether the message was delivered and is not acknowledged yet."""
        return offset in self._open

    def acknowledge(self, offset: int) -> bool:
        """Take note that a message's effect is durable.

        Returns:
            False where nobody waits for it: acknowledged before, or delivered before a rebalance and not again since.
        """
        if offset not in self._open:
            return False
        del self._open[offset]
        return True

    def to_commit(self) -> int | None:
        """The offset that may be committed; none if there is nothing new since the last commit."""
        offset = next(iter(self._open), self.position)
        return None if offset == self.committed else offset

    def seek(self, offset: int) -> None:
        """Go on from here; forget what was delivered before."""
        self._open.clear()
        self.position = offset
        self.committed = None
