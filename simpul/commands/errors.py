"""What the command line says when something expected goes wrong: one line that names the variable, never a value."""

import os
import sys
from collections.abc import Iterator

import pydantic


def explain(error: BaseException) -> str | None:
    """One line for an expected failure; None for what deserves its traceback.

    `SIMPUL_TRACEBACK=1` asks for the traceback of everything.
    """
    if os.environ.get("SIMPUL_TRACEBACK"):
        return None
    if isinstance(error, pydantic.ValidationError):
        return "; ".join(_settings(error)) or None
    if isinstance(error, ValueError) and str(error).startswith(("SIMPUL_", "the master key")):
        return str(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    for module, name, line in _UNREACHABLE:
        if any(kind.__name__ == name and kind.__module__.startswith(module) for kind in type(error).__mro__):
            return line
    return None


_UNREACHABLE = (
    ("sqlalchemy", "OperationalError", "the ledger cannot be reached: look at SIMPUL_DATABASE_URL and at Postgres"),
    ("sqlalchemy", "ProgrammingError", "the ledger's schema does not fit: run `simpul db upgrade`"),
    ("psycopg", "OperationalError", "the ledger cannot be reached: look at SIMPUL_DATABASE_URL and at Postgres"),
    ("kafka", "KafkaConnectionError", "Kafka cannot be reached: look at SIMPUL_KAFKA_BOOTSTRAP and at the broker"),
    ("kafka", "NoBrokersAvailable", "Kafka cannot be reached: look at SIMPUL_KAFKA_BOOTSTRAP and at the broker"),
)


def _settings(error: pydantic.ValidationError) -> Iterator[str]:
    """One clause for each wrong setting, by the name of its environment variable."""
    prefix = _prefix(error.title)
    if prefix is None:
        return
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        variable = prefix + "_".join(str(part) for part in problem["loc"]).upper()
        yield f"{variable}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"


def _prefix(title: str) -> str | None:
    """The variable prefix of the settings class with this name, None when there is no such class."""
    settings = sys.modules.get("pydantic_settings")
    if settings is None:
        return None
    waiting = list(settings.BaseSettings.__subclasses__())
    while waiting:
        kind = waiting.pop()
        if kind.__name__ == title:
            return str(kind.model_config.get("env_prefix", ""))
        waiting.extend(kind.__subclasses__())
    return None
