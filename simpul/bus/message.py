"""A message as the consumer loop hands it over, and how bytes become one."""

from typing import NamedTuple

from pydantic import ValidationError

from schemas.envelope import Envelope


class Coordinates(NamedTuple):
    """Where a message lies."""

    topic: str
    partition: int
    offset: int


class Message(NamedTuple):
    """One message with its envelope read.

    Attributes:
        topic: Without the installation's prefix.
        partition: Number of the partition.
        offset: Place in the partition.
        key: As text; empty where there is none.
        envelope: The CloudEvent.
        raw: The value as it came.
        leader_epoch: The partition leader's epoch when it was written, -1 if unknown.
        timestamp: When it was written, in milliseconds since 1970.
    """

    topic: str
    partition: int
    offset: int
    key: str
    envelope: Envelope
    raw: bytes
    leader_epoch: int = -1
    timestamp: int = -1


class UnreadableError(ValueError):
    """The bytes are no message of ours; the text says why and shows nothing of them."""


def read_envelope(value: bytes | None) -> Envelope:
    """The envelope in a message's value.

    Raises:
        UnreadableError: There is none.
    """
    if value is None:
        raise UnreadableError("the message is empty")
    try:
        return Envelope.from_bytes(value)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        raise UnreadableError("; ".join(_line(problem["loc"], problem["msg"]) for problem in problems)) from None


def read_key(key: bytes | None) -> str:
    """A message's key as text.

    Raises:
        UnreadableError: It is not UTF-8.
    """
    try:
        return (key or b"").decode()
    except UnicodeDecodeError:
        raise UnreadableError("the key is not text") from None


def _line(location: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, location))}: {message}" if location else message
