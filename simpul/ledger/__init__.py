"""Postgres: tables, migrations, state machine, projector, queries. The only importer of sqlalchemy."""

from simpul.ledger.database import REFUSED, TROUBLE, UNAVAILABLE, Connection, Database, connect, migrate, transaction

__all__ = ["REFUSED", "TROUBLE", "UNAVAILABLE", "Connection", "Database", "connect", "migrate", "transaction"]
