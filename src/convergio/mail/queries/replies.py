"""Replies that a machine wrote."""

from __future__ import annotations

import msgspec

from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.core.paging import Page
from convergio.mail.queries.rows import REPLY_COLUMNS, AutoReplyRow


class ReplyList(msgspec.Struct, frozen=True):
    """A page of replies, newest first."""

    replies: list[AutoReplyRow]
    next_cursor: int | None


_LIST = f"""
SELECT {REPLY_COLUMNS} FROM auto_replies AS r
WHERE r.workspace_id = %(workspace)s {{where}} ORDER BY r.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
_CONDITIONS = {
    "status": "AND r.status = %(status)s",
    "email": "AND r.email_id = %(email)s",
    "cursor": "AND r.id < %(cursor)s",
}


def list_replies(actor: Actor, page: Page, *, status: str = "", email_id: int | None = None) -> ReplyList:
    """One page in one statement."""
    given = {"status": status or None, "email": email_id, "cursor": page.cursor}
    where = " ".join(_CONDITIONS[name] for name, value in given.items() if value is not None)
    rows = sql.fetch_all(
        AutoReplyRow,
        _LIST.format(where=where),
        {**given, "workspace": actor.workspace_id, "limit": page.limit + 1, "offset": page.offset},
    )
    more = len(rows) > page.limit
    return ReplyList(rows[: page.limit], rows[page.limit - 1].id if more else None)


def get_reply(actor: Actor, reply_id: int) -> AutoReplyRow:
    """One reply. Raises NotFound."""
    reply = sql.fetch_one(
        AutoReplyRow,
        f"SELECT {REPLY_COLUMNS} FROM auto_replies AS r WHERE r.workspace_id = %s AND r.id = %s",
        [actor.workspace_id, reply_id],
    )
    if reply is None:
        raise NotFound("draft")
    return reply
