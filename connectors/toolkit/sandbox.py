"""The kit that sandbox agencies are made from: routes, scripted faults, counts of calls and of writes by reference.

How an agency answers lives in that agency's `sandbox.py`; the server that hosts them all in `connectors.sandbox_app`; what
can go wrong with any answer in `faults`. What can go wrong at one agency only, `build(world)` registers, so that scripts can
say `kind = "scripted"` and its name; use these names where they fit:

    expired_token  the token or session that the request carries is no longer known:
                   agency.scripted("expired_token", lambda request, handler: (office.tokens.clear(), handler(request))[1])
    quota          today's calls are used up: agency.refusal("quota", lambda request: json_answer({"code": "08"}))
    clock_skew     its clock and ours differ by more than it bears: agency.skewed_clock(seconds)
    error_in_200   a failure of its own that comes with HTTP 200, where that is its way: agency.refusal("error_in_200", …)
"""

import inspect
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from connectors.toolkit import asgi
from connectors.toolkit.asgi import Answer, Incoming, Receive, Scope, Send, json_answer
from connectors.toolkit.fault_scripts import Faults, FaultScriptError, scripts
from connectors.toolkit.faults import Handler, Meeting, Scripted
from connectors.toolkit.population import SandboxWorld

__all__ = ["Answer", "Handler", "Incoming", "Receive", "SandboxAgency", "Scope", "Send", "control", "json_answer"]

Fields = Callable[[Incoming], Mapping[str, Any]]


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
        special: The agency's own faults, by the name with which scripts call them.
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
            ("DELETE", "faults"): self._take_behave,
            ("POST", "reset"): self._take_reset,
        }
        self._fixed: dict[tuple[str, str], _Route] = {}
        self._patterns: list[tuple[str, re.Pattern[str], _Route]] = []
        self._on_reset: list[Callable[[], None]] = []
        self._on_start: list[Callable[[str, int], Callable[[], None]]] = []
        self.special: dict[str, Scripted] = {}

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

    def scripted(self, name: str, fault: Scripted) -> None:
        """Registers a fault of this agency's own, for scripts that say `kind = "scripted"` and its name.

        Args:
            name: `quota`, `expired_token`, `clock_skew`: the same at every agency where the same goes wrong.
            fault: Takes the request and the handler of its route, and makes the answer. It may change what the agency
                knows and let the handler refuse, as it would, or answer itself.
        """
        self.special[name] = fault

    def refusal(self, name: str, answer: Callable[[Incoming], Answer]) -> None:
        """Registers a refusal of this agency's own, such as an error inside HTTP 200, that does nothing."""
        self.special[name] = lambda incoming, _: answer(incoming)

    def skewed_clock(self, seconds: float) -> None:
        """Registers `clock_skew`, for an agency that compares our clock with its own.

        Args:
            seconds: How far its clock is off then, more than it bears.
        """

        async def fault(incoming: Incoming, handler: Handler) -> Answer:
            with self.world.skewed(seconds):
                return await _answer(handler, incoming)

        self.special["clock_skew"] = fault

    def on_reset(self, forget: Callable[[], None]) -> None:
        """What else a reset forgets."""
        self._on_reset.append(forget)

    def on_start(self, start: Callable[[str, int], Callable[[], None]]) -> None:
        """What else runs while a sandbox server does, such as a mail server: started with the server's host and port.

        Args:
            start: Starts it, and gives what stops it. Raises OSError when it cannot be started there.
        """
        self._on_start.append(start)

    @contextmanager
    def started(self, host: str, port: int) -> Iterator[None]:
        """What runs beside a server at this address, until the block ends.

        Raises:
            OSError: Something cannot be started there.
        """
        with ExitStack() as stack:
            for start in self._on_start:
                stack.callback(start(host, port))
            yield

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
        incoming, route = self._routed(scope, await asgi.body(receive))
        if route is None:
            await asgi.respond(send, json_answer({"message": "Not Found"}, 404))
            return
        operation = route.operation if isinstance(route.operation, str) else route.operation(incoming)
        self.calls[operation] += 1
        met = self.faults.next(operation, lambda: route.fields(incoming))
        if met is None:
            await asgi.respond(send, await _answer(route.handler, incoming))
        else:
            fault, chance = met
            await fault.meet(self._meeting(route.handler, incoming, chance, receive, send))

    async def answered(self, scope: Scope, body: bytes) -> tuple[str, Answer]:
        """The answer of a good day, not sent yet, and its route's operation: for whoever works on what answers say."""
        incoming, route = self._routed(scope, body)
        if route is None:
            return "", json_answer({"message": "Not Found"}, 404)
        operation = route.operation if isinstance(route.operation, str) else route.operation(incoming)
        self.calls[operation] += 1
        return operation, await _answer(route.handler, incoming)

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
        return asgi.incoming(scope, path, parameters, body), route

    def _meeting(
        self, handler: Handler, incoming: Incoming, chance: random.Random, receive: Receive, send: Send
    ) -> Meeting:
        return Meeting(
            incoming=incoming,
            answer=lambda: _answer(handler, incoming),
            scripted=lambda name: _answer(lambda request: self.special[name](request, handler), incoming),
            chance=chance,
            send=send,
            receive=receive,
        )

    def _take_faults(self, request: Incoming) -> Answer:
        try:
            self.faults.add(scripts(request.body, self.special, ""))
        except FaultScriptError as error:
            return json_answer({"message": str(error)}, 422)
        return json_answer({"message": "OK"})

    def _take_behave(self, _: Incoming) -> Answer:
        self.faults.clear()
        return json_answer({"message": "OK"})

    def _take_reset(self, _: Incoming) -> Answer:
        self.reset()
        return json_answer({"message": "OK"})


async def control(agency: SandboxAgency, name: str, scope: Scope, receive: Receive, send: Send) -> None:
    """One request to an agency's control routes, over ASGI."""
    incoming = asgi.incoming(scope, scope["path"], {}, await asgi.body(receive))
    await asgi.respond(send, await agency.handle_control(name, incoming))


async def _answer(handler: Handler, incoming: Incoming) -> Answer:
    answer = handler(incoming)
    return await answer if inspect.isawaitable(answer) else answer


def _json_fields(incoming: Incoming) -> Mapping[str, Any]:
    body = incoming.json()
    return {**incoming.parameters, **(body if isinstance(body, dict) else {})}


def _group(match: re.Match[str]) -> str:
    return f"(?P<{match[1]}>{'.+' if match[2] else '[^/]+'})"
