"""Requests and answers of sandbox agencies, and how they travel over ASGI: in whole, in part, or not at all.

Cutting a connection is no word of ASGI; what is done here for it knows uvicorn.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from pydantic_core import from_json, to_json

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came.

    Attributes:
        path: Below the agency's own prefix, beginning with a slash.
        parameters: From the route's braces.
        headers: By lower-case name.
    """

    method: str
    path: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return from_json(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agency sends back.

    Attributes:
        value: What the body says, as dicts, lists and plain values: what faults that change an answer's shape work on.
            None where the body has no such shape, as a PDF.
        encode: Makes a body from a changed `value`, with all that the agency does to it: envelope, encryption.
    """

    body: bytes = b""
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    value: Any = None
    encode: Callable[[Any], bytes] | None = None


def json_answer(value: Any, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(to_json(value), status, value=value, encode=to_json)


def incoming(scope: Scope, path: str, parameters: Mapping[str, str], body: bytes) -> Incoming:
    """A request from its ASGI scope and body."""
    query = scope["query_string"]
    return Incoming(
        method=scope["method"],
        path=path,
        parameters=parameters,
        query=dict(parse_qsl(query.decode())) if query else {},
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )


async def body(receive: Receive) -> bytes:
    """The whole body of a request."""
    message = await receive()
    whole: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        whole += message.get("body", b"")
    return whole


async def respond(send: Send, answer: Answer) -> None:
    """Sends an answer in whole."""
    await begin(send, answer, len(answer.body))
    await send({"type": "http.response.body", "body": answer.body})


async def begin(send: Send, answer: Answer, length: int | None) -> None:
    """Sends an answer's status and headers; without a length its end shows in chunks."""
    headers = [(b"content-type", answer.media_type.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    if answer.headers:
        headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})


async def more(send: Send, part: bytes) -> bool:
    """Sends a part of a body after `begin`; False when nobody listens any more."""
    if transport(send).is_closing():
        return False
    await send({"type": "http.response.body", "body": part, "more_body": True})
    return True


async def drop(send: Send, receive: Receive) -> None:
    """Cuts the connection without a word."""
    transport(send).abort()
    await gone(receive)


async def hang_up(send: Send, receive: Receive) -> None:
    """Closes the connection once what was sent is on its way."""
    transport(send).close()
    await gone(receive)


async def gone(receive: Receive, seconds: float | None = None) -> None:
    """Waits until the caller has gone, or for so long."""

    async def disconnected() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(disconnected(), seconds)


def transport(send: Send) -> asyncio.Transport:
    """The connection below: uvicorn's `send` is a method of an object that knows it."""
    connection: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    return connection
