"""What people see of their account."""

from __future__ import annotations

from datetime import datetime

import msgspec

from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.core.storage import storage

HISTORY_LENGTH = 50


class Profile(msgspec.Struct):
    """The actor and the workspace they are in; `avatar` is the SHA-256 of a stored picture or empty."""

    id: int
    email: str
    name: str
    company: str
    phone: str
    avatar: str
    timezone: str
    created_at: datetime
    role: str
    workspace_id: int
    workspace_name: str
    notification_preferences: dict[str, bool]
    email_verified_at: datetime | None


class Session(msgspec.Struct):
    """A living session; `current` is the one that asks."""

    id: int
    kind: str
    device: str
    ip: str | None
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool


class Attempt(msgspec.Struct):
    """One line of the login history."""

    id: int
    email: str
    method: str
    outcome: str
    reason: str
    ip: str | None
    user_agent: str
    created_at: datetime


_PROFILE = """
SELECT u.id, u.email, u.name, u.company, u.phone, u.avatar, u.timezone, u.created_at, m.role, w.id, w.name,
       u.notification_preferences, u.email_verified_at
FROM users u
JOIN workspace_members m ON m.user_id = u.id
JOIN workspaces w ON w.id = m.workspace_id
WHERE u.id = %s AND w.id = %s
"""
_SESSIONS = """
SELECT id, kind, device, host(ip), user_agent, created_at, last_seen_at, expires_at, id IS NOT DISTINCT FROM %s
FROM user_sessions
WHERE user_id = %s AND revoked_at IS NULL AND expires_at > statement_timestamp()
ORDER BY last_seen_at DESC, id DESC
"""
_HISTORY = """
SELECT id, email, method, outcome, reason, host(ip), user_agent, created_at
FROM login_history WHERE user_id = %s ORDER BY id DESC LIMIT %s
"""


def profile(actor: Actor) -> Profile:
    """The actor's own profile."""
    found = sql.fetch_one(Profile, _PROFILE, [actor.user_id, actor.workspace_id])
    if found is None:
        raise NotFound("profile")
    return found


def avatar(actor: Actor) -> bytes | None:
    """The actor's picture, None when there is none."""
    sha256 = profile(actor).avatar
    return storage().read(sha256) if sha256 else None


def list_sessions(actor: Actor) -> list[Session]:
    """The actor's living sessions, the last used first."""
    return sql.fetch_all(Session, _SESSIONS, [actor.session_id, actor.user_id])


def login_history(actor: Actor) -> list[Attempt]:
    """The last 50 attempts at the actor's account, the newest first."""
    return sql.fetch_all(Attempt, _HISTORY, [actor.user_id, HISTORY_LENGTH])
