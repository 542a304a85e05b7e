"""Connections to the ledger and its migration."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection as Connection  # noqa: PLC0414  # what `transaction` gives, for annotations
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

Database = Engine
"""A pool of connections to the ledger."""

UNAVAILABLE: tuple[type[Exception], ...] = (OperationalError, InterfaceError, PoolTimeoutError)
"""What is raised when Postgres is away, restarts, or has no connection to spare: try again later."""

REFUSED: tuple[type[Exception], ...] = (DataError, IntegrityError)
"""What is raised when Postgres answers and does not take a value: trying again changes nothing."""

TROUBLE: tuple[type[Exception], ...] = (DBAPIError, PoolTimeoutError)
"""Everything else that Postgres or the way to it may raise: look for `REFUSED` first."""

_MIGRATIONS = Path(__file__).parent / "migrations"


def _psycopg(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")


def connect(url: str, *, pool_size: int = 5) -> Engine:
    """An engine for threads. Connections that a restarted Postgres broke are replaced on check-out."""
    return create_engine(
        _psycopg(url),
        pool_size=pool_size,
        max_overflow=5,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 5},
    )


def connect_async(url: str) -> AsyncEngine:
    """An engine for the triggerer's event loop: few connections, shared by all its steps."""
    return create_async_engine(
        _psycopg(url),
        pool_size=4,
        max_overflow=2,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 5},
    )


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back on an exception."""
    with engine.begin() as connection:
        yield connection


def migrate(url: str, revision: str = "head") -> None:
    """Bring the ledger's schema to a revision; safe to run from several processes at once."""
    # Only the one who migrates pays for it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["url"] = _psycopg(url)
    command.upgrade(config, revision)
