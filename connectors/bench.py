"""What a call costs through a connector, beside what the same call costs with bare `requests` or bare zeep.

The agency is the connector's sandbox in a process of its own. CPU is that of this process; the machine's other work does not
count. Short batches of connector and yardstick alternate, and the batch with the least of each is reported.
"""

import contextlib
import gc
import multiprocessing
import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any, ClassVar, Literal

import requests
import uvicorn

from connectors import registry, sandbox_app
from connectors.toolkit.connector import Connector
from connectors.toolkit.errors import AgencyError
from connectors.toolkit.examples import Scene
from connectors.toolkit.operation import Operation
from connectors.toolkit.population import SandboxWorld
from connectors.toolkit.transport import Reply

_BATCH = 5
_BATCHES = 3
_SCENE = 60


@dataclass(frozen=True)
class Wire:
    """A request as a connector sent it; `soap`: zeep made its body."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes | None
    accept: tuple[int, ...] = ()
    soap: bool = False

    def again(self, session: requests.Session) -> requests.Response:
        """The same bytes, sent as anyone would send them with requests."""
        return session.request(self.method, self.url, data=self.content, headers=self.headers, timeout=10)


@dataclass(frozen=True)
class Figures:
    """One operation, microseconds of CPU a call unless said otherwise.

    Attributes:
        calls_per_second: One after the other, waiting for the agency included.
        cpu: Through the connector.
        raw: The yardstick: the same bytes sent with `requests` and the answer left unread, or the same call with zeep.
        ratio: `cpu` to `raw`.
        overhead: What the toolkit adds to `raw`, as a part of it: all but `signing` and `mapping`, which any client of this
            agency pays.
        parts: Where `cpu` goes. `transport`: the exchange itself. `soap`: what zeep does. `toolkit`: what stands around
            them. `signing`: headers made anew for each call. `mapping`: the connector's own reading and writing, with what
            it signs and decrypts by itself. `validation`: of the record.
    """

    agency: str
    operation: str
    transport: Literal["REST", "SOAP"]
    calls_per_second: float
    cpu: float
    raw: float
    ratio: float
    overhead: float
    parts: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Rounded."""
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in {**asdict(self), "parts": {k: round(v, 1) for k, v in self.parts.items()}}.items()
        }


@contextlib.contextmanager
def sandbox(agencies: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Sandbox agencies in a process of their own: its URL and process id."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, tuple(agencies)), daemon=True)
    process.start()
    try:
        yield ours.recv(), process.pid or 0
    finally:
        process.terminate()
        process.join()


def serve(tell: Connection, agencies: Sequence[str]) -> None:
    """Serves until it is terminated."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        tell.send(f"http://127.0.0.1:{listening.getsockname()[1]}")
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(sandbox_app.config(sandbox_app.app(list(agencies)))).run([listening])


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used (Linux)."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123 - not a file of ours
        used = stat.read().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def run(agencies: Sequence[str] | None = None, calls: int = 200) -> list[Figures]:
    """Measures every operation that reads, or the first that does not where an agency has no other.

    Args:
        agencies: All of the registry when not given.
        calls: Of each kind.
    """
    names = registry.agencies() if agencies is None else agencies
    with sandbox(names) as (url, _):
        return [trial.measured(calls) for name in names for trial in trials(name, url)]


def trials(agency: str, url: str) -> "Iterator[Trial]":
    """The operations of an agency that can be measured, at a sandbox; its connector is closed after the last."""
    examples = registry.module(agency, "sandbox").EXAMPLES
    with registry.connect(agency, sandbox_app.settings(agency, url)) as connector:
        operations = [found for name, found in connector.operations().items() if name in examples]
        measured = 0
        for number, found in enumerate(sorted(operations, key=lambda each: each.effect != "read")):
            if found.effect != "read" and measured:
                return
            scene = Scene(connector, SandboxWorld(), _SCENE + number)
            request = found.request.model_validate(examples[found.name](scene))
            trial = Trial(connector, found, request)
            try:
                trial.call()
                wires, _, _ = trial.recorded()
            except AgencyError:
                # What happens only once cannot be measured by doing it often.
                continue
            if not wires:
                # It goes another way than over the connector's transport: mail, a guarded download.
                continue
            measured += 1
            yield trial


class Trial:
    """One operation with one request, as often as wanted.

    Attributes:
        found: The operation.
    """

    def __init__(self, connector: Connector[Any], found: Operation, request: Any) -> None:
        self.connector = connector
        self.found = found
        self.request = request
        self.serial = 0

    def call(self) -> Any:
        """Through the connector."""
        self.serial += 1
        reference = None if self.found.effect == "read" else f"BENCH-{self.found.name}-{self.serial}"
        return self.found.invoke(self.connector, self.request, reference)

    def measured(self, calls: int) -> Figures:
        """What it costs."""
        wires, _, bodies = self.recorded()
        session = requests.Session()
        session.trust_env = False
        exchange = self.connector.transport.exchange  # type: ignore[attr-defined]
        data, record = self.call().model_dump(), self.found.record
        costs = _least(
            {
                "cpu": self.call,
                "raw": self._raw(session, wires, bodies),
                "requests": lambda: [wire.again(session) for wire in wires],
                "transport": lambda: [_exchanged(exchange, wire) for wire in wires],
                "validation": lambda: record.model_validate(data),
            },
            calls,
        )
        started = time.perf_counter()
        spent = self._spent(calls)
        rate = calls / (time.perf_counter() - started)
        zeep = max(0.0, costs["raw"] - costs["requests"]) if bodies else 0.0
        parts = {
            "transport": costs["transport"],
            "soap": min(zeep, spent["soap"]),
            "toolkit": spent["toolkit"] + max(0.0, spent["soap"] - zeep),
            "signing": spent["signing"],
            "validation": costs["validation"],
        }
        parts["mapping"] = max(0.0, costs["cpu"] - sum(parts.values()))
        return Figures(
            agency=self.found.agency,
            operation=self.found.name,
            transport="SOAP" if bodies else "REST",
            calls_per_second=rate,
            cpu=costs["cpu"],
            raw=costs["raw"],
            ratio=costs["cpu"] / costs["raw"],
            overhead=sum(parts[part] for part in ("transport", "soap", "toolkit", "validation")) / costs["raw"] - 1,
            parts=parts,
        )

    def _spent(self, calls: int) -> dict[str, float]:
        """Microseconds a call in the layers below the connector's own code, each without those below it."""
        timers = {name: _Timer() for name in ("exchange", "headers", "soap", "transport")}
        with contextlib.ExitStack() as stack:
            for name, timer in timers.items():
                holder: Any = self.connector.transport if name == "transport" else self.connector  # type: ignore[attr-defined]
                if hasattr(holder, method := "exchange" if name == "transport" else name):
                    stack.enter_context(timer.around(holder, method))
            found = [self._batch(timers) for _ in range(max(_BATCHES, calls // _BATCH))]
        return {name: min(batch[name] for batch in found) for name in found[0]}

    def _batch(self, timers: "dict[str, _Timer]") -> dict[str, float]:
        for timer in timers.values():
            timer.clear()
        for _ in range(_BATCH):
            self.call()
        each = {name: timer.spent / _BATCH * 1e6 for name, timer in timers.items()}
        below = {
            name: sum(timers[part].within[name] for part in ("transport", "headers")) / _BATCH * 1e6
            for name in ("exchange", "soap")
        }
        return {
            "signing": each["headers"],
            "toolkit": max(0.0, each["exchange"] - below["exchange"]),
            "soap": max(0.0, each["soap"] - below["soap"]),
        }

    def recorded(self) -> tuple[list[Wire], list[Reply], list[tuple[str, dict[str, Any]]]]:
        """What one call sends and gets, and what it asks of zeep."""
        connector: Any = self.connector
        wires: list[Wire] = []
        replies: list[Reply] = []
        bodies: list[tuple[str, dict[str, Any]]] = []
        transport = connector.transport
        exchange = transport.exchange

        def recorded(method: str, url: str, **sent: Any) -> Reply:
            reply: Reply = exchange(method, url, **sent)
            address = requests.Request(method, url, params=sent.get("params")).prepare().url or url
            headers = {**transport.session.headers, **(sent.get("headers") or {})}
            wires.append(Wire(method, address, headers, sent.get("content"), tuple(sent.get("accept", ()))))
            replies.append(reply)
            return reply

        transport.exchange = recorded
        soap = hasattr(connector, "soap")

        def asked(operation: str, body: dict[str, Any]) -> Any:
            before = len(wires)
            answer = connector.__class__.soap(connector, operation, body)
            wires[before:] = [replace(wire, soap=True) for wire in wires[before:]]
            bodies.append((operation, body))
            return answer

        if soap:
            connector.soap = asked
        try:
            self.call()
        finally:
            del transport.exchange
            if soap:
                del connector.soap
        return wires, replies, bodies

    def _raw(
        self, session: requests.Session, wires: list[Wire], bodies: list[tuple[str, dict[str, Any]]]
    ) -> Callable[[], Any]:
        if not bodies:
            return lambda: [wire.again(session) for wire in wires]
        service = _bare_zeep(self.connector, session)
        rest = [wire for wire in wires if not wire.soap]

        def both() -> None:
            for operation, body in bodies:
                service[operation](**body)
            for wire in rest:
                wire.again(session)

        return both


class _Timer:
    """CPU of this thread spent in one method, calls of others' timers inside it noted.

    Attributes:
        spent: Seconds in all.
        within: Seconds of it that were spent while another timed method was running, by that method.
    """

    _running: ClassVar[list[str]] = []

    def __init__(self) -> None:
        self.spent = 0.0
        self.within: defaultdict[str, float] = defaultdict(float)

    def clear(self) -> None:
        """Begins again."""
        self.spent = 0.0
        self.within.clear()

    @contextlib.contextmanager
    def around(self, holder: Any, method: str) -> Iterator[None]:
        """Times a method of an object until the block ends."""
        function, running = getattr(holder, method), self._running

        def timed(*args: Any, **kwargs: Any) -> Any:
            above = list(running)
            running.append(method)
            before = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.thread_time() - before
                running.pop()
                self.spent += spent
                for name in above:
                    self.within[name] += spent

        setattr(holder, method, timed)
        try:
            yield
        finally:
            delattr(holder, method)


def _exchanged(exchange: Callable[..., Reply], wire: Wire) -> Reply:
    # What is refused for being a repeat costs the same to send and to read.
    accept = (*wire.accept, 409)
    return exchange(wire.method, wire.url, content=wire.content, headers=wire.headers, accept=accept)


def _bare_zeep(connector: Any, session: requests.Session) -> Any:
    import zeep  # noqa: PLC0415 - costs a second

    client = zeep.Client(str(connector.wsdl), transport=zeep.Transport(session=session), wsse=connector.security())
    return client.create_service(connector.binding, connector.soap_address)


def _least(each: dict[str, Callable[[], Any]], calls: int) -> dict[str, float]:
    """Microseconds of CPU a call, the least of many short batches in turn, so that a busy moment spoils none."""
    least = dict.fromkeys(each, float("inf"))
    gc.collect()
    for _ in range(max(_BATCHES, calls // _BATCH)):
        for name, call in each.items():
            before = time.process_time()
            for _ in range(_BATCH):
                call()
            least[name] = min(least[name], (time.process_time() - before) / _BATCH * 1e6)
    return least
