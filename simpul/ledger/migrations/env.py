"""Alembic's entry: runs the ledger's migrations under an advisory lock, so that only one process migrates."""

from alembic import context
from sqlalchemy import create_engine, text

from simpul.ledger.tables import metadata

_LOCK = 7_365_1301  # any number of our own

engine = create_engine(context.config.attributes["url"])
with engine.connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
    connection.commit()
    context.configure(connection=connection, target_metadata=metadata, version_table="simpul_version")
    with context.begin_transaction():
        context.run_migrations()
    connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
    connection.commit()
engine.dispose()
