"""The topics: what each carries, for whom, for how long. Creating them on a cluster is in `simpul.bus.admin`.

Imports no Kafka client, so that anyone may ask for a name.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from schemas.messages import OutcomeData, ReplyData, RequestData
from schemas.registry import RECORDS

OUTCOMES = "outcomes"
REPLIES = "replies"
DEAD_LETTERS = "dead-letters"

REPLY_PARTITIONS = 32
"""One for each console process that waits for replies: so many may do so at once."""

_BLINDED_NUMBER = "blinded application number"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as we declare it.

    Attributes:
        name: Without the installation's prefix.
        key: What a message's key is; equal keys keep their order.
        schema: Of `data` in the CloudEvents envelope, as name and version; or what else the value is.
        partitions: More consumers than this stay idle. Raising it moves keys to other partitions.
        retention: After it messages are deleted, read or not; none: kept for good.
        cleanup_policy: Kafka's `cleanup.policy`.
        owner: Who decides about it, and may write to it.
        purpose: What it is for, in a line.
    """

    name: str
    key: str
    schema: str
    partitions: int
    retention: timedelta | None
    owner: str
    purpose: str
    cleanup_policy: Literal["delete", "compact"] = "delete"

    def configs(self) -> dict[str, str]:
        """The topic's settings as Kafka has them."""
        milliseconds = -1 if self.retention is None else self.retention // timedelta(milliseconds=1)
        return {"cleanup.policy": self.cleanup_policy, "retention.ms": str(milliseconds)}


def requests_topic(agency: str) -> str:
    """The topic of requests to an agency."""
    return f"requests.{agency}"


def records_topic(schema_id: str) -> str:
    """The topic of a record, all its versions together: `person/1` is `records.person`."""
    return f"records.{schema_id.partition('/')[0]}"


def topics(agencies: Iterable[str] | None = None) -> list[Topic]:
    """All topics, those of the agencies first.

    Args:
        agencies: By default those of the connector registry.
    """
    if agencies is None:
        from connectors.registry import agencies as registered  # noqa: PLC0415  # looks through folders and packages

        agencies = registered()
    return [
        *(_requests(agency) for agency in agencies),
        Topic(
            name=OUTCOMES,
            key=_BLINDED_NUMBER,
            schema=OutcomeData.schema_id(),
            partitions=6,
            # As long as a projector may be down, or a ledger restored from a backup may have to catch up.
            retention=timedelta(days=14),
            owner="gateway",
            purpose="What came of each request, with its record: read by the projector",
        ),
        Topic(
            name=REPLIES,
            key="random, of the exchange",
            schema=ReplyData.schema_id(),
            partitions=REPLY_PARTITIONS,
            # Nobody waits longer than seconds; what is older is of no use to anyone.
            retention=timedelta(hours=1),
            owner="gateway",
            purpose="Answers to interactive reads, each on the partition of the console process that asked",
        ),
        *(_records(name) for name in sorted({records_topic(schema_id) for schema_id in RECORDS})),
        Topic(
            name=DEAD_LETTERS,
            key="as it came",
            schema="the original bytes; reason and origin in headers",
            partitions=1,
            retention=timedelta(days=90),
            owner="operator",
            purpose="Messages that could not be read or handled",
        ),
    ]


def _requests(agency: str) -> Topic:
    return Topic(
        name=requests_topic(agency),
        key=_BLINDED_NUMBER,
        schema=RequestData.schema_id(),
        partitions=6,
        retention=timedelta(days=7),
        owner="engine and console",
        purpose=f"Calls that the gateway of {agency} is asked to make, interactive reads among them",
    )


def _records(name: str) -> Topic:
    schema = next(schema_id for schema_id in reversed(RECORDS) if records_topic(schema_id) == name)
    return Topic(
        name=name,
        key=_BLINDED_NUMBER,
        schema=schema,
        partitions=3,
        retention=timedelta(days=30),
        owner="gateway",
        purpose="Records as agencies gave them, encrypted, for every consumer but a workflow",
    )
