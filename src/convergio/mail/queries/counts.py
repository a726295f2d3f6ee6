"""What waits for a person, and how much there is."""

from __future__ import annotations

import msgspec

from convergio.accounts.actor import Actor
from convergio.core import sql

# A number in the sidebar stops here; counting further would cost more than it tells.
COUNT_LIMIT = 1_000


class InboxUnread(msgspec.Struct, frozen=True):
    """An active inbox and its unread conversations, counted up to COUNT_LIMIT."""

    id: int
    name: str
    tag: str
    colour: str
    unread: int


class MailCounts(msgspec.Struct, frozen=True):
    """For the sidebar; every number counts conversations up to COUNT_LIMIT."""

    inboxes: list[InboxUnread]
    unread: int
    drafts: int


class EmailTotals(msgspec.Struct, frozen=True):
    """All mail in and out, and by the tag of the first inbox that got it."""

    total: int
    by_tag: dict[str, int]


_INBOXES = f"""
SELECT inbox.id, inbox.name, inbox.tag, inbox.colour,
  (SELECT count(*) FROM (SELECT FROM thread_inboxes AS place
     WHERE place.inbox_id = inbox.id AND place.unread_count > 0 LIMIT {COUNT_LIMIT}) AS counted)
FROM inboxes AS inbox WHERE inbox.workspace_id = %s AND inbox.is_active ORDER BY inbox.id
"""
_WAITING = f"""
SELECT
  (SELECT count(*) FROM (SELECT FROM email_threads
     WHERE workspace_id = %(workspace)s AND unread_count > 0 LIMIT {COUNT_LIMIT}) AS counted),
  (SELECT count(*) FROM (SELECT FROM auto_replies
     WHERE workspace_id = %(workspace)s AND status = 'drafted' LIMIT {COUNT_LIMIT}) AS counted)
"""
_TOTALS = "SELECT tag, count(*) FROM emails WHERE workspace_id = %s GROUP BY tag ORDER BY tag"


def mail_counts(actor: Actor) -> MailCounts:
    """Unread by inbox, unread at all and drafts to approve, in two statements."""
    inboxes = sql.fetch_all(InboxUnread, _INBOXES, [actor.workspace_id])
    unread, drafts = sql.fetch_rows(_WAITING, {"workspace": actor.workspace_id})[0]
    return MailCounts(inboxes, unread, drafts)


def email_totals(actor: Actor) -> EmailTotals:
    """How much mail there is; reads every row of the workspace, so it is for statistics and not for a page."""
    by_tag = dict(sql.fetch_rows(_TOTALS, [actor.workspace_id]))
    return EmailTotals(sum(by_tag.values()), by_tag)
