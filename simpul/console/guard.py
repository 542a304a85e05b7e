"""The outermost layer, plain ASGI: bounds bodies, turns mistakes of ours into problem documents, counts and logs.

Nothing that a caller sent gets into a log line: routes are named by their template.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from prometheus_client import Histogram

from simpul import telemetry
from simpul.console.problems import Problem, failure
from simpul.telemetry import REGISTRY

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MOST_BYTES = 1024 * 1024
"""Size of a request body above which it is refused."""

BODY_SECONDS = 10.0
"""Time in which the whole of a body must have come; after it the sender is told 408 and the line is closed."""

_LOG = telemetry.logger(__name__)
_SECONDS = Histogram(
    "simpul_console_request_seconds",
    "Duration of requests in this process",
    ["route", "status"],
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


_GONE = 499  # what proxies log for it; nobody is left to be told


class _GoneError(Exception):
    """The sender hung up."""


class Guard:
    """Wraps the console's app.

    Args:
        body_seconds: Time in which the whole of a body must have come.
        most_bytes: How large the body of a request to a path may be, where that is not `MOST_BYTES`.
    """

    def __init__(
        self,
        app: App,
        *,
        body_seconds: float = BODY_SECONDS,
        most_bytes: Callable[[str], int | None] = lambda _path: None,
    ) -> None:
        self._app = app
        self._body_seconds = body_seconds
        self._most_bytes = most_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of connection pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            body = await self._received(scope, receive)
            if isinstance(body, Problem):
                await body.response()(scope, receive, watched)
            else:
                await self._app(scope, _replayed(body, receive), watched)
        except _GoneError:
            status = _GONE
        except Exception as error:  # noqa: BLE001 - the last place where it can become an answer
            error_id = uuid.uuid4().hex
            _LOG.error("a request failed", error_id=error_id, route=_route(scope), exc_info=error)
            if status == 0:
                await failure(error_id).response()(scope, receive, watched)
        seconds = time.perf_counter() - started
        _SECONDS.labels(_route(scope), str(status)).observe(seconds)
        _LOG.info(
            "request",
            method=scope["method"],
            route=_route(scope),
            http_status=status,
            milliseconds=round(seconds * 1000, 1),
            actor=scope.get("state", {}).get("actor"),
        )

    async def _received(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes | Problem:
        try:
            async with asyncio.timeout(self._body_seconds):
                return await _body(scope, receive, self._most_bytes(scope["path"]) or MOST_BYTES)
        except TimeoutError:
            return _too_slow()


def _route(scope: MutableMapping[str, Any]) -> str:
    return str(getattr(scope.get("route"), "path", "none"))


def _too_large(most: int) -> Problem:
    detail = f"The request's body is larger than {most // 1024} KiB. Leave out what the form does not ask for."
    return Problem(413, "too-large", detail, headers={"Connection": "close"})


def _too_slow() -> Problem:
    detail = "The request's body did not come in time. Nothing was filed; repeat with the same Idempotency-Key."
    return Problem(408, "too-slow", detail, headers={"Connection": "close"})


async def _body(scope: MutableMapping[str, Any], receive: Receive, most: int) -> bytes | Problem:
    """The whole body, a problem when it is too large; stops reading as soon as that is known.

    Raises:
        _GoneError: The sender hung up before its end; what came of it is no request.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > most:
            return _too_large(most)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _GoneError
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            return _too_large(most)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
