"""The pane of conversations: by inbox and view, newest first, in pages that stay put while mail comes in."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.mail.queries.places import Place
from convergio.mail.queries.rows import ReplyVerdict

View = Literal["all", "unread", "read", "drafts", "sent"]
PAGE = 50


class ConversationRow(msgspec.Struct, frozen=True):
    """One conversation. In the view `sent` and in search it shows one message: its subject, sender and first words.

    Of an outbound message the first recipient stands where the sender does. `tag` and `colour` are of the inbox that
    got it, the one the list is of before others. `draft_status` is that of the newest machine's reply,
    `delivery_state` that of an outbound message shown; both are '' without one.
    """

    thread_id: int
    email_id: int | None
    subject: str
    sender_name: str
    sender_address: str
    snippet: str
    last_message_at: datetime
    unread_count: int
    message_count: int
    has_attachments: bool
    tag: str
    colour: str
    draft_status: str
    delivery_state: str
    reply_verdict: ReplyVerdict | None


class ConversationPage(msgspec.Struct, frozen=True):
    """Rows, and where the pages beside this one begin; None at either end."""

    rows: list[ConversationRow]
    newer: Place | None
    older: Place | None


# Newest rows of one list: their conversation, time, unread count, message, place in the order and, where the list is of
# one inbox, its tag and colour.
_ALL = """
SELECT t.id AS thread_id, t.last_message_at AS at, t.unread_count AS unread, NULL::bigint AS email_id, t.id AS place,
  NULL AS tag, NULL AS colour
FROM email_threads AS t WHERE t.workspace_id = %(workspace)s {view} {cursor}
ORDER BY t.last_message_at {order}, t.id {order} LIMIT %(limit)s
"""
_OF_INBOX = """
SELECT DISTINCT ON (t.at, t.thread_id) t.thread_id, t.at, t.unread, NULL::bigint AS email_id, t.thread_id AS place,
  inbox.tag, inbox.colour
FROM ours AS inbox CROSS JOIN LATERAL (
  SELECT t.thread_id, t.last_message_at AS at, t.unread_count AS unread FROM thread_inboxes AS t
  WHERE t.inbox_id = inbox.id {view} {cursor}
  ORDER BY t.last_message_at {order}, t.thread_id {order} LIMIT %(limit)s
) AS t
WHERE inbox.is_wanted
ORDER BY t.at {order}, t.thread_id {order}, inbox.id LIMIT %(limit)s
"""
_DRAFTS = """
SELECT t.id AS thread_id, t.last_message_at AS at, t.unread_count AS unread, NULL::bigint AS email_id, t.id AS place,
  NULL AS tag, NULL AS colour
FROM auto_replies AS reply JOIN email_threads AS t ON t.id = reply.thread_id
WHERE reply.workspace_id = %(workspace)s AND reply.status = 'drafted' {tagged} {cursor}
ORDER BY t.last_message_at {order}, t.id {order} LIMIT %(limit)s
"""
_SENT = """
SELECT e.thread_id, e.received_at AS at, 0 AS unread, e.id AS email_id, e.id AS place, NULL AS tag, NULL AS colour
FROM emails AS e
WHERE e.workspace_id = %(workspace)s AND e.direction = 'outbound' AND e.delivery_state IS DISTINCT FROM 'cancelled'
  {tagged} {cursor}
ORDER BY e.received_at {order}, e.id {order} LIMIT %(limit)s
"""
_TAGGED = {
    _DRAFTS: "AND reply.inbox_id IN (SELECT id FROM ours WHERE is_wanted)",
    _SENT: """AND EXISTS (
      SELECT FROM email_deliveries AS d
      WHERE d.email_id = e.id AND d.inbox_id IN (SELECT id FROM ours WHERE is_wanted))""",
}
_VIEWS = {"unread": "AND t.unread_count > 0", "read": "AND t.unread_count = 0"}
_CURSORS = {
    _ALL: "AND (t.last_message_at, t.id) {than} (%(at)s, %(place)s)",
    _OF_INBOX: "AND (t.last_message_at, t.thread_id) {than} (%(at)s, %(place)s)",
    _DRAFTS: "AND (t.last_message_at, t.id) {than} (%(at)s, %(place)s)",
    _SENT: "AND (e.received_at, e.id) {than} (%(at)s, %(place)s)",
}
# The workspace's inboxes, read once for all rows.
OUR_INBOXES = """
WITH ours AS MATERIALIZED (
  SELECT id, tag, colour, lower(tag) = lower(%(tag)s) AS is_wanted FROM inboxes WHERE workspace_id = %(workspace)s
)
"""
CONVERSATION_COLUMNS = """
SELECT t.id, COALESCE(shown.id, t.last_email_id), COALESCE(shown.subject, t.subject),
  CASE shown.direction WHEN 'outbound' THEN COALESCE(shown.recipients->'to'->0->>'name', '')
    WHEN 'inbound' THEN shown.from_name ELSE t.sender_name END,
  CASE shown.direction WHEN 'outbound' THEN shown.to_address
    WHEN 'inbound' THEN shown.from_address ELSE t.sender_address END,
  COALESCE(shown.snippet, t.snippet), page.at, page.unread, t.message_count, t.has_attachments,
  COALESCE(page.tag, listed.tag, ''), COALESCE(page.colour, listed.colour, 'grey'),
  COALESCE(reply.status, ''), COALESCE(shown.delivery_state, ''),
  verdict.reply_allowed, verdict.reply_reason, verdict.reply_rule, page.place
"""
CONVERSATION_JOINS = """
JOIN email_threads AS t ON t.id = page.thread_id
LEFT JOIN emails AS shown ON shown.id = page.email_id
LEFT JOIN LATERAL (
  SELECT inbox.tag, inbox.colour FROM thread_inboxes AS place JOIN ours AS inbox ON inbox.id = place.inbox_id
  WHERE page.tag IS NULL AND place.thread_id = t.id ORDER BY inbox.is_wanted DESC, inbox.id LIMIT 1
) AS listed ON true
LEFT JOIN LATERAL (
  SELECT status FROM auto_replies WHERE thread_id = t.id ORDER BY id DESC LIMIT 1
) AS reply ON true
LEFT JOIN LATERAL (
  SELECT reply_allowed, reply_reason, reply_rule FROM emails
  WHERE thread_id = t.id AND direction = 'inbound' ORDER BY received_at DESC, id DESC LIMIT 1
) AS verdict ON true
"""
CONVERSATION_ORDER = "ORDER BY page.at DESC, page.place DESC"


def list_conversations(
    actor: Actor, *, view: View = "all", tag: str = "", place: Place | None = None, limit: int = PAGE
) -> ConversationPage:
    """One page in one statement. Its cost follows the page and not the mailbox: each list has its index."""
    source = {"drafts": _DRAFTS, "sent": _SENT}.get(view) or (_OF_INBOX if tag else _ALL)
    backwards = place is not None and place.backwards
    page = source.format(
        view=_VIEWS.get(view, ""),
        tagged=_TAGGED.get(source, "") if tag else "",
        cursor=_CURSORS[source].format(than=">" if backwards else "<") if place else "",
        order="ASC" if backwards else "DESC",
    )
    rows = sql.fetch_rows(
        f"{OUR_INBOXES} {CONVERSATION_COLUMNS} FROM ({page}) AS page {CONVERSATION_JOINS} {CONVERSATION_ORDER}",
        {
            "workspace": actor.workspace_id,
            "tag": tag,
            "limit": limit + 1,
            "at": place.at if place else None,
            "place": place.id if place else None,
        },
    )
    return _paged(rows, place, limit)


def conversation_row(columns: tuple[Any, ...]) -> ConversationRow:
    """A row from CONVERSATION_COLUMNS."""
    *fields, may_answer, reason, rule, _ = columns
    verdict = None if may_answer is None else ReplyVerdict(may_answer, reason, rule)
    return ConversationRow(*[*fields, verdict])


def _paged(found: list[tuple[Any, ...]], place: Place | None, limit: int) -> ConversationPage:
    """Cut the row that tells whether there is more, at the end that was read towards."""
    more = len(found) > limit
    backwards = place is not None and place.backwards
    kept = found[-limit:] if backwards else found[:limit]
    rows = [conversation_row(columns) for columns in kept]
    has_newer, has_older = (more, True) if backwards else (place is not None, more)
    return ConversationPage(
        rows=rows,
        newer=Place(rows[0].last_message_at, kept[0][-1], backwards=True) if rows and has_newer else None,
        older=Place(rows[-1].last_message_at, kept[-1][-1]) if rows and has_older else None,
    )
