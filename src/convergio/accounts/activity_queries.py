"""Reading the activity log: all of the workspace for its admins, the own lines for members."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from convergio.accounts.actor import Actor
from convergio.accounts.permissions import allows
from convergio.core import sql
from convergio.core.csv_export import BATCH, in_batches
from convergio.core.errors import NotFound
from convergio.core.paging import Page
from convergio.core.tenancy import workspace_scope

# Who may read everybody's lines.
ALL_LINES = "members.edit"


class ActivityRow(msgspec.Struct, frozen=True):
    """One line of the log. `user` is empty for what the system did by itself, `api_key` for what a person did.

    `subject` names table and id; `facts` are small values, never texts of mail.
    """

    id: int
    created_at: datetime
    user_id: int | None
    user: str
    api_key_id: int | None
    api_key: str
    ip: str | None
    action: str
    subject: str
    facts: dict[str, Any]


class ActivityFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Empty fields do not filter. `action` is one (mail.sent) or a kind of them (mail); `until` is not included."""

    action: str = ""
    user: int | None = None
    since: datetime | None = None
    until: datetime | None = None


class ActivityPage(msgspec.Struct, frozen=True):
    """Newest first; `next_cursor` is the last line's id while there are older ones."""

    rows: list[ActivityRow]
    next_cursor: int | None


class Member(msgspec.Struct, frozen=True):
    """Somebody whose lines may be asked for."""

    id: int
    name: str


_LIST = """
SELECT a.id, a.created_at, a.user_id, COALESCE(NULLIF(u.name, ''), u.email, ''), a.api_key_id, COALESCE(k.name, ''),
  host(a.ip), a.action, a.subject, a.facts
FROM activity AS a LEFT JOIN users AS u ON u.id = a.user_id LEFT JOIN api_keys AS k ON k.id = a.api_key_id
WHERE a.workspace_id = %(workspace)s {where}
ORDER BY a.id DESC LIMIT %(limit)s
"""
_CONDITIONS = {
    "action": "AND a.action = %(action)s",
    "kind": "AND starts_with(a.action, %(kind)s)",
    "user": "AND a.user_id = %(user)s",
    "since": "AND a.created_at >= %(since)s",
    "until": "AND a.created_at < %(until)s",
    "cursor": "AND a.id < %(cursor)s",
}
_MEMBERS = """
SELECT u.id, COALESCE(NULLIF(u.name, ''), u.email) FROM workspace_members AS m JOIN users AS u ON u.id = m.user_id
WHERE m.workspace_id = %s ORDER BY lower(COALESCE(NULLIF(u.name, ''), u.email)), u.id
"""


_KNOWN = """
SELECT EXISTS (SELECT FROM workspace_members WHERE workspace_id = %(workspace)s AND user_id = %(user)s)
  OR EXISTS (SELECT FROM activity WHERE workspace_id = %(workspace)s AND user_id = %(user)s)
"""


def require_known(actor: Actor, user_id: int | None) -> None:
    """Tell the lines of nobody from lines that are not there; who left is known by their lines. Raises NotFound."""
    if user_id is not None and not sql.fetch_value(
        _KNOWN, {"workspace": actor.workspace_id, "user": user_id}
    ):
        raise NotFound("person")


def sees_all(actor: Actor) -> bool:
    """Whether the actor may read what others did."""
    return allows(actor, ALL_LINES)


def list_activity(actor: Actor, wanted: ActivityFilter, page: Page) -> ActivityPage:
    """One page in one statement."""
    rows = _read(actor, wanted, before=page.cursor, limit=page.limit + 1)
    more = len(rows) > page.limit
    return ActivityPage(rows[: page.limit], rows[page.limit - 1].id if more else None)


def stream_activity(actor: Actor, wanted: ActivityFilter) -> Iterator[ActivityRow]:
    """All lines, in batches that open the workspace themselves: an answer is streamed after its transaction."""

    def read(before: int | None) -> list[ActivityRow]:
        with workspace_scope(actor.workspace_id):
            return _read(actor, wanted, before=before, limit=BATCH)

    return in_batches(read)


def list_members(actor: Actor) -> list[Member]:
    """Whom the log can be filtered by."""
    return sql.fetch_all(Member, _MEMBERS, [actor.workspace_id])


def _read(actor: Actor, wanted: ActivityFilter, *, before: int | None, limit: int) -> list[ActivityRow]:
    is_kind = "." not in wanted.action
    given = {
        "action": None if is_kind else wanted.action,
        "kind": f"{wanted.action}." if is_kind and wanted.action else None,
        "user": wanted.user,
        "since": wanted.since,
        "until": wanted.until,
        "cursor": before,
    }
    where = " ".join(_CONDITIONS[name] for name, value in given.items() if value is not None)
    own = "" if sees_all(actor) else "AND a.user_id = %(own)s"
    parameters = {**given, "own": actor.user_id, "workspace": actor.workspace_id, "limit": limit}
    return sql.fetch_all(ActivityRow, _LIST.format(where=f"{where} {own}"), parameters)
