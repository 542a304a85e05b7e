"""Postgres: tables, migrations, state machine, projector, queries. The only importer of sqlalchemy."""

from simpul.ledger.database import connect, migrate, transaction

__all__ = ["connect", "migrate", "transaction"]
