"""What a process says about itself: structured logs that show no personal data, and metrics for Prometheus.

Redaction goes by the schemas' field classes: a key that any record or form marks as personal is masked wherever it
stands in a log line. Long numbers (NIK, family card, NPWP: 15 digits or more) are masked wherever they occur, objects
are shown by their type, and exceptions show their message only where it is known to quote no input.
"""

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from types import TracebackType
from typing import Any, Literal
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, start_http_server
from pydantic import BaseModel

from schemas.privacy import HIDDEN, classification, redact
from schemas.registry import CONTRACTS

# The separators that people and URLs put between digits, up to three in a row (" - ").
_LONG_NUMBER = re.compile(r"\d(?:(?:[ \t\u00a0./_+\u2010-\u2015-]|%(?:20|2[BDEFbdef]|5[Ff])){0,3}\d){14,}")
# Ids of ours are hex, in which 15 digits may follow each other by chance. One without any letter is no id: two NIKs
# without a gap look like that.
_ID = re.compile(
    r"((?<![0-9A-Za-z])(?:"
    r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
    r"|(?=\d*[a-f])(?:[0-9a-f]{64}|[0-9a-f]{32})"
    r"|(?=[\d-]*[a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
    r")(?![0-9A-Za-z]))"
)
_LARGEST_SHOWN = 10.0**14
_TELLING = (str, Enum, Decimal, date, time, timedelta, UUID, PurePath)
_OWN_KEYS = frozenset({"event", "level", "timestamp", "logger", "process", "exception"})

REGISTRY = CollectorRegistry()
"""The metrics of this process; the console adds what it reads from the ledger."""
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)


class Redactor:
    """A structlog processor that hides personal data.

    Args:
        keys: Names of fields that hold personal data; `learn` adds those of a form.
    """

    def __init__(self, keys: set[str]) -> None:
        self._keys = keys

    def learn(self, form: Mapping[str, Any]) -> None:
        """Add the fields that a form's JSON Schema marks with `x-personal`."""
        self._keys.update(_marked(form))

    def __call__(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The log line without personal data."""
        return {without_numbers(str(key)): self._shown(key, value) for key, value in line.items()}

    def _shown(self, key: str, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        # Durations and rates have many digits after the point.
        if isinstance(value, float):
            return value if abs(value) < _LARGEST_SHOWN else HIDDEN
        if key in self._keys and key not in _OWN_KEYS:
            return HIDDEN
        if isinstance(value, Mapping):
            return {without_numbers(str(_plain(inner))): self._shown(str(inner), item) for inner, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._shown(key, item) for item in value]
        return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return redact(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, int):
        return HIDDEN if _LONG_NUMBER.search(str(value)) else value
    if isinstance(value, _TELLING):
        return without_numbers(str(value))
    # What a repr shows is anybody's guess: a dataclass shows all its fields.
    return f"<{type(value).__module__}.{type(value).__qualname__}>"


def without_numbers(text: str) -> str:
    """The text with every run of 15 digits or more hidden, also where they are grouped; ids of ours stay."""
    parts = _ID.split(text)
    parts[::2] = [_LONG_NUMBER.sub(HIDDEN, part) for part in parts[::2]]
    return "".join(parts)


def _marked(schema: Any, name: str | None = None) -> Iterator[str]:
    """Names of properties marked `x-personal`, and of everything below them."""
    if isinstance(schema, list):
        for part in schema:
            yield from _marked(part, name)
    if not isinstance(schema, Mapping):
        return
    if name is not None and "x-personal" in schema:
        yield name
    for key, part in schema.items():
        if key == "properties" and isinstance(part, Mapping):
            for inner, described in part.items():
                yield from _marked(described, inner)
        elif isinstance(part, Mapping | list) and key not in ("x-personal", "default", "examples", "enum", "const"):
            yield from _marked(part, name)


def _of_records() -> set[str]:
    return {path.rpartition(".")[2] for model in CONTRACTS.values() for path in classification(model)} - {"*"}


redactor = Redactor(_of_records())
"""The redactor of this process."""

_QUOTES_NO_INPUT = ("simpul.", "connectors.", "schemas.", "kafka.")


def describe(error: BaseException) -> str:
    """An exception in one line: its message only where it is known to quote no input."""
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    if kind.__module__.startswith(_QUOTES_NO_INPUT) or (
        kind.__module__ == "psycopg" and kind.__name__ == "OperationalError"
    ):
        return without_numbers(f"{name}: {error}".strip(": \n"))
    return name


def _frames(error: BaseException) -> str:
    """Where it was raised, with its causes: places only, since a line of source may hold a value too."""
    told: list[str] = []
    current: BaseException | None = error
    while current is not None:
        places = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(current.__traceback__)]
        told.append("\n".join([describe(current), *reversed(places)]))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return "\nbecause of ".join(told)


def _exception(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    given = line.pop("exc_info", None)
    if isinstance(given, tuple):
        given = given[1]
    if given is True:
        given = sys.exc_info()[1]
    if isinstance(given, BaseException):
        line["exception"] = _frames(given)
    return line


_CHATTY = {
    **dict.fromkeys(("kafka", "httpx", "httpcore"), logging.WARNING),
    # These log addresses and values, with tracebacks.
    **dict.fromkeys(("urllib3", "zeep"), logging.CRITICAL),
}


class _Handler(logging.StreamHandler[Any]):
    """Says that a line was lost, where logging itself would print the line with its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        """Called while the error is being handled."""
        with suppress(Exception):
            print(f"a log line of {record.name} was lost: {describe(_current())}", file=sys.__stderr__)


def _current() -> BaseException:
    return sys.exc_info()[1] or RuntimeError()


def _uncaught(
    _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None, where: str = ""
) -> None:
    """What nobody catches is told as a log line; Python itself would print the message and every cause's."""
    logger(__name__).critical(f"an exception ended {where or 'the process'}", exc_info=error)


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if not issubclass(args.exc_type, SystemExit):
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback, "a thread")


def configure(process: str, *, log_format: Literal["json", "text"] = "json", level: str = "INFO") -> None:
    """Set up logging of a whole process, to standard error; libraries that use `logging` are included.

    Exceptions that nobody catches become log lines too.

    Args:
        process: The process's role, on every line: `console`, `gateway:dukcapil`.
        log_format: One JSON object for each line, or text for eyes.
        level: Least level shown.
    """

    def name_process(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        line["process"] = process
        return line

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    # Nothing may come between the redactor and the renderer.
    last: list[structlog.typing.Processor] = [_exception, redactor, renderer]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _Handler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty, least in _CHATTY.items():
        logging.getLogger(chatty).setLevel(max(least, root.level))
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; its lines come out as `configure` says. Never give it an input value under a key of your own making."""
    return structlog.stdlib.get_logger(name)


def serve_metrics(port: int, host: str = "127.0.0.1") -> None:
    """Serve this process's metrics at `http://host:port/metrics`, from a thread of its own."""
    start_http_server(port, addr=host, registry=REGISTRY)
