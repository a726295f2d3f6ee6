"""Mailed links: each works once, until it expires. Only the digest of its token is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from django.conf import settings

from convergio.accounts.errors import InvalidLink
from convergio.accounts.models import OneTimeLink
from convergio.accounts.tokens import new_token
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.crypto import token_digest

Purpose = Literal["password_reset", "verify_email", "email_change_old", "email_change_new"]

_LIVING = "token_hash = %s AND purpose = ANY(%s) AND used_at IS NULL AND expires_at > statement_timestamp()"
_PEEK = f"SELECT user_id, purpose, facts FROM one_time_links WHERE {_LIVING}"
# One statement, so that of two parallel uses only one gets the row.
_SPEND = f"""
UPDATE one_time_links SET used_at = statement_timestamp() WHERE {_LIVING} RETURNING user_id, purpose, facts
"""
_CANCEL = """
UPDATE one_time_links SET used_at = statement_timestamp()
WHERE user_id = %s AND purpose = ANY(%s) AND used_at IS NULL
"""


class Link(msgspec.Struct, frozen=True):
    """Whose link it is, and what it is about."""

    user_id: int
    purpose: str
    facts: dict[str, Any]


def make_link(path: str, *, user_id: int, purpose: Purpose, life: timedelta, **facts: Any) -> str:
    """A new link to a page of ours, as it is mailed."""
    token = new_token()
    OneTimeLink.objects.create(
        user_id=user_id,
        purpose=purpose,
        token_hash=token_digest(token),
        facts=facts,
        expires_at=now() + life,
    )
    return f"{settings.PUBLIC_URL}{path}?{urlencode({'token': token})}"


def peek_link(token: str, *purposes: Purpose) -> Link | None:
    """The link if it could be spent now."""
    return sql.fetch_one(Link, _PEEK, [token_digest(token), list(purposes)])


def spend_link(token: str, *purposes: Purpose) -> Link:
    """Use the link up. Raises InvalidLink."""
    link = sql.fetch_one(Link, _SPEND, [token_digest(token), list(purposes)])
    if link is None:
        raise InvalidLink
    return link


def cancel_links(user_id: int, *purposes: Purpose) -> None:
    """End the user's links of these kinds."""
    sql.execute(_CANCEL, [user_id, list(purposes)])
