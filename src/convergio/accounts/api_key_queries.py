"""What people see of API keys: everything but their values."""

from __future__ import annotations

from datetime import datetime

import msgspec

from convergio.accounts.actor import Actor
from convergio.accounts.api_keys import ALL_KEYS
from convergio.accounts.permissions import allows
from convergio.core import sql
from convergio.core.errors import NotFound


class KeyInbox(msgspec.Struct, frozen=True):
    """An inbox that a key is limited to."""

    id: int
    name: str
    tag: str


class Key(msgspec.Struct, frozen=True):
    """A living API key; its value was shown once. `inboxes` is None for a key that is not limited to any.

    `maker` is the name of who made it, `own` whether that is who asks.
    """

    id: int
    name: str
    prefix: str
    scopes: list[str]
    inboxes: list[KeyInbox] | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    last_used_ip: str | None
    maker_id: int
    maker: str
    own: bool


_KEYS = """
SELECT k.id, k.name, k.prefix, k.scopes,
  CASE WHEN k.inbox_ids IS NOT NULL THEN COALESCE((
    SELECT jsonb_agg(jsonb_build_object('id', i.id, 'name', i.name, 'tag', i.tag) ORDER BY i.id) FROM inboxes AS i
    WHERE k.inbox_ids @> to_jsonb(i.id)), '[]') END,
  k.created_at, k.expires_at, k.last_used_at, host(k.last_used_ip), k.user_id,
  COALESCE(NULLIF(u.name, ''), u.email), k.user_id = %(user)s
FROM api_keys AS k JOIN users AS u ON u.id = k.user_id
WHERE k.workspace_id = %(workspace)s AND k.revoked_at IS NULL AND (%(all)s OR k.user_id = %(user)s)
"""
_NEWEST = f"{_KEYS} ORDER BY k.id DESC"
_ONE = f"{_KEYS} AND k.id = %(key)s"
_INBOXES = "SELECT id, name, tag FROM inboxes WHERE workspace_id = %s ORDER BY is_active DESC, id"


def list_api_keys(actor: Actor) -> list[Key]:
    """The living keys of the workspace for who may end them all, else the actor's own; the newest first."""
    return [_key(row) for row in sql.fetch_rows(_NEWEST, _whose(actor))]


def get_api_key(actor: Actor, key_id: int) -> Key:
    """One of them. Raises NotFound."""
    rows = sql.fetch_rows(_ONE, {**_whose(actor), "key": key_id})
    if not rows:
        raise NotFound("API key")
    return _key(rows[0])


def list_inboxes_for_keys(actor: Actor) -> list[KeyInbox]:
    """The inboxes that a new key may be limited to."""
    return sql.fetch_all(KeyInbox, _INBOXES, [actor.workspace_id])


def _whose(actor: Actor) -> dict[str, object]:
    return {
        "workspace": actor.workspace_id,
        "user": actor.user_id,
        "all": allows(actor, ALL_KEYS) and actor.via == "session",
    }


def _key(row: tuple[object, ...]) -> Key:
    return msgspec.convert(dict(zip(Key.__struct_fields__, row, strict=True)), Key)
