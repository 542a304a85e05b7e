"""What can go wrong at a sandbox agency, one model for each kind of fault, and how a request meets it.

Which requests meet which fault lives in `fault_scripts`. Faults of an agency's own (an exhausted quota, an expired token, a clock
that is off) are registered by that agency, see `SandboxAgency.scripted`, and met by `kind = "scripted"`.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.toolkit import asgi, reshaping
from connectors.toolkit.asgi import Answer, Incoming, Receive, Send

Handler = Callable[[Incoming], Answer | Awaitable[Answer]]
Scripted = Callable[[Incoming, Handler], Answer | Awaitable[Answer]]
"""A fault of an agency's own: answers a request, with or without the handler that answers it on other days."""

Seconds = Annotated[float, Field(ge=0, le=3600)]
Bytes = Annotated[int, Field(ge=0, le=1 << 30)]

MAINTENANCE: Final = (
    "<!DOCTYPE html><html><head><title>Pemeliharaan</title></head>"
    "<body><h1>Sistem sedang dalam pemeliharaan</h1></body></html>"
)
_PART: Final = 64 * 1024
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Meeting:
    """A request that meets a fault.

    Attributes:
        answer: Does what the request asks for, and makes the answer of a good day.
        scripted: The same, under a fault of the agency's own, by its name.
        chance: Of the script, seeded.
    """

    incoming: Incoming
    answer: Callable[[], Awaitable[Answer]]
    scripted: Callable[[str], Awaitable[Answer]]
    chance: random.Random
    send: Send
    receive: Receive

    async def respond(self, answer: Answer) -> None:
        """Sends an answer in whole."""
        await asgi.respond(self.send, answer)


class _Fault(BaseModel):
    """What all faults have.

    Attributes:
        times: How many requests meet it before the next fault of the script comes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    times: int = Field(default=1, ge=1)


class _Instead(_Fault):
    """A fault in whose place no answer of the agency comes.

    Attributes:
        after_write: What was asked for has been done all the same.
    """

    after_write: bool = False

    async def _done(self, met: Meeting) -> None:
        if self.after_write:
            await met.answer()


class StatusFault(_Instead):
    """Answers with a status (and a body of your choice) instead of the agency's answer."""

    kind: Literal["status"]
    status: int = Field(default=503, ge=200, le=599)
    body: str = ""
    media_type: str = "text/html"
    retry_after: int | None = None

    async def meet(self, met: Meeting) -> None:
        """Answers."""
        await self._done(met)
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        await met.respond(Answer(self.body.encode(), self.status, self.media_type, headers))


class HtmlFault(_Instead):
    """A web page where an answer should be, with a status that says that all is well."""

    kind: Literal["html"]
    status: int = Field(default=200, ge=200, le=599)
    body: str = MAINTENANCE

    async def meet(self, met: Meeting) -> None:
        """Answers with the page."""
        await self._done(met)
        await met.respond(Answer(self.body.encode(), self.status, "text/html; charset=utf-8"))


class TimeoutFault(_Instead):
    """Keeps silent for so long, then drops the connection."""

    kind: Literal["timeout"]
    seconds: Seconds = 15.0

    async def meet(self, met: Meeting) -> None:
        """Waits, no longer than the caller does."""
        await self._done(met)
        await asgi.gone(met.receive, self.seconds)
        await asgi.drop(met.send, met.receive)


class DropFault(_Instead):
    """Drops the connection without a word."""

    kind: Literal["drop"]

    async def meet(self, met: Meeting) -> None:
        """Cuts the connection."""
        await self._done(met)
        await asgi.drop(met.send, met.receive)


class LatencyFault(_Fault):
    """Takes its time, then answers as ever.

    Attributes:
        distribution: `fixed`: always `seconds`; `uniform`: between `seconds` and `to`; `lognormal`: `seconds` is the
            median, and `sigma` how far it strays, never more than `to`.
    """

    kind: Literal["latency"]
    distribution: Literal["fixed", "uniform", "lognormal"] = "fixed"
    seconds: Seconds = 0.2
    to: Seconds | None = None
    sigma: float = Field(default=0.5, ge=0, le=5)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.distribution == "uniform" and self.to is None:
            raise ValueError("uniform needs `to`")
        if self.to is not None and self.to < self.seconds:
            raise ValueError("`to` is less than `seconds`")
        return self

    def drawn(self, chance: random.Random) -> float:
        """The next latency in seconds."""
        if self.distribution == "fixed":
            return self.seconds
        if self.distribution == "uniform":
            return chance.uniform(self.seconds, self.to or self.seconds)
        drawn = self.seconds * chance.lognormvariate(0, self.sigma)
        return drawn if self.to is None else min(drawn, self.to)

    async def meet(self, met: Meeting) -> None:
        """Waits, then answers."""
        await asyncio.sleep(self.drawn(met.chance))
        await met.respond(await met.answer())


class CutFault(_Fault):
    """Drops the connection in the middle of the answer's body."""

    kind: Literal["cut"]
    after_bytes: Bytes = 20

    async def meet(self, met: Meeting) -> None:
        """Announces the whole and sends a part; never the whole."""
        answer = await met.answer()
        await asgi.begin(met.send, answer, len(answer.body))
        await asgi.more(met.send, answer.body[: min(self.after_bytes, max(0, len(answer.body) - 1))])
        await asgi.hang_up(met.send, met.receive)


class TruncatedFault(_Fault):
    """The body ends too early, and the answer's length says that this is all.

    Attributes:
        keep: So many bytes; half of them when not given.
    """

    kind: Literal["truncated"]
    keep: Bytes | None = None

    async def meet(self, met: Meeting) -> None:
        """Answers in part."""
        answer = await met.answer()
        kept = len(answer.body) // 2 if self.keep is None else self.keep
        await met.respond(replace(answer, body=answer.body[:kept]))


class MalformedFault(_Fault):
    """All there, and still neither JSON nor XML."""

    kind: Literal["malformed"]

    async def meet(self, met: Meeting) -> None:
        """Answers with one bracket wrong."""
        answer = await met.answer()
        await met.respond(replace(answer, body=malformed(answer.body)))


class MediaTypeFault(_Fault):
    """The right body under the wrong content type."""

    kind: Literal["media_type"]
    media_type: str = "text/plain"

    async def meet(self, met: Meeting) -> None:
        """Answers under another label."""
        await met.respond(replace(await met.answer(), media_type=self.media_type))


class DriftFault(_Fault):
    """The answer has another shape than the contract says.

    Attributes:
        change: `renamed`, `retyped`, `missing`, or `added` beside it.
        field: Path with dots between names, `*` for each of a list: `content.*.NIK`; the seed chooses when not given.
        to: The new name, or for `retyped` the new type: `text`, `number`, `object`, `list` or `null`.
    """

    kind: Literal["drift"]
    change: reshaping.Change = "renamed"
    field: str | None = None
    to: str | None = None

    @model_validator(mode="after")
    def _known_type(self) -> Self:
        if self.change == "retyped" and self.to not in {None, "text", "number", "object", "list", "null"}:
            raise ValueError("`to` is the new type: text, number, object, list or null")
        return self

    async def meet(self, met: Meeting) -> None:
        """Answers in another shape; an answer without that field, or without any shape, as ever, and says so in the log."""
        answer = await met.answer()
        if answer.encode is not None:
            try:
                value = reshaping.reshaped(answer.value, self.change, self.field, self.to, met.chance)
                answer = replace(answer, body=answer.encode(value), value=value)
            except reshaping.NoSuchFieldError:
                _log.warning("drift: no field %s in this answer", self.field)
        await met.respond(answer)


class DuplicateFault(_Fault):
    """The answer comes twice.

    Attributes:
        of: `body`: twice within one answer; `answer`: a second answer follows that nobody asked for.
    """

    kind: Literal["duplicate"]
    of: Literal["body", "answer"] = "answer"

    async def meet(self, met: Meeting) -> None:
        """Answers twice."""
        answer = await met.answer()
        if self.of == "body":
            await met.respond(replace(answer, body=answer.body * 2))
            return
        await met.respond(answer)
        head = f"HTTP/1.1 {answer.status} \r\ncontent-type: {answer.media_type}\r\ncontent-length: {len(answer.body)}\r\n\r\n"
        asgi.transport(met.send).write(head.encode() + answer.body)


class SlowLorisFault(_Fault):
    """The body comes byte by byte."""

    kind: Literal["slow_loris"]
    every_ms: float = Field(default=200, gt=0, le=60_000)

    async def meet(self, met: Meeting) -> None:
        """Answers, as long as somebody listens."""
        answer = await met.answer()
        await asgi.begin(met.send, answer, len(answer.body))
        for position in range(len(answer.body)):
            await asyncio.sleep(self.every_ms / 1000)
            if not await asgi.more(met.send, answer.body[position : position + 1]):
                return
        await met.send({"type": "http.response.body", "body": b""})


class OversizedFault(_Fault):
    """The body is followed by so much white space that the whole has this size.

    Attributes:
        announced: The length stands in the headers.
    """

    kind: Literal["oversized"]
    size: Bytes = 64 << 20
    announced: bool = True

    async def meet(self, met: Meeting) -> None:
        """Answers, as long as somebody listens."""
        answer = await met.answer()
        size = max(self.size, len(answer.body))
        await asgi.begin(met.send, answer, size if self.announced else None)
        listening, left = await asgi.more(met.send, answer.body), size - len(answer.body)
        while listening and left:
            part = min(_PART, left)
            listening, left = await asgi.more(met.send, b" " * part), left - part
        if listening:
            await met.send({"type": "http.response.body", "body": b""})


class ScriptedFault(_Fault):
    """A fault of the agency's own, by the name under which its sandbox registers it: `quota`, `expired_token`."""

    kind: Literal["scripted"]
    name: str

    async def meet(self, met: Meeting) -> None:
        """Answers as the agency does then."""
        await met.respond(await met.scripted(self.name))


Fault = Annotated[
    StatusFault
    | HtmlFault
    | TimeoutFault
    | DropFault
    | LatencyFault
    | CutFault
    | TruncatedFault
    | MalformedFault
    | MediaTypeFault
    | DriftFault
    | DuplicateFault
    | SlowLorisFault
    | OversizedFault
    | ScriptedFault,
    Field(discriminator="kind"),
]


def malformed(body: bytes) -> bytes:
    """A body of about the same length that no parser of JSON or XML reads."""
    start = body.lstrip()[:1]
    if start == b"<":
        head, _, tail = body.rpartition(b"</")
        return head + b"<//" + tail
    if start in {b"{", b"["}:
        trimmed = body.rstrip()
        return trimmed[:-1] + b"," + trimmed[-1:]
    return b"\x00{<" + body
