"""`simpul console`: serves intake, status and callbacks over HTTP."""

from typing import Annotated

import typer

MOST_CONNECTIONS = 512
"""Connections to one worker at a time; above it the answer is 503. With bodies of 1 MiB at most it bounds memory too."""


def console(
    host: Annotated[str | None, typer.Option(help="Address to bind; SIMPUL_CONSOLE_HOST otherwise.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to bind; SIMPUL_CONSOLE_PORT otherwise.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that serve; one is enough for a few malls.")] = 1,
) -> None:
    """Take in applications and callbacks, and say where they stand (HTTP). The API is described at /docs."""
    import uvicorn  # noqa: PLC0415 - only this command serves

    from simpul import config, telemetry  # noqa: PLC0415 - help must cost nothing

    settings = config.load()
    _ = settings.keys  # a wrong master key is said here, before a worker starts
    telemetry.configure("console", log_format=settings.log_format, level=settings.log_level)
    uvicorn.run(
        "simpul.console.app:factory",
        factory=True,
        host=host or settings.console_host,
        port=port if port is not None else settings.console_port,
        workers=workers,
        loop="uvloop",
        http="httptools",
        access_log=False,  # it would show paths; the guard logs routes
        log_config=None,
        proxy_headers=False,  # a callback's allow-list goes by the socket
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=8,
    )


def register(app: typer.Typer) -> None:
    """Mount the command."""
    app.command()(console)
