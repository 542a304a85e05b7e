"""What the sandbox server carries on one core, beside a bare ASGI application on the same server in the same run.

    python -m benchmarks.sandbox [AGENCY]... [--seconds N] [--json]

Every request is one that the agency's connector has sent; the bare application answers with the same bytes. Server and load
run on a core each. `per_core` counts the server's CPU only, so that it says the same on a busy machine.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import urlsplit

import requests
import uvicorn
import uvloop

from connectors import bench, registry, sandbox_app

_CONNECTIONS = 16


def bare(tell: Connection, body: bytes, media_type: str) -> None:
    """Serves one answer, as quickly as uvicorn can."""
    head = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]

    async def application(_: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})

    _serve(tell, application)


def sandbox(tell: Connection) -> None:
    """Serves all agencies."""
    _serve(tell, sandbox_app.app())


def _serve(tell: Connection, application: Any) -> None:
    _pin(0)
    config = sandbox_app.config(application)
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        tell.send(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run([listening])


def _pin(position: int) -> None:
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[position % len(cores)]})


@contextlib.contextmanager
def process(target: Callable[..., None], *arguments: Any) -> Iterator[tuple[str, int]]:
    """A server in a process of its own: its URL and process id."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=target, args=(theirs, *arguments), daemon=True)
    server.start()
    try:
        yield ours.recv(), server.pid or 0
    finally:
        server.terminate()
        server.join()


async def load(url: str, request: bytes, seconds: float) -> int:
    """Requests answered with 200 in so many seconds, over some connections, one at a time on each."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    until, answered = time.perf_counter() + seconds, 0

    async def caller() -> None:
        nonlocal answered
        reader, writer = await asyncio.open_connection(host, port)
        while time.perf_counter() < until:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit("the server refused a request")
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            answered += 1
        writer.close()

    await asyncio.gather(*(caller() for _ in range(_CONNECTIONS)))
    return answered


def measured(url: str, pid: int, request: bytes, seconds: float) -> dict[str, float]:
    """Requests per second, by the clock and by the server's CPU."""
    uvloop.run(load(url, request, seconds / 5))
    cpu, clock = bench.cpu_of(pid), time.perf_counter()
    answered = uvloop.run(load(url, request, seconds))
    clock, cpu = time.perf_counter() - clock, bench.cpu_of(pid) - cpu
    return {"per_second": round(answered / clock), "per_core": round(answered / max(cpu, 0.01))}


def wire(sent: bench.Wire) -> bytes:
    """A request's bytes as they go over the line."""
    parts = urlsplit(sent.url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    body = sent.content or b""
    headers = {**sent.headers, "Host": parts.netloc, "Content-Length": str(len(body))}
    lines = [f"{sent.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def repeatable(sent: bench.Wire, status: int) -> bool:
    """Whether the agency takes the same bytes again: some refuse a number of ours that they have seen."""
    with requests.Session() as session:
        session.trust_env = False
        return status == 200 == sent.again(session).status_code


def run(agencies: list[str], seconds: float) -> list[dict[str, Any]]:
    """Every agency's first operation that takes the same bytes again."""
    found = []
    with process(sandbox) as (url, pid):
        for agency in agencies:
            for trial in bench.trials(agency, url):
                wires, replies, _ = trial.recorded()
                reply = replies[-1]
                if not repeatable(wires[-1], reply.status):
                    continue
                request = wire(wires[-1])
                ours = measured(url, pid, request, seconds)
                with process(bare, reply.body, reply.headers.get("content-type", "text/plain")) as (other, other_pid):
                    theirs = measured(other, other_pid, request, seconds)
                found.append(
                    {
                        "operation": trial.found.qualified,
                        "sandbox": ours,
                        "bare": theirs,
                        "ratio": round(ours["per_core"] / theirs["per_core"], 3),
                    }
                )
                break
    return found


def main() -> None:
    """Prints the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("agencies", nargs="*", metavar="AGENCY")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    _pin(1)
    found = run(wanted.agencies or list(registry.agencies()), wanted.seconds)
    if wanted.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'operation':44} {'req/s':>8} {'per core':>9} {'bare/core':>9} {'ratio':>6}")
    for row in found:
        ours, theirs = row["sandbox"], row["bare"]
        print(
            f"{row['operation']:44} {ours['per_second']:8,} {ours['per_core']:9,} {theirs['per_core']:9,} {row['ratio']:6.2f}"
        )


if __name__ == "__main__":
    main()
