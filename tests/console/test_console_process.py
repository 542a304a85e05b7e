"""`simpul console` as a process: real sockets, real signals, its own log."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests

from simpul.embedded import ports

NIK = "9974014101900001"


def wait_until_open(port, started):
    deadline = time.monotonic() + 120
    while not ports.is_open(port):
        assert started.poll() is None, "the console ended at its start"
        assert time.monotonic() < deadline, "the console does not come up"
        time.sleep(0.1)


@pytest.fixture(params=[1, 2], ids=["one-worker", "two-workers"])
def process(request, configuration, published, tmp_path):
    port = ports.pick()
    log = tmp_path / "log"
    environment = os.environ | {
        "SIMPUL_DATABASE_URL": configuration.database_url,
        "SIMPUL_MASTER_KEY": configuration.master_key.get_secret_value(),
        "SIMPUL_CONSOLE_PORT": str(port),
    }
    command = [sys.executable, "-c", "from simpul.cli import app; app()", "console", "--workers", str(request.param)]
    with log.open("wb") as stderr:
        started = subprocess.Popen(command, env=environment, stderr=stderr, stdout=stderr, start_new_session=True)
    try:
        wait_until_open(port, started)
        yield started, f"http://127.0.0.1:{port}", log
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGKILL)
        started.wait(10)


def test_it_files_refuses_and_ends_on_sigterm_and_its_log_shows_no_input(process, key, good):
    started, url, log = process
    session = requests.Session()
    session.trust_env = False
    session.headers["X-API-Key"] = key("counter-1", "intake", "read")
    filed = session.post(
        f"{url}/v1/applications", json={"service": "birth", "channel": "counter", "form": good}, timeout=20
    )
    assert filed.status_code == 201
    refused = session.post(
        f"{url}/v1/applications",
        json={"service": "birth", "channel": "counter", "form": good | {NIK: "Dewi"}},
        timeout=20,
    )
    assert refused.status_code == 422
    assert session.get(f"{url}/v1/applications/{NIK}", timeout=20).status_code == 422
    assert session.post(f"{url}/v1/applications", data=iter([b" " * 700_000] * 2), timeout=20).status_code == 413
    assert session.post(f"{url}/v1/applications", data=b" " * 1_400_000, timeout=20).status_code == 413
    assert session.get(f"{url}/healthz", timeout=20).status_code == 200
    started.send_signal(signal.SIGTERM)
    assert started.wait(10) in (0, -signal.SIGTERM)
    written = log.read_text()
    assert NIK not in written
    assert "Dewi" not in written
    lines = [json.loads(line) for line in written.splitlines()]
    assert "/v1/applications/{number}" in {line.get("route") for line in lines}
    assert all(line["process"] == "console" for line in lines)


@pytest.mark.parametrize("process", [1], indirect=True)
def test_a_chunked_body_that_never_ends_is_cut_off(process, key):
    _, url, _ = process
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(
            b"POST /v1/applications HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nX-API-Key: "
            + key("counter-1", "intake").encode()
            + b"\r\n\r\n"
        )
        chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
        for _ in range(17):
            line.sendall(chunk)
        assert line.recv(100).startswith(b"HTTP/1.1 413")
