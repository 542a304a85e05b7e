"""All sandbox agencies in one server, one path each, with control routes for tests.

`/<agency>/…` is the agency; `/_sandbox/<agency>/…` scripts its faults and counts what happened. What an agency answers
is its own `sandbox.py`'s business.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors import registry
from connectors.toolkit.fault_scripts import EVERY, Anything, FaultScriptError, scripts, special
from connectors.toolkit.population import Population, SandboxWorld
from connectors.toolkit.sandbox import Receive, SandboxAgency, Scope, Send, control
from connectors.toolkit.settings import ConnectorSettings

_TRIES = 10


class SandboxApp(Starlette):
    """The server's application. Requests to agencies bypass the framework: they are what benchmarks count.

    Attributes:
        world: The residents that all its agencies share.
        agencies: By name.
    """

    def __init__(self, world: SandboxWorld, agencies: Mapping[str, SandboxAgency]) -> None:
        super().__init__(routes=[Route("/healthz", self._health), Route("/_sandbox", self._index)])
        self.world = world
        self.agencies = agencies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Dispatches by the first part of the path."""
        if scope["type"] == "http":
            _, first, *rest = scope["path"].split("/", 3)
            if (agency := self.agencies.get(first)) is not None:
                scope["root_path"] = f"/{first}"
                await agency(scope, receive, send)
                return
            if first == "_sandbox" and len(rest) == 2 and (agency := self.agencies.get(rest[0])) is not None:
                await control(agency, rest[1], scope, receive, send)
                return
        await super().__call__(scope, receive, send)

    async def _health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _index(self, _: Request) -> Response:
        return JSONResponse({name: dict(agency.calls) for name, agency in self.agencies.items()})


def app(
    agencies: Sequence[str] | None = None,
    *,
    population: Population | None = None,
    clock: Callable[[], datetime] | None = None,
) -> SandboxApp:
    """The sandbox agencies of the registry, or those named, in one world.

    Args:
        agencies: Names; all when not given.
        population: Who lives there.
        clock: Where the agencies take the time from.
    """
    world = SandboxWorld(population, clock)
    names = registry.agencies() if agencies is None else agencies
    return SandboxApp(world, {name: registry.module(name, "sandbox").build(world) for name in names})


def script(application: SandboxApp, faults: Mapping[str, Any], source: str = "") -> None:
    """Scripts faults by agency, as a script file holds them.

    Args:
        application: Where.
        faults: By agency, or `*` for every agency that is served here.
        source: What messages begin with, such as the file's name.

    Raises:
        FaultScriptError: An agency is not served here, or a fault is not one.
    """
    prefix = f"{source}: " if source else ""
    for name, entries in faults.items():
        if name != EVERY and name not in application.agencies:
            raise FaultScriptError(f"{prefix}{name}: no such agency here; there are {', '.join(application.agencies)}")
        if name != EVERY:
            agency = application.agencies[name]
            agency.faults.add(scripts(entries, agency.special, f"{prefix}{name}, "))
            continue
        for entry in scripts(entries, Anything(), f"{prefix}{name}, "):
            # What an agency cannot do wrong in its own way, it does not do.
            for agency in application.agencies.values():
                if special(entry) <= agency.special.keys():
                    agency.faults.add([entry])


def settings(agency: str, base_url: str) -> ConnectorSettings:
    """A connector's settings for its sandbox, with the sandbox's made-up credentials.

    Args:
        agency: Its name.
        base_url: Of the sandbox server, such as `http://127.0.0.1:8900`.
    """
    made: ConnectorSettings = registry.module(agency, "sandbox").settings(base_url.rstrip("/"))
    return made


def environment(base_url: str, agencies: Sequence[str] | None = None) -> dict[str, str]:
    """The environment variables with which connectors use the sandbox server, for processes that are started with it."""
    variables: dict[str, str] = {}
    for agency in registry.agencies() if agencies is None else agencies:
        made = settings(agency, base_url)
        for name in sorted(made.model_fields_set):
            value = getattr(made, name)
            plain = value.get_secret_value() if isinstance(value, SecretStr) else value
            variables[made.variable(name)] = str(plain)
    return variables


def credentials() -> dict[str, str]:
    """What connectors prove themselves with at the sandbox, each by the name of the file that it is kept in.

    Secrets, and what takes several lines (certificates, public keys), so that no environment file can hold it.
    """
    found: dict[str, str] = {}
    for agency in registry.agencies():
        made = settings(agency, "http://127.0.0.1")
        for name in sorted(made.model_fields_set):
            value = getattr(made, name)
            plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            if isinstance(value, SecretStr) or "\n" in plain:
                found[f"{agency}-{name}".replace("_", "-")] = plain
    return found


def config(application: SandboxApp, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
    """How the server runs: no access log, because paths hold identifiers, and no lasting patience at its end."""
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        backlog=4096,
    )


@contextlib.contextmanager
def listening(application: SandboxApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[socket.socket]:
    """A socket for the server, and beside it what agencies run while it does, until the block ends.

    Raises:
        OSError: A port is taken.
    """
    with contextlib.ExitStack() as stack:
        for left in reversed(range(1 if port else _TRIES)):
            with contextlib.ExitStack() as tried:
                bound = tried.enter_context(socket.create_server((host, port), backlog=4096))
                try:
                    for agency in application.agencies.values():
                        tried.enter_context(agency.started(host, bound.getsockname()[1]))
                except OSError:
                    # What runs beside takes its port from the server's: with another one it may be free.
                    if not left:
                        raise
                    continue
                stack.enter_context(tried.pop_all())
                break
        yield bound


@dataclass(frozen=True)
class Running:
    """A sandbox server that runs in this process."""

    url: str
    app: SandboxApp

    def settings(self, agency: str) -> ConnectorSettings:
        """A connector's settings for it."""
        return settings(agency, self.url)


@contextlib.contextmanager
def running(
    agencies: Sequence[str] | None = None,
    *,
    faults: Mapping[str, Any] | None = None,
    clock: Callable[[], datetime] | None = None,
    port: int = 0,
) -> Iterator[Running]:
    """A sandbox server on loopback in a thread of this process, until the block ends.

    Args:
        agencies: Names; all when not given.
        faults: By agency, as a faults file holds them.
        clock: Where the agencies take the time from.
        port: A free one when 0.
    """
    application = app(agencies, clock=clock)
    script(application, faults or {})
    # Bound and listening before the thread starts: whoever connects meanwhile waits in the backlog.
    with listening(application, port=port) as bound:
        server = uvicorn.Server(config(application))
        thread = threading.Thread(target=server.run, args=([bound],), name="sandbox", daemon=True)
        thread.start()
        try:
            yield Running(f"http://127.0.0.1:{bound.getsockname()[1]}", application)
        finally:
            server.should_exit = True
            thread.join()
