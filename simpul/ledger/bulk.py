"""Set-based inserts: many rows in one statement, given as one JSON parameter, at a fraction of the cost of row by row."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, TextClause, text
from sqlalchemy.dialects.postgresql import dialect


def insert(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows; one whose key is there already is passed over. JSONB values are given as Python objects."""
    if not rows:
        return
    objects = [{column: value for column, value in zip(columns, row, strict=True) if value is not None} for row in rows]
    parameters = {"rows": json.dumps(objects, default=_plain)}
    connection.execute(_statement(table, tuple(columns)), parameters)


def _plain(value: Any) -> str:
    """What JSON has no type for, as Postgres reads it."""
    match value:
        case datetime():
            return value.isoformat()
        case bytes():
            return "\\x" + value.hex()
    raise TypeError(f"a {type(value).__name__} cannot be stored")


@lru_cache(maxsize=100)
def _statement(table: Table, columns: tuple[str, ...]) -> TextClause:
    names = ", ".join(columns)
    types = ", ".join(f"{column} {_type(table, column)}" for column in columns)
    # identifiers come from the tables' definition, values only through bound parameters
    return text(
        f"INSERT INTO {table.name} ({names}) SELECT {names} "  # noqa: S608
        f"FROM json_to_recordset(CAST(:rows AS json)) AS rows({types}) ON CONFLICT DO NOTHING"
    )


def _type(table: Table, column: str) -> str:
    return table.c[column].type.compile(dialect=dialect())  # type: ignore[no-untyped-call]
