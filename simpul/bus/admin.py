"""The declared topics against the cluster's: what is missing is made, what differs is shown. Nothing is ever deleted."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError

from simpul.bus.client import connection, logical, physical, require_reachable
from simpul.bus.errors import BusError
from simpul.bus.topics import Topic, topics
from simpul.config import Settings

MISSING = "missing"
PARTITIONS = "partitions"


class Drift(NamedTuple):
    """One thing in which the cluster differs from what is declared.

    Attributes:
        topic: Name without the installation's prefix.
        what: `missing`, `partitions`, or the name of a setting.
        declared: As we want it.
        found: As it is; empty for a missing topic.
    """

    topic: str
    what: str
    declared: str
    found: str


class Change(NamedTuple):
    """One difference, and whether it is mended."""

    drift: Drift
    done: Literal["created", "increased", "set", "left"]


def drift(settings: Settings, declared: Iterable[Topic] | None = None) -> list[Drift]:
    """What differs, in the order of declaration. Topics of the cluster that nobody declared are not looked at.

    Args:
        settings: Where the cluster is, and the prefix.
        declared: By default `topics()`.

    Raises:
        BusError: The cluster is not reached or does not answer.
    """
    with _admin(settings) as admin:
        return _drift(admin, settings, _declared(declared))


def apply(
    settings: Settings,
    declared: Iterable[Topic] | None = None,
    *,
    increase_partitions: bool = False,
    set_configs: bool = False,
) -> list[Change]:
    """Create missing topics; mend other differences where asked.

    Args:
        settings: Where the cluster is, and the prefix.
        declared: By default `topics()`.
        increase_partitions: Add partitions where there are too few: from then on keys go to other partitions than
            before, so the order of messages of one application is lost once. Too many are always left.
        set_configs: Set retention and the like as declared: shortening a retention deletes messages.

    Returns:
        Every difference found, and what became of it.

    Raises:
        BusError: The cluster is not reached or refuses.
    """
    wanted = {topic.name: topic for topic in _declared(declared)}
    with _admin(settings) as admin:
        found = _drift(admin, settings, wanted.values())
        missing = [each for each in found if each.what == MISSING]
        grow = [each for each in found if _grows(each)] if increase_partitions else []
        mend = [each for each in found if each.what not in {MISSING, PARTITIONS}] if set_configs else []
        if missing:
            _create(admin, {physical(settings, each.topic): wanted[each.topic] for each in missing})
        if grow:
            admin.create_partitions({physical(settings, each.topic): int(each.declared) for each in grow})
        if mend:
            _set(admin, settings, mend)
    done: dict[Drift, Literal["created", "increased", "set"]] = {
        **dict.fromkeys(missing, "created"),
        **dict.fromkeys(grow, "increased"),
        **dict.fromkeys(mend, "set"),
    }
    return [Change(each, done.get(each, "left")) for each in found]


def _declared(declared: Iterable[Topic] | None) -> list[Topic]:
    return topics() if declared is None else list(declared)


@contextmanager
def _admin(settings: Settings) -> Iterator[Any]:
    require_reachable(settings)
    try:
        with KafkaAdminClient(**connection(settings), bootstrap_timeout_ms=10_000) as admin:
            yield admin
    except KafkaError as error:
        raise BusError(f"Kafka refused to show or change topics: {type(error).__name__}") from error


def _drift(admin: Any, settings: Settings, declared: Iterable[Topic]) -> list[Drift]:
    wanted = {physical(settings, topic.name): topic for topic in declared}
    described = {each["name"]: each for each in admin.describe_topics(list(wanted)) if not each["error_code"]}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in described]
    configs = admin.describe_configs(resources, config_filter="all")["topic"] if resources else {}
    found = []
    for name, topic in wanted.items():
        if name not in described:
            found.append(Drift(topic.name, MISSING, f"{topic.partitions} partitions", ""))
            continue
        partitions = len(described[name]["partitions"])
        if partitions != topic.partitions:
            found.append(Drift(topic.name, PARTITIONS, str(topic.partitions), str(partitions)))
        for setting, value in topic.configs().items():
            actual = str(configs[name][setting]["value"])
            if actual != value:
                found.append(Drift(topic.name, setting, value, actual))
    return found


def _grows(each: Drift) -> bool:
    return each.what == PARTITIONS and int(each.found) < int(each.declared)


def _create(admin: Any, wanted: dict[str, Topic]) -> None:
    # Replicas are the cluster's own default: one on a laptop, three where it counts.
    orders = {name: {"num_partitions": topic.partitions, "configs": topic.configs()} for name, topic in wanted.items()}
    for name, order in orders.items():
        try:
            admin.create_topics({name: order})
        except TopicAlreadyExistsError:
            # Somebody else applies too.
            continue
    admin.wait_for_topics(list(orders))


def _set(admin: Any, settings: Settings, mend: list[Drift]) -> None:
    values: dict[str, dict[str, str]] = {}
    for each in mend:
        values.setdefault(physical(settings, each.topic), {})[each.what] = each.declared
    results = admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, name, configs) for name, configs in values.items()]
    )
    refused = {logical(settings, name) for name, result in results["topic"].items() if result != "OK"}
    if refused:
        raise BusError(f"Kafka refused settings of {', '.join(sorted(refused))}")
