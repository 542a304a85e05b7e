"""Which partitions a consumer loop holds, and how far each is done. Decides nothing about when to ask Kafka."""

import threading
from collections.abc import Iterable
from typing import Protocol

from simpul.bus.message import Message
from simpul.bus.offsets import Offsets

Partition = tuple[str, int]
"""A topic, without the installation's prefix, and the number of a partition."""


class Placed(Protocol):
    """A message, or the coordinates of one."""

    @property
    def topic(self) -> str: ...  # noqa: D102
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102


class Assignment:
    """The offsets of the partitions held. Safe to use from any thread: acknowledgements come from many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[Partition, Offsets] = {}

    def held(self) -> set[Partition]:
        """The partitions held."""
        with self._lock:
            return set(self._held)

    def replace(self, partitions: Iterable[Partition]) -> tuple[set[Partition], set[Partition]]:
        """Hold exactly these from now on; what stays keeps its offsets.

        Returns:
            What was added, and what is gone.
        """
        wanted = set(partitions)
        with self._lock:
            added, gone = wanted - self._held.keys(), self._held.keys() - wanted
            for partition in gone:
                del self._held[partition]
            for partition in added:
                self._held[partition] = Offsets()
            return added, gone

    def deliver(self, partition: Partition, offsets: Iterable[int]) -> None:
        """Take note that messages go out, in their order."""
        with self._lock:
            held = self._held[partition]
            for offset in offsets:
                held.deliver(offset)

    def acknowledge(self, messages: Iterable[Placed]) -> None:
        """Take note that the effect of messages is durable; those of partitions no longer held are passed over."""
        with self._lock:
            for message in messages:
                offsets = self._held.get((message.topic, message.partition))
                if offsets is not None:
                    offsets.acknowledge(message.offset)

    def awaited(self, messages: Iterable[Message]) -> list[Message]:
        """Those messages that still wait for their acknowledgement here."""
        with self._lock:
            return [
                message
                for message in messages
                if (offsets := self._held.get((message.topic, message.partition))) and offsets.awaits(message.offset)
            ]

    def unacknowledged(self) -> int:
        """How many delivered messages wait for their acknowledgement."""
        with self._lock:
            return sum(offsets.unacknowledged for offsets in self._held.values())

    def position(self, partition: Partition) -> int | None:
        """The offset after the last one delivered; none before the first or when not held."""
        with self._lock:
            offsets = self._held.get(partition)
            return offsets.position if offsets else None

    def seek(self, partition: Partition, offset: int) -> None:
        """Go on from here, if held; what was delivered before is forgotten."""
        with self._lock:
            if partition in self._held:
                self._held[partition].seek(offset)

    def to_commit(self) -> dict[Partition, int]:
        """What may be committed and is not."""
        with self._lock:
            found = {partition: offsets.to_commit() for partition, offsets in self._held.items()}
        return {partition: offset for partition, offset in found.items() if offset is not None}

    def committed(self, offsets: dict[Partition, int]) -> None:
        """Take note of what was committed."""
        with self._lock:
            for partition, offset in offsets.items():
                if partition in self._held:
                    self._held[partition].committed = offset
