"""A real Kafka broker for the demo, the tests and a laptop: fetched once with Maven, run with the machine's Java.

Says how the broker is started; starting, watching and ending the process is its supervisor's work, and whoever has
a cluster of their own names it in SIMPUL_KAFKA_BOOTSTRAP and needs nothing of this.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

VERSION = "4.3.1"
JAVA_AT_LEAST = 17
PINNED = Path(__file__).resolve().parents[2] / "deploy" / "kafka"

INSTEAD = "or set SIMPUL_KAFKA_BOOTSTRAP to the host:port of a Kafka broker you have"
PROBE_SECONDS = 2.0


class KafkaUnavailableError(RuntimeError):
    """The embedded broker cannot be had here; the message is one line that says what to do."""


class Launch(NamedTuple):
    """How a supervisor starts the broker; the same again after a crash."""

    command: list[str]
    environment: dict[str, str]


def default_cache() -> Path:
    """Where the broker's jars are kept: `$SIMPUL_CACHE/kafka-<version>`, by default under `~/.cache/simpul`."""
    return Path(os.environ.get("SIMPUL_CACHE") or Path.home() / ".cache" / "simpul") / f"kafka-{VERSION}"


def fetch(cache_folder: Path | None = None) -> Path:
    """The folder with the broker's jars, filled by Maven the first time and checked against SHA256SUMS every time.

    Safe to call from several processes at once; a folder that fails the check is fetched anew.

    Raises:
        KafkaUnavailableError: Maven is missing or failed, or what it fetched is not what is pinned.
    """
    folder = cache_folder or default_cache()
    pinned = _pinned()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(folder.name + ".lock")):
        if _deviations(folder, pinned):
            _fetch_into(folder, pinned)
    return folder


def prepare(folder: Path, port: int, controller_port: int, *, cache_folder: Path | None = None) -> Launch:
    """Make `folder` the home of a one-node broker on 127.0.0.1 and say how to start it.

    The storage is formatted once; later calls keep the data, also with other ports, and only write the
    configuration again. The process survives being killed: start the same command again.

    Args:
        folder: Configuration, logs and data; nothing is written elsewhere.
        port: Port for clients.
        controller_port: Port of the KRaft controller in the same process.
        cache_folder: Where the jars are kept, `default_cache()` if not given.

    Raises:
        KafkaUnavailableError: Java or Maven is missing or too old, or the storage could not be formatted.
    """
    java = find_java()
    jars = fetch(cache_folder)
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    properties = folder / "server.properties"
    properties.write_text(_properties(data, port, controller_port))
    runtime = [
        java,
        "-Xms256m",
        "-Xmx512m",
        # One small heap on two cores: the parallel collectors only cost start-up time and threads.
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={PINNED / 'log4j2.properties'}",
        "-cp",
        f"{jars}/*",
    ]
    if not (data / "meta.properties").exists():
        _format(runtime, properties)
    return Launch([*runtime, "kafka.Kafka", str(properties)], {"LC_ALL": "C"})


def is_ready(bootstrap: str) -> bool:
    """Whether a broker at `bootstrap` (host:port, …) answers and has itself in its metadata. Takes 2 s at most."""
    from simpul.bus.probe import answers  # noqa: PLC0415  # only who waits for a broker pays for the client

    return answers(bootstrap, PROBE_SECONDS)


def find_java() -> str:
    """The path of a Java that can run the broker, `$JAVA_HOME` first.

    Raises:
        KafkaUnavailableError: None is there, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else None
    java = java or shutil.which("java")
    if java is None:
        raise KafkaUnavailableError(f"No Java found: install a JRE {JAVA_AT_LEAST} or newer, {INSTEAD}.")
    version = _java_version(java)
    if version < JAVA_AT_LEAST:
        raise KafkaUnavailableError(
            f"Java {version or 'of unknown version'} at {java} is too old for Kafka {VERSION}: "
            f"install a JRE {JAVA_AT_LEAST} or newer, {INSTEAD}."
        )
    return java


def _java_version(java: str) -> int:
    """The feature release (17, 21, …); 0 where it does not say."""
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(found[1]) if found else 0


def _pinned() -> dict[str, str]:
    """SHA-256 by jar name, as `sha256sum` writes it."""
    try:
        lines = (PINNED / "SHA256SUMS").read_text().splitlines()
    except FileNotFoundError:
        raise KafkaUnavailableError(
            f"{PINNED} is missing: the embedded broker needs a checkout of the repository, {INSTEAD}."
        ) from None
    return {name: digest for digest, name in (line.split() for line in lines)}


def _deviations(folder: Path, pinned: dict[str, str]) -> list[str]:
    """What in `folder` is not as pinned, one phrase per jar; empty when all is right."""
    found = {jar.name: jar for jar in folder.glob("*.jar")}
    unknown = [f"{name} is not pinned" for name in sorted(found.keys() - pinned.keys())]
    missing = [f"{name} is missing" for name in sorted(pinned.keys() - found.keys())]
    changed = [
        f"{name} has another checksum"
        for name in sorted(found.keys() & pinned.keys())
        if hashlib.sha256(found[name].read_bytes()).hexdigest() != pinned[name]
    ]
    return unknown + missing + changed


def _fetch_into(folder: Path, pinned: dict[str, str]) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailableError(f"No Maven found: install Maven 3.6 or newer (it fetches Kafka once), {INSTEAD}.")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        # Maven may write next to the pom it is given: work on a copy.
        shutil.copy(PINNED / "pom.xml", scratch)
        libs = Path(scratch) / "libs"
        command = [
            maven,
            "--batch-mode",
            "--quiet",
            "--no-transfer-progress",
            f"--file={scratch}/pom.xml",
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            f"-DoutputDirectory={libs}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            said = next((line for line in done.stdout.splitlines() if "ERROR" in line), "no reason given")
            raise KafkaUnavailableError(
                f"Maven could not fetch Kafka {VERSION} ({said}): see to its network, {INSTEAD}."
            )
        if deviations := _deviations(libs, pinned):
            raise KafkaUnavailableError(
                f"What Maven fetched is not what {PINNED / 'SHA256SUMS'} pins ({'; '.join(deviations[:3])}): "
                f"nothing was installed; check where Maven fetches from, {INSTEAD}."
            )
        if folder.exists():
            shutil.rmtree(folder)
        libs.replace(folder)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file; it is freed with the process, however that ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _format(runtime: list[str], properties: Path) -> None:
    cluster_id = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    # The tool takes an id with a leading hyphen for an option.
    cluster_id = cluster_id.replace("-", "A")
    command = [*runtime, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise KafkaUnavailableError(
            f"The broker's storage could not be formatted: {said[0] if said else 'no reason given'}"
        )


def _properties(data: Path, port: int, controller_port: int) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        # Topics are declared in simpul.bus.topics; one made by a typo would have the wrong retention.
        "auto.create.topics.enable": "false",
        "num.partitions": 1,
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 2,
        "offsets.topic.segment.bytes": 16 * 1024 * 1024,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        # A group of one should not wait for company, and a killed member should be missed soon.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # A killed broker may come back once its old session has ended; too short, and a busy machine shuts it out.
        "broker.session.timeout.ms": 5000,
        "broker.heartbeat.interval.ms": 1000,
        "controlled.shutdown.enable": "false",
        # Sized for two cores and a few hundred small partitions.
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
        "num.recovery.threads.per.data.dir": 2,
        "log.cleaner.threads": 1,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "log.segment.bytes": 64 * 1024 * 1024,
        "log.index.size.max.bytes": 1024 * 1024,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
