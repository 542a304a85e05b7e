"""Messages that nobody can read or handle: how they are laid aside, and how they are looked at.

The value is the original message, byte by byte, and so is the key; why and where from stand in headers.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from simpul.bus.message import Coordinates
from simpul.bus.producer import Producer
from simpul.bus.topics import DEAD_LETTERS

_PREFIX = "simpul-"
_HEADERS = ("reason", "group", "topic", "partition", "offset", "written-at")
_REASON_AT_MOST = 1000


class DeadLetter(NamedTuple):
    """A message to be laid aside.

    Attributes:
        origin: Where it lies; the topic without the installation's prefix.
        key: As it came.
        value: As it came; an empty message becomes empty bytes.
        reason: Why, in a line that shows nothing of the message.
        group: The consumer group that could not handle it.
        written_at: When it was first written.
    """

    origin: Coordinates
    key: bytes | None
    value: bytes | None
    reason: str
    group: str
    written_at: datetime


def bury(producer: Producer, letters: list[DeadLetter]) -> None:
    """Put messages on the dead-letter topic and wait until they are durable there.

    Raises:
        NotPublishedError: They may not be.
    """
    for letter in letters:
        producer.send_bytes(DEAD_LETTERS, letter.key, letter.value or b"", _headers(letter))
    producer.flush()


def read(key: bytes | None, value: bytes, headers: Mapping[str, bytes]) -> DeadLetter:
    """A dead letter from a message of the dead-letter topic.

    Raises:
        KeyError: A header is missing: someone else wrote it.
        ValueError: A header is not what it should be.
    """
    said = {name: headers[_PREFIX + name].decode() for name in _HEADERS}
    return DeadLetter(
        origin=Coordinates(said["topic"], int(said["partition"]), int(said["offset"])),
        key=key,
        value=value,
        reason=said["reason"],
        group=said["group"],
        written_at=datetime.fromisoformat(said["written-at"]),
    )


def _headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    said = (
        letter.reason[:_REASON_AT_MOST],
        letter.group,
        letter.origin.topic,
        str(letter.origin.partition),
        str(letter.origin.offset),
        letter.written_at.isoformat(),
    )
    return [(_PREFIX + name, text.encode()) for name, text in zip(_HEADERS, said, strict=True)]
