"""Named SQL to typed rows: one statement, its parameters, one msgspec.Struct per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from django.db import connection

Parameters = Sequence[Any] | Mapping[str, Any]
Row = TypeVar("Row", bound=msgspec.Struct)


def fetch_all(row_type: type[Row], sql: str, parameters: Parameters = ()) -> list[Row]:
    """All rows; the selected columns are the struct's fields, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [row_type(*row) for row in cursor.fetchall()]


def fetch_one(row_type: type[Row], sql: str, parameters: Parameters = ()) -> Row | None:
    """The first row, or None."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
    return None if row is None else row_type(*row)


def fetch_value(sql: str, parameters: Parameters = ()) -> Any:
    """The first column of the first row, or None."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
    return None if row is None else row[0]


def fetch_rows(sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
    """Plain rows, for pairs and for what a struct does not describe."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def execute(sql: str, parameters: Parameters = ()) -> int:
    """Run a statement; the answer is the number of rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def to_json(value: Any) -> bytes:
    """JSON bytes; moments are ISO 8601 in UTC with a Z."""
    return msgspec.json.encode(value)
