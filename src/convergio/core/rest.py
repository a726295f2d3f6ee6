"""Answers of hot endpoints: typed rows to JSON bytes, without a second validation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from django.http import HttpResponse
from ninja import Schema
from pydantic import BeforeValidator, create_model

from convergio.core.sql import to_json


def _as_text(value: object) -> object:
    """Pydantic would take a number, also one in quotes, for the seconds since 1970."""
    if isinstance(value, str) and not value.strip().lstrip("+-").replace(".", "", 1).isdigit():
        return value
    raise ValueError("a moment is written like 2026-11-24T09:30:00Z")


# A moment in a request's body, as the document says it: text of ISO 8601.
Moment = Annotated[datetime, BeforeValidator(_as_text)]

# For operations that ask a model: the document's own words for their refusal.
METERED: dict[str, Any] = {
    "responses": {
        402: {
            "description": "The balance or the plan's quota does not hold the call: `limit`, `resets_at`, and `needed` "
            "and `balance` in tokens, or `used` and `quota`. Nothing was asked of the model.",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
        }
    }
}


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


@cache
def schema_of(row_type: type[msgspec.Struct]) -> type[Schema]:
    """The OpenAPI schema of a row type and the row types inside it, so that documents and answers cannot differ."""
    fields: dict[str, Any] = {
        name: (_documented(hint), ...) for name, hint in get_type_hints(row_type).items()
    }
    return create_model(row_type.__name__, __base__=Schema, __doc__=row_type.__doc__, **fields)


def _documented(hint: Any) -> Any:
    """The hint with every row type replaced by its schema."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return schema_of(hint)
    inner = tuple(_documented(argument) for argument in get_args(hint))
    if isinstance(hint, UnionType):
        return reduce(or_, inner)
    return get_origin(hint)[inner] if inner and get_origin(hint) in (list, dict) else hint
