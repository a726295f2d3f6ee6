"""Searching messages: ids from the search function, rows under row-level security."""

from __future__ import annotations

from typing import Any

from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.core.paging import Page
from convergio.mail.queries.conversations import (
    CONVERSATION_COLUMNS,
    CONVERSATION_JOINS,
    CONVERSATION_ORDER,
    OUR_INBOXES,
    PAGE,
    ConversationPage,
    ConversationRow,
    conversation_row,
)
from convergio.mail.queries.lists import EmailFilter, EmailList, paged
from convergio.mail.queries.places import Place
from convergio.mail.queries.rows import EMAIL_COLUMNS, email_row
from convergio.mail.search_terms import SearchTerms, parse_search

# The function of migration mail/0005.
_FOUND = """convergio_search_emails(
  %(words)s, %(senders)s, %(tag)s, %(is_read)s, %(has_attachment)s, %(since)s, %(until)s,
  %(direction)s, %(status)s, %(thread)s, %(at)s, %(id)s, %(page)s)"""
_EMAILS = f"""
SELECT {EMAIL_COLUMNS} FROM {_FOUND} AS found JOIN emails AS e ON e.id = found.id
ORDER BY found.received_at DESC, found.id DESC LIMIT %(limit)s OFFSET %(offset)s
"""
_CONVERSATIONS = f"""
{OUR_INBOXES}
{CONVERSATION_COLUMNS} FROM (
  SELECT e.thread_id, e.received_at AS at, t.unread_count AS unread, e.id AS email_id, e.id AS place,
    NULL AS tag, NULL AS colour
  FROM {_FOUND} AS found JOIN emails AS e ON e.id = found.id JOIN email_threads AS t ON t.id = e.thread_id
) AS page {CONVERSATION_JOINS} {CONVERSATION_ORDER}
"""


def search_emails(actor: Actor, wanted: EmailFilter, page: Page) -> EmailList:
    """The list of messages for `wanted.search`. Where the text names a tag or a read state, that one holds."""
    terms = parse_search(wanted.search, timezone=actor.timezone)
    if terms.has_nothing_to_find:
        return EmailList([], 0, None)
    place = _place_of(page.cursor)
    parameters = _parameters(terms, wanted, place, page.offset + page.limit + 1)
    rows = sql.fetch_rows(_EMAILS, {**parameters, "limit": page.limit + 1, "offset": page.offset})
    return paged([email_row(row) for row in rows], page)


def search_conversations(
    actor: Actor, text: str, *, tag: str = "", place: Place | None = None, limit: int = PAGE
) -> ConversationPage:
    """Conversations with a message that matches, each shown once per page by its newest match."""
    terms = parse_search(text, timezone=actor.timezone)
    if terms.has_nothing_to_find:
        return ConversationPage([], None, None)
    parameters = _parameters(terms, EmailFilter(tag=tag), place, limit + 1)
    found = sql.fetch_rows(_CONVERSATIONS, {**parameters, "workspace": actor.workspace_id})
    rows: dict[int, ConversationRow] = {}
    for columns in found[:limit]:
        rows.setdefault(columns[0], conversation_row(columns))
    last = found[limit - 1] if len(found) > limit else None
    older = Place(conversation_row(last).last_message_at, last[-1]) if last else None
    return ConversationPage(list(rows.values()), None, older)


def _parameters(terms: SearchTerms, wanted: EmailFilter, place: Place | None, page: int) -> dict[str, Any]:
    return {
        "words": terms.words,
        "senders": list(terms.senders),
        "tag": terms.tag or wanted.tag,
        "is_read": wanted.is_read if terms.is_read is None else terms.is_read,
        "has_attachment": terms.has_attachment,
        "since": max(filter(None, (terms.since, wanted.since)), default=None),
        "until": min(filter(None, (terms.until, wanted.until)), default=None),
        "direction": wanted.direction,
        "status": wanted.status,
        "thread": wanted.thread,
        "at": place.at if place else None,
        "id": place.id if place else None,
        "page": page,
    }


def _place_of(email_id: int | None) -> Place | None:
    """Where a message stands; one that is not in view stands before everything."""
    if email_id is None:
        return None
    rows = sql.fetch_rows("SELECT received_at, id FROM emails WHERE id = %s", [email_id])
    return Place(*rows[0]) if rows else None
