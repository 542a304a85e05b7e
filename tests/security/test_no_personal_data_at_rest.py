"""Sample people's NIKs and names are searched for wherever something rests or is shown, and found nowhere."""

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
import requests
from kafka import KafkaConsumer, TopicPartition
from psycopg import sql

from connectors.toolkit.population import Population
from simpul.clock import SystemClock
from simpul.embedded.scenarios import UNKNOWN_NIK
from tests.faults.conftest import Client

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

FIRST = 20_000


@pytest.fixture(scope="module")
def case(stack):
    """Applications that went well, were rejected and met faults, with everyone in them."""
    client, population = Client(stack), Population()
    # "Wanprestasi" and "Tambora" occur nowhere else
    child = {"sex": "female", "birth_place": "Kota Tambora"}
    born = (SystemClock().now().date() - timedelta(days=5)).isoformat()
    families = [population.family(FIRST + index) for index in range(6)]
    client.script(
        "dukcapil",
        "register_birth",
        [{"kind": "status", "status": 503}, {"kind": "drop", "after_write": True}],
        match={"nkk": families[0].nkk},
    )
    filed = []
    for index, family in enumerate(families):
        form = {
            "nkk": family.nkk,
            "child": {**child, "name": f"Wanprestasi Ke{index}", "birth_date": born},
            "enrol": True,
        }
        filed.append(send(client, "birth", form))
        filed.append(send(client, "passport", {"nik": family.mother.nik, "book": "5 years"}))
    filed.append(send(client, "passport", {"nik": UNKNOWN_NIK, "book": "5 years"}))
    refused = {"nkk": families[0].nkk + "7", "child": {**child, "name": "Wanprestasi Tambora"}, "enrol": "perhaps"}
    assert post(client, "birth", refused).status_code == 422
    assert set(client.until_ended(filed).values()) == {"completed", "rejected"}
    people = [person for family in families for person in family.members]
    needles = {UNKNOWN_NIK, "Wanprestasi", "Tambora"}
    needles |= {person.nik for person in people} | {person.name for person in people}
    needles |= {family.nkk for family in families}
    return stack, filed, sorted(needles)


def post(client, service, form):
    return client.session.post(
        f"{client.stack.console_url}/v1/applications",
        json={"service": service, "channel": "web", "form": form},
        headers={"X-API-Key": client.key},
        timeout=15,
    )


def send(client, service, form):
    from tests.faults.conftest import Filed

    answer = post(client, service, form)
    assert answer.status_code == 201, answer.text
    return Filed(answer.json()["number"], service, "")


def found_in(haystack: bytes, needles: list[str]) -> list[str]:
    """The needles that occur, case-insensitively, also as UTF-16 and in hexadecimal."""
    lower = haystack.lower()
    forms = ((needle, (needle.lower().encode(), needle.lower().encode().hex().encode())) for needle in needles)
    return [needle for needle, spellings in forms if any(spelling in lower for spelling in spellings)]


def dump(url: str) -> bytes:
    """Every row of every table as text; bytes come as hexadecimal."""
    tables = sql.SQL(
        "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    content = b""
    with psycopg.connect(url) as connection:
        for schema, table in connection.execute(tables).fetchall():
            with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(schema, table))) as rows:
                content += b"".join(bytes(block) for block in rows)
    return content


def test_the_search_finds_what_is_there(case):
    stack, filed, _ = case
    assert found_in(dump(stack.database_url), [filed[0].number]) == [filed[0].number]
    assert found_in(b"... WANPRESTASI ...", ["Wanprestasi"]) == ["Wanprestasi"]


def test_airflows_database_knows_nobody(case):
    stack, _, needles = case
    content = dump(stack.airflow.database_url)
    assert b"wave_" in content
    assert found_in(content, needles) == []


def test_the_ledger_shows_nobody(case):
    stack, _, needles = case
    assert found_in(dump(stack.database_url), needles) == []


def test_logs_name_nobody(case):
    stack, _, needles = case
    files = [
        file
        for folder in (stack.supervisor.logs, stack.folder / "airflow")
        for file in Path(folder).rglob("*")
        if file.is_file()
    ]
    assert any("attempt=" in file.name for file in files), "no log of a step was found"
    assert {str(file): found for file in files if (found := found_in(file.read_bytes(), needles))} == {}


def test_kafkas_bytes_name_nobody(case):
    stack, filed, needles = case
    files = [file for file in (stack.folder / "kafka").rglob("*.log") if file.is_file()]
    assert {str(file): found for file in files if (found := found_in(file.read_bytes(), needles))} == {}
    # segments are compressed: the messages themselves, too
    consumer = KafkaConsumer(bootstrap_servers=stack.kafka_bootstrap, enable_auto_commit=False)
    places = [
        TopicPartition(topic, number)
        for topic in consumer.topics()
        if not topic.startswith("__")
        for number in consumer.partitions_for_topic(topic)
    ]
    consumer.assign(places)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(places)
    messages = 0
    while any(consumer.position(place) < ends[place] for place in places):
        for records in consumer.poll(1000).values():
            for each in records:
                messages += 1
                content = b" ".join([each.key or b"", each.value or b"", *(value for _, value in each.headers)])
                assert found_in(content, [*needles, *(case.number for case in filed)]) == []
    consumer.close()
    assert messages > 4 * len(filed)


def test_metrics_name_nobody(case):
    stack, _, needles = case
    assert len(stack.metrics) > 4
    for name, url in stack.metrics.items():
        content = requests.get(url, timeout=15).content
        assert b"# HELP" in content, name
        assert found_in(content, needles) == []
