"""Which limit kept a model from being asked, when and for what: one line an hour, however often it happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import OverQuota

MOST = 50

_NOTE = """
INSERT INTO ai_stops AS known (user_id, workspace_id, member_id, reason, feature, cause, inbox_id, needed, available,
  hour, first_at, last_at)
VALUES (%(user)s, %(workspace)s, %(member)s, %(reason)s, %(feature)s, %(cause)s, %(inbox)s, %(needed)s, %(available)s,
  date_trunc('hour', %(now)s::timestamptz, 'UTC'), %(now)s, %(now)s)
ON CONFLICT (workspace_id, reason, feature, hour) DO UPDATE SET times = known.times + 1, cause = excluded.cause,
  inbox_id = excluded.inbox_id, member_id = excluded.member_id, needed = excluded.needed,
  available = excluded.available, last_at = greatest(known.last_at, excluded.last_at)
"""
_COLUMNS = "id, workspace_id, member_id, reason, feature, cause, inbox_id, needed, available, times, first_at, last_at"
_LIST = f"""
SELECT {_COLUMNS} FROM ai_stops
WHERE user_id = %(user)s AND last_at >= %(since)s AND (%(workspace)s::bigint IS NULL OR workspace_id = %(workspace)s)
ORDER BY last_at DESC, id DESC LIMIT {MOST}
"""
# The newest stop of a workspace, with what the payer has now.
_LATEST = f"""
SELECT {_COLUMNS} FROM ai_stops
WHERE user_id = (SELECT owner_id FROM workspaces WHERE id = %(workspace)s) AND workspace_id = %(workspace)s
  AND last_at >= %(since)s
ORDER BY last_at DESC, id DESC LIMIT 1
"""


class Stop(msgspec.Struct, frozen=True):
    """`needed` and `available` are tokens; of a quota, what was counted and what the plan allows."""

    id: int
    workspace_id: int
    member_id: int | None
    reason: str
    feature: str
    cause: str
    inbox_id: int | None
    needed: int
    available: int
    times: int
    first_at: datetime
    last_at: datetime


def note_stop(user_id: int, refusal: OverQuota, **facts: Any) -> None:
    """Write it down: `facts` are the purpose's workspace, member, feature, cause and inbox."""
    told = refusal.facts
    needed, available = told.get("needed", told.get("used")), told.get("balance", told.get("quota"))
    values = {"user": user_id, "reason": told["limit"], "needed": needed, "available": available}
    sql.execute(_NOTE, {**facts, **values, "now": now()})


def list_stops(user_id: int, *, since: datetime, workspace_id: int | None = None) -> list[Stop]:
    """The payer's, newest first; of one workspace or of all."""
    return sql.fetch_all(Stop, _LIST, {"user": user_id, "since": since, "workspace": workspace_id})


def latest_stop(workspace_id: int, *, since: datetime) -> Stop | None:
    """The newest one of a workspace."""
    return sql.fetch_one(Stop, _LATEST, {"workspace": workspace_id, "since": since})
