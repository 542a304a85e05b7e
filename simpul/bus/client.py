"""What all our Kafka clients have in common: where the cluster is, how patiently it is sought, what must be installed."""

import socket
from typing import Any

from kafka.codec import has_lz4
from kafka.record import util

from simpul.bus.errors import BusMisconfiguredError, BusUnreachableError
from simpul.config import Settings


def require_fast_codecs() -> None:
    """Refuse to go on without the C implementations of CRC-32C and LZ4.

    kafka-python falls back to a checksum in pure Python, which is four to ten times slower, without a word.

    Raises:
        BusMisconfiguredError: One of them is missing.
    """
    if util.crc32c_c is None:
        raise BusMisconfiguredError("The C extension crc32c is missing: install kafka-python[crc32c,lz4].")
    if not has_lz4():
        raise BusMisconfiguredError("The package lz4 is missing: install kafka-python[crc32c,lz4].")


def connection(settings: Settings) -> dict[str, Any]:
    """Arguments that every client of kafka-python takes."""
    return {
        "bootstrap_servers": addresses(settings.kafka_bootstrap),
        # The default of 30 s would leave us idle long after a broker has come back.
        "reconnect_backoff_max_ms": 1000,
        "metadata_max_age_ms": 60_000,
    }


def addresses(bootstrap: str) -> list[str]:
    """The brokers in a comma-separated list."""
    return [address.strip() for address in bootstrap.split(",")]


def listens(address: str, seconds: float) -> bool:
    """Whether anything takes connections at host:port."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=seconds):
            return True
    except (OSError, ValueError):
        return False


def require_reachable(settings: Settings, seconds: float = 2.0) -> None:
    """Say at once that no broker is there; a client would try for its whole time-out.

    Raises:
        BusUnreachableError: None of the brokers takes connections.
    """
    if not any(listens(address, seconds) for address in addresses(settings.kafka_bootstrap)):
        raise BusUnreachableError("Kafka cannot be reached: look at SIMPUL_KAFKA_BOOTSTRAP and at the broker.")


def physical(settings: Settings, name: str) -> str:
    """A topic's or group's name on the cluster."""
    return settings.topic_prefix + name


def logical(settings: Settings, name: str) -> str:
    """A topic's own name, without the installation's prefix."""
    return name.removeprefix(settings.topic_prefix)
