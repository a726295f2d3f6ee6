"""The list of messages: filtered, newest first, each under every inbox that got it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.core.paging import Page
from convergio.mail.queries.rows import EMAIL_COLUMNS, EmailRow, email_row


class EmailFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Empty fields do not filter. `since` is included, `until` is not; `status` is the conversation's."""

    tag: str = ""
    direction: str = ""
    is_read: bool | None = None
    status: str = ""
    thread: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""


class EmailList(msgspec.Struct, frozen=True):
    """A page of messages. `total` is known when the list ends here, `next_cursor` (an email's id) when it does not."""

    emails: list[EmailRow]
    total: int | None
    next_cursor: int | None


_CONDITIONS = {
    "direction": "e.direction = %(direction)s",
    "is_read": "e.is_read = %(is_read)s",
    "thread": "e.thread_id = %(thread)s",
    "since": "e.received_at >= %(since)s",
    "until": "e.received_at < %(until)s",
    "status": "EXISTS (SELECT FROM email_threads AS t WHERE t.id = e.thread_id AND t.status = %(status)s)",
}
# Unread mail is in conversations with unread mail: where those are few, the list begins with them, and else it walks.
_FEW = 200
_UNREAD_THREADS = f"""
SELECT id FROM email_threads WHERE workspace_id = %(workspace)s AND unread_count > 0 LIMIT {_FEW + 1}
"""
_UNREAD_THREADS_UNDER_TAG = f"""
SELECT t.thread_id FROM inboxes AS inbox JOIN thread_inboxes AS t ON t.inbox_id = inbox.id AND t.unread_count > 0
WHERE inbox.workspace_id = %(workspace)s AND lower(inbox.tag) = lower(%(tag)s) LIMIT {_FEW + 1}
"""
_IN_THREADS = "e.thread_id = ANY(%(unread_threads)s)"
_CURSOR = "({at}, {id}) < (SELECT received_at, id FROM emails WHERE id = %(cursor)s)"

_EVERYWHERE = f"""
SELECT {EMAIL_COLUMNS} FROM emails AS e
WHERE e.workspace_id = %(workspace)s AND {{where}}
ORDER BY e.received_at DESC, e.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
# Each inbox with the tag walks its own index as far as the page reaches; a mail that two of them got is listed once.
_UNDER_TAG = f"""
SELECT {EMAIL_COLUMNS} FROM (
  SELECT DISTINCT listed.email_id, listed.received_at
  FROM inboxes AS inbox CROSS JOIN LATERAL (
    SELECT d.email_id, d.received_at FROM email_deliveries AS d JOIN emails AS e ON e.id = d.email_id
    WHERE d.inbox_id = inbox.id AND {{where}}
    ORDER BY d.received_at DESC, d.email_id DESC LIMIT %(reach)s
  ) AS listed
  WHERE inbox.workspace_id = %(workspace)s AND lower(inbox.tag) = lower(%(tag)s)
  ORDER BY listed.received_at DESC, listed.email_id DESC LIMIT %(limit)s OFFSET %(offset)s
) AS page JOIN emails AS e ON e.id = page.email_id
ORDER BY page.received_at DESC, page.email_id DESC
"""
# The statement, and what its rows are ordered by.
_BY_TIME = (_EVERYWHERE, ("e.received_at", "e.id"))
_BY_TAG = (_UNDER_TAG, ("d.received_at", "d.email_id"))


def list_emails(actor: Actor, wanted: EmailFilter, page: Page) -> EmailList:
    """One page in one statement, two for unread mail; `wanted.search` is left to queries.search."""
    statement, place = _BY_TAG if wanted.tag else _BY_TIME
    parameters = _parameters(actor, wanted, page)
    conditions = _conditions(wanted, page, place)
    if wanted.is_read is False:
        threads = sql.fetch_column(_UNREAD_THREADS_UNDER_TAG if wanted.tag else _UNREAD_THREADS, parameters)
        conditions += [_IN_THREADS] if len(threads) <= _FEW else []
        parameters["unread_threads"] = threads
    where = " AND ".join(conditions) or "true"
    rows = sql.fetch_rows(statement.format(where=where), parameters)
    return paged([email_row(row) for row in rows], page)


def require_known(actor: Actor, *, thread_id: int | None = None, email_id: int | None = None) -> None:
    """Tell an empty list from a list of what is not there. Raises NotFound."""
    statements = {
        "conversation": ("SELECT 1 FROM email_threads WHERE id = %s AND workspace_id = %s", thread_id),
        "email": ("SELECT 1 FROM emails WHERE id = %s AND workspace_id = %s", email_id),
    }
    for what, (statement, row_id) in statements.items():
        if row_id is not None and sql.fetch_value(statement, [row_id, actor.workspace_id]) is None:
            raise NotFound(what)


def paged(emails: list[EmailRow], page: Page) -> EmailList:
    """Cut the one row too many that tells whether the list goes on."""
    if len(emails) > page.limit:
        return EmailList(emails[: page.limit], None, emails[page.limit - 1].id)
    is_all = page.cursor is None and (emails or not page.offset)
    return EmailList(emails, page.offset + len(emails) if is_all else None, None)


def _conditions(wanted: EmailFilter, page: Page, place: tuple[str, str]) -> list[str]:
    given = [name for name, value in msgspec.structs.asdict(wanted).items() if value not in ("", None)]
    conditions = [_CONDITIONS[name] for name in given if name in _CONDITIONS]
    conditions += [_CURSOR.format(at=place[0], id=place[1])] if page.cursor is not None else []
    return conditions


def _parameters(actor: Actor, wanted: EmailFilter, page: Page) -> dict[str, Any]:
    return {
        **msgspec.structs.asdict(wanted),
        "workspace": actor.workspace_id,
        "cursor": page.cursor,
        "limit": page.limit + 1,
        "offset": page.offset,
        "reach": page.offset + page.limit + 1,
    }
