"""Whether a cluster answers. Asks without a client's patience, so that who waits for a broker can ask often."""

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from simpul.bus.client import addresses, listens


def answers(bootstrap: str, seconds: float) -> bool:
    """Whether a broker at `bootstrap` (host:port, comma separated) answers with a broker in its metadata.

    Args:
        bootstrap: As `Settings.kafka_bootstrap`.
        seconds: Most time that each of connecting and asking may take.
    """
    # The client retries a closed port with back-off and logs each try; a bare connect says no at once.
    if not any(listens(address, seconds) for address in addresses(bootstrap)):
        return False
    milliseconds = int(seconds * 1000)
    try:
        with KafkaAdminClient(
            bootstrap_servers=addresses(bootstrap),
            bootstrap_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds,
        ) as admin:
            return bool(admin.describe_cluster()["brokers"])
    except (KafkaError, OSError):
        return False
