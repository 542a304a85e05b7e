"""Set-based inserts: many rows in one statement, over arrays, at a fraction of the cost of row by row."""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, TextClause, text
from sqlalchemy.dialects.postgresql import JSONB, dialect


def insert(connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows; one whose key is there already is passed over. JSONB values are given as Python objects."""
    if not rows:
        return
    jsonb = [isinstance(table.c[column].type, JSONB) for column in columns]
    arrays = list(zip(*rows, strict=True))
    parameters = {
        f"p{i}": [json.dumps(value) for value in values] if jsonb[i] else list(values)
        for i, values in enumerate(arrays)
    }
    connection.execute(_statement(table, tuple(columns)), parameters)


@lru_cache(maxsize=100)
def _statement(table: Table, columns: tuple[str, ...]) -> TextClause:
    types = [_array_type(table, column) for column in columns]
    arrays = ", ".join(f"CAST(:p{i} AS {kind}[])" for i, kind in enumerate(types))
    values = ", ".join(
        f"CAST({column} AS jsonb)" if isinstance(table.c[column].type, JSONB) else column for column in columns
    )
    names = ", ".join(columns)
    # identifiers come from the tables' definition, values only through bound parameters
    return text(
        f"INSERT INTO {table.name} ({names}) SELECT {values} FROM unnest({arrays}) AS rows({names}) "  # noqa: S608
        "ON CONFLICT DO NOTHING"
    )


def _array_type(table: Table, column: str) -> str:
    kind = table.c[column].type
    return "text" if isinstance(kind, JSONB) else kind.compile(dialect=dialect())  # type: ignore[no-untyped-call]
