"""Sessions: a browser's cookie, or an API client's access and refresh token. Only digests are stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings

from convergio.accounts import trusted_devices
from convergio.accounts.actor import Actor
from convergio.accounts.client import Client
from convergio.accounts.models import UserSession
from convergio.accounts.tokens import new_token
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.crypto import token_digest
from convergio.core.errors import NotSignedIn

ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=30)
LONGEST_API_DAYS = 90
SIGNED_OUT = "signed_out"

_ROTATE = """
UPDATE user_sessions SET
    token_hash = %(token)s, token_expires_at = %(token_expires_at)s, refresh_hash = %(fresh)s,
    -- newest first; 256 digests are more than ten days of hourly refreshes
    used_refresh_hashes = substring(refresh_hash || used_refresh_hashes FROM 1 FOR 8192),
    expires_at = least(%(expires_at)s, created_at + make_interval(days => %(longest)s)),
    last_seen_at = statement_timestamp(), ip = coalesce(%(ip)s, ip)
WHERE id = %(id)s AND refresh_hash = %(used)s AND kind = 'api' AND revoked_at IS NULL
  AND expires_at > statement_timestamp()
  AND EXISTS (SELECT FROM users WHERE users.id = user_id AND is_active)
RETURNING user_id
"""
_RENEW = """
UPDATE user_sessions SET
    token_hash = %(token)s,
    token_expires_at = CASE kind WHEN 'api' THEN %(access_ends)s ELSE token_expires_at END,
    refresh_hash = CASE kind WHEN 'api' THEN %(refresh)s::bytea END,
    used_refresh_hashes = substring(coalesce(refresh_hash, '') || used_refresh_hashes FROM 1 FOR 8192),
    authenticated_at = statement_timestamp(), second_factor = second_factor OR %(second_factor)s
WHERE id = %(id)s AND revoked_at IS NULL
RETURNING kind, token_expires_at
"""
_REVOKE_REUSED = """
UPDATE user_sessions SET revoked_at = statement_timestamp(), revoked_reason = 'refresh_reused'
WHERE id = %s AND revoked_at IS NULL AND position(%s::bytea IN used_refresh_hashes) > 0
RETURNING user_id
"""
_REVOKE = """
UPDATE user_sessions SET revoked_at = statement_timestamp(), revoked_reason = %(reason)s
WHERE user_id = %(user_id)s AND revoked_at IS NULL
  AND (%(only)s::bigint IS NULL OR id = %(only)s) AND (%(keep)s::bigint IS NULL OR id <> %(keep)s)
RETURNING id
"""
_DROP_SECOND_FACTOR = """
UPDATE user_sessions SET second_factor = false
WHERE user_id = %(user_id)s AND second_factor
  AND NOT EXISTS (SELECT FROM passkeys WHERE passkeys.user_id = %(user_id)s)
"""
# Older than what counts as fresh (migrations/0005).
_NOT_FRESH = timedelta(minutes=10)


SessionKind = Literal["browser", "api"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the client carries; `refresh` is empty for a browser, whose cookie lives as long as the session."""

    access: str
    refresh: str
    expires_at: datetime
    session_id: int


def browser_life() -> timedelta:
    """How long a browser's session lives at most."""
    return timedelta(days=settings.SESSION_DAYS)


def open_session(
    *,
    user_id: int,
    workspace_id: int,
    kind: SessionKind,
    client: Client,
    second_factor: bool = False,
    fresh: bool = True,
) -> Tokens:
    """Start a session. A browser's ends SESSION_DAYS after its start, or SESSION_IDLE_DAYS after its last use;
    an API session's access token lives one hour, its refresh token 30 days, both together at most 90 days.

    One that is not `fresh` (a trusted device stood in for the code) has to confirm before it does sensitive things.
    """
    access, refresh = new_token(), new_token() if kind == "api" else ""
    ends = now() + (REFRESH_LIFE if kind == "api" else browser_life())
    token_ends = now() + ACCESS_LIFE if kind == "api" else ends
    session = UserSession.objects.create(
        user_id=user_id,
        workspace_id=workspace_id,
        kind=kind,
        token_hash=token_digest(access),
        token_expires_at=token_ends,
        refresh_hash=token_digest(refresh) if refresh else None,
        device=client.device,
        ip=client.ip,
        user_agent=client.user_agent,
        authenticated_at=now() if fresh else now() - _NOT_FRESH,
        second_factor=second_factor,
        idle_expires_at=now() + timedelta(days=settings.SESSION_IDLE_DAYS) if kind == "browser" else None,
        expires_at=ends,
    )
    return Tokens(access, _joined(session.id, refresh) if refresh else "", token_ends, session.id)


def rotate(refresh_token: str, *, client: Client) -> tuple[int, Tokens] | None:
    """Exchange a refresh token for new ones: (user id, tokens), or None when it does not hold."""
    session_id, used = _split(refresh_token)
    access, fresh = new_token(), new_token()
    token_ends = now() + ACCESS_LIFE
    user_id = sql.fetch_value(
        _ROTATE,
        {
            "id": session_id,
            "used": token_digest(used),
            "token": token_digest(access),
            "fresh": token_digest(fresh),
            "token_expires_at": token_ends,
            "expires_at": now() + REFRESH_LIFE,
            "longest": LONGEST_API_DAYS,
            "ip": client.ip,
        },
    )
    if user_id is None:
        return None
    return user_id, Tokens(access, _joined(session_id, fresh), token_ends, session_id)


def renew(session_id: int, *, second_factor: bool = False) -> Tokens | None:
    """New tokens for a session whose person just proved who they are; the old ones end. None when it ended meanwhile.

    `second_factor` adds to what the session has; it is never taken away.
    """
    access, refresh = new_token(), new_token()
    row = sql.fetch_rows(
        _RENEW,
        {
            "id": session_id,
            "token": token_digest(access),
            "refresh": token_digest(refresh),
            "access_ends": now() + ACCESS_LIFE,
            "second_factor": second_factor,
        },
    )
    if not row:
        return None
    kind, ends = row[0]
    return Tokens(access, _joined(session_id, refresh) if kind == "api" else "", ends, session_id)


def renew_own(actor: Actor, *, second_factor: bool = False) -> Tokens:
    """New tokens for the session that the actor uses. Raises NotSignedIn when it ended meanwhile."""
    tokens = renew(actor.session_id, second_factor=second_factor) if actor.session_id else None
    if tokens is None:
        raise NotSignedIn
    return tokens


def revoke_if_reused(refresh_token: str) -> int | None:
    """A refresh token that was exchanged before is in two hands: end its session. The answer is the user's id."""
    session_id, used = _split(refresh_token)
    user_id: int | None = sql.fetch_value(_REVOKE_REUSED, [session_id, token_digest(used)])
    return user_id


def revoke(user_id: int, *, reason: str, only: int | None = None, keep: int | None = None) -> int:
    """End a user's sessions (all, one, or all but one) from the next request on; the answer is how many.

    Their browsers are not trusted any more, unless the person only signed out there.
    """
    wanted = {"user_id": user_id, "reason": reason, "only": only, "keep": keep}
    ended = sql.fetch_column(_REVOKE, wanted)
    if reason != SIGNED_OUT:
        trusted_devices.revoke_of_sessions(ended)
    return len(ended)


def drop_second_factor(user_id: int) -> None:
    """Two-step sign-in was switched off: no session counts as having it, unless passkeys remain."""
    sql.execute(_DROP_SECOND_FACTOR, {"user_id": user_id})


def _joined(session_id: int, secret: str) -> str:
    """A refresh token begins with its session's id, so that a used one still finds its session."""
    return f"{session_id}.{secret}"


def _split(refresh_token: str) -> tuple[int, str]:
    session_id, _, secret = refresh_token.partition(".")
    plausible = session_id.isascii() and session_id.isdigit() and len(session_id) < 19
    return (int(session_id) if plausible else 0), secret
