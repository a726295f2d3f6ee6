"""JSON answers that carry a session's tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from django.http import HttpResponse
from ninja import Schema

from convergio.accounts import cookies
from convergio.accounts.entrance import Entry
from convergio.accounts.limits import write_limit
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.sessions import Tokens
from convergio.core.rest import json_answer


class UserOut(Schema):
    """Who signed in."""

    id: int
    email: str
    name: str


class EntryOut(Schema):
    """Opaque tokens: the access token lives one hour, the refresh token 30 days and one use."""

    token: str
    refreshToken: str  # noqa: N815 - existing clients read these names
    expiresAt: datetime  # noqa: N815
    user: UserOut


class RenewedOut(Schema):
    """It was done, and the own session has new tokens; the old ones ended. A browser gets its own as a cookie."""

    status: Literal["ok"] = "ok"
    token: str | None = None
    refreshToken: str | None = None  # noqa: N815
    expiresAt: datetime  # noqa: N815


def entry_answer(entry: Entry, *, status: int = 200) -> HttpResponse:
    """The tokens of a session that just began, as EntryOut."""
    user = entry.user
    answer = {
        **_tokens(entry.tokens),
        "user": {"id": user.id, "email": user.email, "name": user.name},
    }
    response = json_answer(answer, status=status)
    write_limit(response, entry.limit)
    return response


def renewed_answer(request: SignedInHttpRequest, tokens: Tokens, **more: Any) -> HttpResponse:
    """The new tokens of the session that asked, as RenewedOut; `more` goes beside them."""
    if not request.by_cookie:
        return json_answer({"status": "ok", **_tokens(tokens), **more})
    hidden = {"token": None, "refreshToken": None, "expiresAt": tokens.expires_at}
    response = json_answer({"status": "ok", **hidden, **more})
    cookies.renew_session(response, tokens)
    return response


def _tokens(tokens: Tokens) -> dict[str, Any]:
    return {"token": tokens.access, "refreshToken": tokens.refresh, "expiresAt": tokens.expires_at}
