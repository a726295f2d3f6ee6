"""Browsers that may skip the code of two-step sign-in for 30 days. The password is asked for all the same."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from convergio.accounts.actor import Actor
from convergio.accounts.models import TrustedDevice
from convergio.accounts.tokens import new_token
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.crypto import token_digest

TRUST_LIFE = timedelta(days=30)

_LIVING = "d.revoked_at IS NULL AND d.expires_at > statement_timestamp()"
_FIND = f"""
SELECT d.id FROM trusted_devices d
JOIN user_2fa t ON t.user_id = d.user_id AND t.enabled_at IS NOT NULL
WHERE d.user_id = %s AND d.token_hash = %s AND {_LIVING}
"""
_LIST = f"""
SELECT d.id, coalesce(s.device, ''), host(s.ip), d.created_at, d.expires_at, s.id IS NOT DISTINCT FROM %s
FROM trusted_devices d LEFT JOIN user_sessions s ON s.id = d.session_id
WHERE d.user_id = %s AND {_LIVING}
ORDER BY d.id DESC
"""
_FOLLOW = "UPDATE trusted_devices SET session_id = %s WHERE id = %s"
_REVOKE = """
UPDATE trusted_devices SET revoked_at = statement_timestamp()
WHERE revoked_at IS NULL AND user_id = %(user_id)s
  AND (%(only)s::bigint IS NULL OR id = %(only)s)
  AND (%(keep_session)s::bigint IS NULL OR session_id IS DISTINCT FROM %(keep_session)s)
"""
_REVOKE_OF_SESSIONS = """
UPDATE trusted_devices SET revoked_at = statement_timestamp() WHERE revoked_at IS NULL AND session_id = ANY(%s)
"""


class Device(msgspec.Struct):
    """A trusted browser; `current` is the one that asks."""

    id: int
    device: str
    ip: str | None
    created_at: datetime
    expires_at: datetime
    current: bool


def trust(user_id: int, session_id: int) -> str:
    """Trust the browser that holds this session; the answer is the token for its cookie."""
    token = new_token()
    TrustedDevice.objects.create(
        user_id=user_id, session_id=session_id, token_hash=token_digest(token), expires_at=now() + TRUST_LIFE
    )
    return token


def find(user_id: int, token: str) -> int | None:
    """The living device of this user that the cookie names; None while two-step sign-in is off."""
    device_id: int | None = sql.fetch_value(_FIND, [user_id, token_digest(token)]) if token else None
    return device_id


def follow(device_id: int, session_id: int) -> None:
    """The device opened a new session: revoking that one takes the trust away now."""
    sql.execute(_FOLLOW, [session_id, device_id])


def list_devices(actor: Actor) -> list[Device]:
    """The actor's trusted browsers, the newest first."""
    return sql.fetch_all(Device, _LIST, [actor.session_id, actor.user_id])


def revoke(user_id: int, *, only: int | None = None, keep_session: int | None = None) -> int:
    """Trust a user's browsers no more (all, one, or all but the one of a session); the answer is how many."""
    return sql.execute(_REVOKE, {"user_id": user_id, "only": only, "keep_session": keep_session})


def revoke_of_sessions(session_ids: Sequence[int]) -> None:
    """Trust the browsers of these sessions no more."""
    if session_ids:
        sql.execute(_REVOKE_OF_SESSIONS, [list(session_ids)])
