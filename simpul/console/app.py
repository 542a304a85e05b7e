"""The console's app: intake, status and callbacks over HTTP. `factory` is what uvicorn's workers start."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from simpul import config, telemetry
from simpul.clock import Clock
from simpul.config import Settings
from simpul.console import (
    applications,
    callbacks,
    check,
    documents,
    exchange,
    health,
    incidents,
    problems,
    services,
    tasks,
    waves,
)
from simpul.console.context import CONNECTIONS, Context
from simpul.console.guard import Guard

_ASSETS = "/docs/assets"
_DOCUMENTATION = {"/docs", _ASSETS, "/docs/oauth2-redirect", "/openapi.json"}
_CALLBACKS = {"/v1/callbacks/{agency}", "/v1/callbacks/{agency}/{name}"}
PUBLIC: frozenset[str] = frozenset({"/healthz", "/metrics", "/check/{token}", *_CALLBACKS, *_DOCUMENTATION})
"""Routes that ask for no API key: machines look at two, the documentation holds nothing, a callback proves itself, and
whoever is shown a document may check it: the token in its QR code is the proof."""


def create(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The console over a configuration.

    Raises:
        ValueError: SIMPUL_MASTER_KEY is missing or malformed.
    """
    here = Context(settings, clock=clock)
    here.metrics = health.registry(here)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = CONNECTIONS
        yield
        here.close()

    # The documentation's scripts come from here: a mall's network need not reach the Internet.
    app = FastAPIOffline(
        title="Simpul console",
        version="1",
        description="Files applications and says where they stand. Keys come from `simpul keys issue`.",
        lifespan=lifespan,
        redoc_url=None,
        static_url=_ASSETS,
    )
    app.state.context = here
    for part in (applications, documents, check, tasks, incidents, services, waves, exchange, callbacks, health):
        app.include_router(part.router)
    problems.install(app)
    app.add_middleware(Guard, most_bytes=callbacks.most_bytes)
    return app


def factory() -> FastAPI:
    """The console as a worker process starts it, from the environment."""
    settings = config.load()
    telemetry.configure("console", log_format=settings.log_format, level=settings.log_level)
    return create(settings)
