"""Idempotency-Key: a POST that sends, publishes or charges happens once, however often a client repeats it.

The key is inserted in the request's own transaction, before the work. A repetition that comes while the first is still
at work waits at the unique index: if the first commits it gets the stored answer, if the first fails it does the work.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

import msgspec
from django.http import HttpRequest, HttpResponse, RawPostDataException

from convergio.core import sql
from convergio.core.errors import Conflict, InvalidInput

P = ParamSpec("P")
View = Callable[Concatenate[Any, P], HttpResponse]
_LONGEST_KEY = 255

_FORGET_OLD = """
DELETE FROM idempotency_keys
WHERE workspace_id = %s AND created_at < statement_timestamp() - interval '24 hours'
"""
_CLAIM = """
INSERT INTO idempotency_keys (workspace_id, key, request_hash) VALUES (%s, %s, %s)
ON CONFLICT (workspace_id, key) DO NOTHING
"""
_STORED = "SELECT request_hash, status, answer FROM idempotency_keys WHERE workspace_id = %s AND key = %s"
_STORE = "UPDATE idempotency_keys SET status = %s, answer = %s WHERE workspace_id = %s AND key = %s"


class _Stored(msgspec.Struct):
    request_hash: bytes
    status: int
    answer: bytes


def idempotent(view: View[P]) -> View[P]:
    """Wrap an API function that answers JSON as an HttpResponse and runs in a signed-in request's transaction.

    Keys hold for 24 hours in one workspace. The same key with another request raises Conflict; without the header
    nothing changes.
    """

    @wraps(view)
    def once(request: Any, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return view(request, *args, **kwargs)
        stored = _claim(request.actor.workspace_id, key, _digest(request))
        if stored is not None:
            return HttpResponse(stored.answer, status=stored.status, content_type="application/json")
        response = view(request, *args, **kwargs)
        sql.execute(_STORE, [response.status_code, response.content, request.actor.workspace_id, key])
        return response

    # The API reads types from the signature, and would look their names up in this module instead of the view's.
    once.__signature__ = inspect.signature(view, eval_str=True)  # type: ignore[attr-defined]
    return cast(View[P], once)


def _digest(request: HttpRequest) -> bytes:
    # Another key's answer is not for a key that reaches less.
    reach = sorted(request.actor.inbox_ids or ())  # type: ignore[attr-defined]
    line = f"{request.method} {request.get_full_path()}{reach or ''}\n".encode()
    try:
        body = request.body
    except RawPostDataException:  # an upload that was read as a stream
        body = request.META.get("CONTENT_LENGTH", "").encode()
    return hashlib.sha256(line + body).digest()


def _claim(workspace_id: int, key: str, request_hash: bytes) -> _Stored | None:
    """The stored answer of an earlier request, or None when the work is ours."""
    if not 0 < len(key) <= _LONGEST_KEY or not key.isprintable():
        raise InvalidInput("invalid_idempotency_key", "Idempotency-Key takes 1 to 255 printable characters.")
    sql.execute(_FORGET_OLD, [workspace_id])
    if sql.execute(_CLAIM, [workspace_id, key, request_hash]):
        return None
    stored = sql.fetch_one(_Stored, _STORED, [workspace_id, key])
    if stored is None or bytes(stored.request_hash) != request_hash:
        raise Conflict(
            "idempotency_key_reused", "This Idempotency-Key was used for another request; take a new one."
        )
    return stored
