"""Postgres: tables, migrations, state machine, projector, queries. The only importer of sqlalchemy."""

from simpul.ledger.database import Database, UnavailableError, connect, migrate, transaction

__all__ = ["Database", "UnavailableError", "connect", "migrate", "transaction"]
