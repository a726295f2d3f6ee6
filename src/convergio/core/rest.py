"""Answers of hot endpoints: typed rows to JSON bytes, without a second validation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_type_hints

import msgspec
from django.http import HttpResponse
from ninja import Schema
from pydantic import create_model

from convergio.core.sql import to_json


def json_answer(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Encode structs, lists and moments (ISO 8601, UTC, Z)."""
    return HttpResponse(to_json(value), content_type="application/json", status=status, headers=headers)


def list_answer(
    rows: Sequence[msgspec.Struct], *, total: int | None, next_cursor: int | None
) -> HttpResponse:
    """A bare array; X-Total-Count where it was counted, X-Next-Cursor while there is more."""
    headers = {}
    if total is not None:
        headers["X-Total-Count"] = str(total)
    if next_cursor is not None:
        headers["X-Next-Cursor"] = str(next_cursor)
    return json_answer(rows, headers=headers)


def schema_of(row_type: type[msgspec.Struct]) -> type[Schema]:
    """The OpenAPI schema of a row type, so that documents and answers cannot differ."""
    fields: dict[str, Any] = {name: (hint, ...) for name, hint in get_type_hints(row_type).items()}
    return create_model(row_type.__name__, __base__=Schema, __doc__=row_type.__doc__, **fields)
