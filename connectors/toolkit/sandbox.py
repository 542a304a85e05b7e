"""The kit that sandbox agencies are made from: routes, scripted faults, counts of calls and of writes by reference.

How an agency answers lives in that agency's `sandbox.py`; the server that hosts them all in `connectors.sandbox_app`.
"""

import asyncio
import inspect
import re
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic_core import from_json, to_json

from connectors.toolkit.population import SandboxWorld

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


Handler = Callable[[Incoming], Answer | Awaitable[Answer]]
Fields = Callable[[Incoming], Mapping[str, Any]]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StatusFault(_Strict):
    """Answers with a status (and a body of your choice) instead of the agency's answer."""

    kind: Literal["status"]
    status: int = 503
    body: str = ""
    media_type: str = "text/html"
    retry_after: int | None = None
    after_write: bool = False


class TimeoutFault(_Strict):
    """Keeps silent for so long, then drops the connection."""

    kind: Literal["timeout"]
    seconds: float = 15.0
    after_write: bool = False


class DropFault(_Strict):
    """Drops the connection without a word."""

    kind: Literal["drop"]
    after_write: bool = False


class LatencyFault(_Strict):
    """Takes its time, then answers as ever."""

    kind: Literal["latency"]
    seconds: float = 0.2


Fault = Annotated[StatusFault | TimeoutFault | DropFault | LatencyFault, Field(discriminator="kind")]


class FaultScript(_Strict):
    """Faults for the next matching requests, one each, in order.

    Attributes:
        operation: The connector's name of the operation; `*` for any.
        match: Values that the request's fields must have, compared as text; empty matches every request.
        forever: Begin again at the end of the list, instead of going back to good behaviour.
    """

    operation: str = "*"
    match: dict[str, str | int] = {}
    faults: list[Fault] = Field(min_length=1)
    forever: bool = False


FAULT_SCRIPTS: TypeAdapter[list[FaultScript]] = TypeAdapter(list[FaultScript])


class Faults:
    """The faults still to come."""

    def __init__(self) -> None:
        self._scripts: list[tuple[FaultScript, list[Fault]]] = []

    def add(self, scripts: list[FaultScript]) -> None:
        """More faults, after those there already are."""
        self._scripts += [(script, list(script.faults)) for script in scripts]

    def clear(self) -> None:
        """Good behaviour from now on."""
        self._scripts.clear()

    def next(self, operation: str, fields: Callable[[], Mapping[str, Any]]) -> Fault | None:
        """The fault this request meets. `fields` is called only when there are faults at all."""
        if not self._scripts:
            return None
        known = fields()
        for position, (script, left) in enumerate(self._scripts):
            if script.operation in {"*", operation} and all(
                str(known.get(name)) == str(value) for name, value in script.match.items()
            ):
                fault = left.pop(0)
                if script.forever:
                    left.append(fault)
                elif not left:
                    del self._scripts[position]
                return fault
        return None


@dataclass(frozen=True, slots=True)
class _Route:
    operation: str | Callable[[Incoming], str]
    handler: Handler
    fields: Fields


class SandboxAgency:
    """One simulated agency: an ASGI application without a framework, so that it is not the bottleneck of a benchmark.

    Attributes:
        calls: Requests by operation.
        writes: What happened, by operation and our reference: a count above one is a duplicate.
    """

    def __init__(self, name: str, world: SandboxWorld) -> None:
        self.name = name
        self.world = world
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.writes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.controls: dict[tuple[str, str], Handler] = {
            ("GET", "writes"): lambda _: json_answer(self.writes),
            ("GET", "calls"): lambda _: json_answer(self.calls),
            ("POST", "faults"): self._take_faults,
            ("POST", "reset"): self._take_reset,
        }
        self._fixed: dict[tuple[str, str], _Route] = {}
        self._patterns: list[tuple[str, re.Pattern[str], _Route]] = []
        self._on_reset: list[Callable[[], None]] = []

    def on(
        self,
        method: str,
        path: str,
        operation: str | Callable[[Incoming], str],
        handler: Handler,
        fields: Fields | None = None,
    ) -> None:
        """Adds a route.

        Args:
            method: `GET`, `POST`, …
            path: Below the agency's prefix; `{name}` is one part of it, `{name:path}` any number.
            operation: The connector's name for it, or how to tell from the request.
            handler: Makes the answer; may be a coroutine function.
            fields: What fault scripts can match, by our names; the top level of a JSON body when not given.
        """
        route = _Route(operation, handler, fields or _json_fields)
        if "{" in path:
            pattern = re.sub(r"\\{(\w+)(:path)?\\}", _group, re.escape(path))
            self._patterns.append((method, re.compile(pattern), route))
        else:
            self._fixed[method, path] = route

    def control(self, method: str, name: str, handler: Handler) -> None:
        """Adds a control route of this agency: `/_sandbox/<agency>/<name>`."""
        self.controls[method, name] = handler

    def on_reset(self, forget: Callable[[], None]) -> None:
        """What else a reset forgets."""
        self._on_reset.append(forget)

    def wrote(self, operation: str, reference: str) -> None:
        """Something that must not happen twice has happened."""
        self.writes[operation][reference] += 1

    def reset(self) -> None:
        """As new: no faults, counts or state."""
        self.faults.clear()
        self.calls.clear()
        self.writes.clear()
        for forget in self._on_reset:
            forget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request below the agency's prefix, which is in `root_path`."""
        incoming, route = self._routed(scope, await _body(receive))
        if route is None:
            await _respond(send, json_answer({"message": "Not Found"}, 404))
            return
        operation = route.operation if isinstance(route.operation, str) else route.operation(incoming)
        self.calls[operation] += 1
        fault = self.faults.next(operation, lambda: route.fields(incoming))
        answer = await _answer(route.handler, incoming) if fault is None else await _suffer(fault, route, incoming)
        if answer is None:
            _drop(send)
        else:
            await _respond(send, answer)

    async def handle_control(self, name: str, incoming: Incoming) -> Answer:
        """One request to the control routes."""
        handler = self.controls.get((incoming.method, name))
        return json_answer({"message": "Not Found"}, 404) if handler is None else await _answer(handler, incoming)

    def _routed(self, scope: Scope, body: bytes) -> tuple[Incoming, _Route | None]:
        path, method = scope["path"][len(scope.get("root_path", "")) :], scope["method"]
        route, parameters = self._fixed.get((method, path)), {}
        if route is None:
            for candidate, pattern, its_route in self._patterns:
                if candidate == method and (match := pattern.fullmatch(path)):
                    route, parameters = its_route, match.groupdict()
                    break
        return incoming(scope, path, parameters, body), route

    def _take_faults(self, request: Incoming) -> Answer:
        self.faults.add(FAULT_SCRIPTS.validate_json(request.body))
        return json_answer({"message": "OK"})

    def _take_reset(self, _: Incoming) -> Answer:
        self.reset()
        return json_answer({"message": "OK"})


def incoming(scope: Scope, path: str, parameters: Mapping[str, str], body: bytes) -> Incoming:
    """A request from its ASGI scope and body."""
    return Incoming(
        method=scope["method"],
        path=path,
        parameters=parameters,
        query=dict(parse_qsl(scope["query_string"].decode())),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )


async def control(agency: SandboxAgency, name: str, scope: Scope, receive: Receive, send: Send) -> None:
    """One request to an agency's control routes, over ASGI."""
    await _respond(send, await agency.handle_control(name, incoming(scope, scope["path"], {}, await _body(receive))))


async def _suffer(fault: Fault, route: _Route, incoming: Incoming) -> Answer | None:
    """The answer under a fault; None to drop the connection."""
    if isinstance(fault, LatencyFault):
        await asyncio.sleep(fault.seconds)
        return await _answer(route.handler, incoming)
    if fault.after_write:
        await _answer(route.handler, incoming)
    if isinstance(fault, StatusFault):
        headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
        return Answer(fault.body.encode(), fault.status, fault.media_type, headers)
    if isinstance(fault, TimeoutFault):
        await asyncio.sleep(fault.seconds)
    return None


async def _answer(handler: Handler, incoming: Incoming) -> Answer:
    answer = handler(incoming)
    return await answer if inspect.isawaitable(answer) else answer


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    return body


async def _respond(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", answer.media_type.encode()), (b"content-length", str(len(answer.body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _drop(send: Send) -> None:
    # ASGI has no word for this; uvicorn's `send` is a method of an object that knows its transport.
    send.__self__.transport.abort()  # type: ignore[attr-defined]


def _json_fields(incoming: Incoming) -> Mapping[str, Any]:
    body = incoming.json()
    return {**incoming.parameters, **(body if isinstance(body, dict) else {})}


def _group(match: re.Match[str]) -> str:
    return f"(?P<{match[1]}>{'.+' if match[2] else '[^/]+'})"
