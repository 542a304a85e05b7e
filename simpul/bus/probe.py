"""Whether a cluster answers. Asks without a client's patience, so that who waits for a broker can ask often."""

import socket

from kafka import KafkaAdminClient
from kafka.errors import KafkaError


def answers(bootstrap: str, seconds: float) -> bool:
    """Whether a broker at `bootstrap` (host:port, comma separated) answers with a broker in its metadata.

    Args:
        bootstrap: As `Settings.kafka_bootstrap`.
        seconds: Most time the question may take.
    """
    # The client retries a closed port with back-off and logs each try; a bare connect says no at once.
    if not any(_listens(address, seconds) for address in bootstrap.split(",")):
        return False
    try:
        with KafkaAdminClient(
            bootstrap_servers=bootstrap.split(","),
            bootstrap_timeout_ms=int(seconds * 1000),
            request_timeout_ms=int(seconds * 1000),
        ) as admin:
            return bool(admin.describe_cluster()["brokers"])
    except (KafkaError, OSError):
        return False


def _listens(address: str, seconds: float) -> bool:
    host, _, port = address.strip().rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=seconds):
            return True
    except (OSError, ValueError):
        return False
