import shutil
import stat
import sys
import threading
from pathlib import Path

import pytest

from simpul.embedded import kafka

MAVEN = """#!{python}
import pathlib, shutil, sys
[to] = [each.partition("=")[2] for each in sys.argv if each.startswith("-DoutputDirectory=")]
pathlib.Path({calls!r}).open("a").write("x")
shutil.copytree({jars!r}, to)
"""


@pytest.fixture
def path(tmp_path, monkeypatch) -> Path:
    """An empty folder as the only one on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def maven(tmp_path, monkeypatch, path):
    """A Maven that brings two small jars, pinned as such. Gives the folder it takes them from, and a count of calls."""
    jars, calls, pinned = tmp_path / "jars", tmp_path / "calls", tmp_path / "pinned"
    jars.mkdir()
    pinned.mkdir()
    (jars / "a.jar").write_bytes(b"a")
    (jars / "b.jar").write_bytes(b"b")
    (pinned / "pom.xml").write_text("<project/>")
    (pinned / "SHA256SUMS").write_text(
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.jar\n"
        "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b.jar\n"
    )
    monkeypatch.setattr(kafka, "PINNED", pinned)
    script(path / "mvn", MAVEN.format(python=sys.executable, calls=str(calls), jars=str(jars)))
    return jars, lambda: calls.stat().st_size if calls.exists() else 0


def test_the_broker_is_fetched_once(maven, tmp_path):
    _, calls = maven
    cache = tmp_path / "cache" / "kafka"
    assert kafka.fetch(cache) == kafka.fetch(cache) == cache
    assert sorted(each.name for each in cache.iterdir()) == ["a.jar", "b.jar"]
    assert calls() == 1


def test_processes_that_fetch_at_once_fetch_once(maven, tmp_path):
    _, calls = maven
    cache = tmp_path / "cache" / "kafka"
    threads = [threading.Thread(target=kafka.fetch, args=(cache,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls() == 1


def test_a_damaged_cache_is_fetched_anew(maven, tmp_path):
    _, calls = maven
    cache = tmp_path / "cache" / "kafka"
    kafka.fetch(cache)
    (cache / "b.jar").write_bytes(b"damaged")
    kafka.fetch(cache)
    assert (cache / "b.jar").read_bytes() == b"b"
    assert calls() == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("b.jar", b"evil", "b.jar has another checksum"), ("c.jar", b"c", "c.jar is not pinned")],
)
def test_what_is_not_pinned_is_not_installed(maven, tmp_path, name, content, said):
    jars, _ = maven
    (jars / name).write_bytes(content)
    cache = tmp_path / "cache" / "kafka"
    with pytest.raises(kafka.KafkaUnavailableError, match=said):
        kafka.fetch(cache)
    assert [each.name for each in cache.parent.iterdir()] == ["kafka.lock"]


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SIMPUL_CACHE", str(tmp_path))
    assert kafka.default_cache() == tmp_path / f"kafka-{kafka.VERSION}"


def one_line(error: BaseException) -> str:
    (line,) = str(error).splitlines()
    assert "SIMPUL_KAFKA_BOOTSTRAP" in line
    return line


@pytest.mark.usefixtures("path")
def test_without_java_one_line_says_what_to_install(tmp_path):
    with pytest.raises(kafka.KafkaUnavailableError) as caught:
        kafka.prepare(tmp_path / "kafka", 1, 2)
    assert "install a JRE 17" in one_line(caught.value)


@pytest.mark.parametrize(("said", "found"), [('"1.8.0_392"', "Java 8"), ('"11.0.2"', "Java 11")])
def test_an_old_java_is_named(path, tmp_path, said, found):
    script(path / "java", f"#!/bin/sh\necho 'openjdk version {said}' >&2\n")
    with pytest.raises(kafka.KafkaUnavailableError) as caught:
        kafka.prepare(tmp_path / "kafka", 1, 2)
    assert found in one_line(caught.value)


def test_java_home_comes_first(path, tmp_path, monkeypatch):
    script(path / "java", "#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    newer = tmp_path / "jdk" / "bin"
    newer.mkdir(parents=True)
    script(newer / "java", "#!/bin/sh\necho 'openjdk version \"21\" 2023-09-19' >&2\n")
    monkeypatch.setenv("JAVA_HOME", str(newer.parent))
    assert kafka.find_java() == str(newer / "java")


@pytest.mark.usefixtures("path")
def test_without_maven_one_line_says_what_to_install(tmp_path):
    with pytest.raises(kafka.KafkaUnavailableError) as caught:
        kafka.fetch(tmp_path / "kafka")
    assert "install Maven" in one_line(caught.value)


def test_a_maven_that_fails_is_quoted_in_one_line(path, tmp_path):
    script(path / "mvn", "#!/bin/sh\necho '[ERROR] no route to the repository'\necho '[ERROR] more'\nexit 1\n")
    with pytest.raises(kafka.KafkaUnavailableError) as caught:
        kafka.fetch(tmp_path / "kafka")
    assert "no route to the repository" in one_line(caught.value)


@pytest.mark.skipif(shutil.which("java") is None or shutil.which("mvn") is None, reason="needs Java and Maven")
def test_storage_is_formatted_once_and_ports_may_change(tmp_path):
    launch = kafka.prepare(tmp_path / "kafka", 10001, 10002)
    identity = (tmp_path / "kafka" / "data" / "meta.properties").read_text()
    again = kafka.prepare(tmp_path / "kafka", 10003, 10004)
    assert (tmp_path / "kafka" / "data" / "meta.properties").read_text() == identity
    assert again == launch
    listeners = [
        line for line in (tmp_path / "kafka" / "server.properties").read_text().splitlines() if "listeners=" in line
    ]
    assert listeners == [
        "listeners=PLAINTEXT://127.0.0.1:10003,CONTROLLER://127.0.0.1:10004",
        "advertised.listeners=PLAINTEXT://127.0.0.1:10003",
    ]


def test_a_port_where_nobody_listens_is_not_ready():
    assert not kafka.is_ready("127.0.0.1:1")
