"""How far one partition is done when its messages are acknowledged in any order. Pure: knows no Kafka."""

from collections import deque


class Offsets:
    """What was delivered from one partition, what of it is acknowledged, and what may be committed.

    An offset that may be committed is the one to start from after a restart: everything below it is acknowledged.
    Offsets may have gaps, as compaction and transaction markers leave them.
    """

    __slots__ = ("_acknowledged", "_waiting", "committed", "position")

    def __init__(self) -> None:
        self._waiting: deque[int] = deque()
        self._acknowledged: set[int] = set()
        self.position: int | None = None
        """The offset after the last one delivered; none before the first."""
        self.committed: int | None = None
        """The offset last committed; none before the first."""

    @property
    def unacknowledged(self) -> int:
        """How many delivered messages wait for their acknowledgement."""
        return len(self._waiting) - len(self._acknowledged)

    def deliver(self, offset: int) -> None:
        """Take note that a message went out; offsets must rise.

        Raises:
            ValueError: The offset is not above the last one.
        """
        if self.position is not None and offset < self.position:
            raise ValueError(f"offset {offset} was delivered before")
        self._waiting.append(offset)
        self.position = offset + 1

    def awaits(self, offset: int) -> bool:
        """Whether the message was delivered and is not acknowledged yet."""
        # The queue's ends bound it: what is below was done, what is above was never delivered.
        if not self._waiting or not self._waiting[0] <= offset <= self._waiting[-1]:
            return False
        return offset not in self._acknowledged

    def acknowledge(self, offset: int) -> bool:
        """Take note that a message's effect is durable.

        Returns:
            False where nobody waits for it: acknowledged before, or delivered before a rebalance and not again since.
        """
        if not self.awaits(offset):
            return False
        self._acknowledged.add(offset)
        while self._waiting and self._waiting[0] in self._acknowledged:
            self._acknowledged.discard(self._waiting.popleft())
        return True

    def to_commit(self) -> int | None:
        """The offset that may be committed; none if there is nothing new since the last commit."""
        offset = self._waiting[0] if self._waiting else self.position
        return None if offset == self.committed else offset

    def seek(self, offset: int) -> None:
        """Go on from here; forget what was delivered before."""
        self._waiting.clear()
        self._acknowledged.clear()
        self.position = offset
