"""What the bus raises, so that nobody else needs to know the Kafka client's errors. None of them shows a message."""


class BusError(RuntimeError):
    """Something about Kafka stands in the way."""


class BusMisconfiguredError(BusError):
    """Waiting will not help: a library is missing, or the cluster refuses us. An operator has to act."""


class BusUnreachableError(BusError):
    """No broker listens where SIMPUL_KAFKA_BOOTSTRAP says."""


class NotPublishedError(BusError):
    """Messages given to a producer are not confirmed. Send them again: their ids let consumers drop what came twice.

    Attributes:
        count: How many messages since the last flush are not confirmed.
        cause: The class of the Kafka client's error, of the first of them.
    """

    def __init__(self, count: int, cause: str) -> None:
        super().__init__(f"{count} message(s) not confirmed by Kafka: {cause}")
        self.count = count
        self.cause = cause
