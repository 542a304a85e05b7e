"""Postgres: tables, migrations, state machine, projector, queries. The only importer of sqlalchemy."""

from simpul.ledger.database import UNAVAILABLE, Connection, Database, connect, migrate, transaction

__all__ = ["UNAVAILABLE", "Connection", "Database", "connect", "migrate", "transaction"]
