"""Postgres: tables, migrations, state machine, projector, queries. The only importer of sqlalchemy."""
