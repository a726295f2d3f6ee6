"""Named SQL to typed rows: one statement, its parameters, one msgspec.Struct per row.

Statements run on Django's connection and in its transaction, but through psycopg's own cursor: parameters are bound by
the server, bytes travel as bytes, and a statement that runs often is prepared once per connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import psycopg
from django.db import connection
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format

Parameters = Sequence[Any] | Mapping[str, Any]
Row = TypeVar("Row", bound=msgspec.Struct)


def run(statement: str, parameters: Parameters = ()) -> psycopg.Cursor[Any]:
    """Execute one statement; the cursor holds its rows."""
    connection.ensure_connection()
    if connection.force_debug_cursor:  # the query log that tests count
        connection.queries_log.append({"sql": statement, "time": "0"})
    with connection.wrap_database_errors:
        return _cursor().execute(statement, parameters)


class _JsonLoader(Loader):
    """jsonb to objects; Django's connection leaves it as text for its own fields to decode."""

    def load(self, data: Buffer) -> Any:
        return msgspec.json.decode(data)


# psycopg's own (compiled) reading of moments; Django's connection has one in Python, to the same result in UTC.
_MomentLoader = psycopg.adapters.get_loader(psycopg.postgres.types["timestamptz"].oid, Format.TEXT)


def _cursor() -> psycopg.Cursor[Any]:
    cursor = psycopg.Cursor(connection.connection)
    cursor.adapters.register_loader("jsonb", _JsonLoader)
    if _MomentLoader is not None:
        cursor.adapters.register_loader("timestamptz", _MomentLoader)
    return cursor


def fetch_all(row_type: type[Row], statement: str, parameters: Parameters = ()) -> list[Row]:
    """All rows; the selected columns are the struct's fields, in their order."""
    return [row_type(*row) for row in run(statement, parameters).fetchall()]


def fetch_one(row_type: type[Row], statement: str, parameters: Parameters = ()) -> Row | None:
    """The first row, or None."""
    row = run(statement, parameters).fetchone()
    return None if row is None else row_type(*row)


def fetch_value(statement: str, parameters: Parameters = ()) -> Any:
    """The first column of the first row, or None."""
    row = run(statement, parameters).fetchone()
    return None if row is None else row[0]


def fetch_rows(statement: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """Plain rows, for pairs and for what a struct does not describe."""
    return run(statement, parameters).fetchall()


def fetch_column(statement: str, parameters: Parameters = ()) -> list[Any]:
    """The first column of every row."""
    return [row[0] for row in run(statement, parameters).fetchall()]


def execute(statement: str, parameters: Parameters = ()) -> int:
    """Run a statement; the answer is the number of rows it touched."""
    return run(statement, parameters).rowcount


def execute_many(statement: str, rows: Iterable[Parameters]) -> None:
    """Run a statement once per row, sent as one pipeline."""
    connection.ensure_connection()
    if connection.force_debug_cursor:
        connection.queries_log.append({"sql": statement, "time": "0"})
    with connection.wrap_database_errors:
        _cursor().executemany(statement, rows)


def next_ids(table: str, count: int) -> list[int]:
    """Ids for rows that are about to be inserted, in order."""
    return fetch_column(
        "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
    )


def to_json(value: Any) -> bytes:
    """JSON bytes; moments are ISO 8601 in UTC with a Z."""
    return msgspec.json.encode(value)
