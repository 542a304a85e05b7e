from datetime import timedelta

import pytest
from kafka import KafkaAdminClient
from typer.testing import CliRunner

from schemas.registry import RECORDS
from simpul.bus import admin, topics
from simpul.bus.client import connection, physical
from simpul.commands import topics as command

pytestmark = pytest.mark.kafka


@pytest.fixture
def cluster(kafka, settings):
    """Settings for the cluster, with a prefix of their own."""
    return settings(kafka_bootstrap=kafka)


def declare(**values):
    described = {"key": "key", "schema": "test/1", "retention": timedelta(days=1), "owner": "us", "purpose": "tests"}
    return topics.Topic(**{"name": "things", "partitions": 2, **described, **values})


def test_every_topic_says_its_key_schema_owner_and_purpose():
    declared = topics.topics(["dukcapil", "simponi"])
    assert [topic.name for topic in declared][:3] == ["requests.dukcapil", "requests.simponi", "outcomes"]
    assert len({topic.name for topic in declared}) == len(declared)
    assert {topics.records_topic(schema) for schema in RECORDS} <= {topic.name for topic in declared}
    for topic in declared:
        assert topic.key
        assert topic.schema
        assert topic.owner
        assert topic.purpose
        assert topic.partitions > 0


def test_agency_topics_come_from_the_connector_registry():
    from connectors.registry import agencies

    names = {topic.name for topic in topics.topics()}
    assert {topics.requests_topic(agency) for agency in agencies()} <= names
    assert agencies()


def test_applying_twice_creates_once(cluster):
    declared = topics.topics(["dukcapil"])
    assert {change.done for change in admin.apply(cluster, declared)} == {"created"}
    assert admin.apply(cluster, declared) == []
    assert admin.drift(cluster, declared) == []


def test_drift_is_shown_and_left_until_asked_to_mend_it(cluster):
    admin.apply(cluster, [declare()])
    wanted = [declare(partitions=4, retention=None), declare(name="more")]
    assert admin.drift(cluster, wanted) == [
        ("things", "partitions", "4", "2"),
        ("things", "retention.ms", "-1", "86400000"),
        ("more", "missing", "2 partitions", ""),
    ]
    assert [change.done for change in admin.apply(cluster, wanted)] == ["left", "left", "created"]
    changes = admin.apply(cluster, wanted, increase_partitions=True, set_configs=True)
    assert [change.done for change in changes] == ["increased", "set"]
    assert admin.drift(cluster, wanted) == []


def test_partitions_are_never_taken_away(cluster):
    admin.apply(cluster, [declare(partitions=3)])
    (change,) = admin.apply(cluster, [declare(partitions=1)], increase_partitions=True)
    assert change.done == "left"


def test_the_command_creates_the_topics_and_checks_them(cluster, monkeypatch):
    monkeypatch.setattr(topics, "topics", lambda: [declare(), declare(name="other")])
    monkeypatch.setenv("SIMPUL_KAFKA_BOOTSTRAP", cluster.kafka_bootstrap)
    monkeypatch.setenv("SIMPUL_TOPIC_PREFIX", cluster.topic_prefix)
    run = CliRunner()

    before = run.invoke(command.app, ["apply", "--check"])
    assert before.exit_code == 1
    assert "missing" in before.output

    applied = run.invoke(command.app, ["apply"])
    assert applied.exit_code == 0
    assert "created" in applied.output
    after = run.invoke(command.app, ["apply", "--check"])
    assert after.exit_code == 0
    assert "2 topics declared, 0 differed" in after.output

    with KafkaAdminClient(**connection(cluster)) as client:
        client.create_partitions({physical(cluster, "other"): 5})
    drifted = run.invoke(command.app, ["apply", "--check"])
    assert drifted.exit_code == 1
    assert "partitions" in drifted.output


def test_the_command_says_in_one_line_that_no_broker_is_there(monkeypatch):
    monkeypatch.setattr(topics, "topics", lambda: [declare()])
    monkeypatch.setenv("SIMPUL_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    result = CliRunner().invoke(command.app, ["apply"])
    assert result.exit_code == 2
    assert "SIMPUL_KAFKA_BOOTSTRAP" in result.output
    assert len(result.output.splitlines()) == 1


def test_the_list_shows_every_topic(monkeypatch):
    monkeypatch.setattr(topics, "topics", lambda: [declare(), declare(name="other", retention=None)])
    result = CliRunner().invoke(command.app, ["list"])
    assert result.exit_code == 0
    assert "things" in result.output
    assert "other" in result.output
