"""What the frame of every page and the page Today show, over several domains: one SQL statement each."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from convergio.accounts.actor import Actor
from convergio.billing.standing import STOP_MEMORY
from convergio.core import clock, sql
from convergio.site.navigation import InboxCount, Nav, WorkspaceChoice

# A number in the sidebar reads "99+" past this; counting further would cost more than it tells.
NAV_LIMIT = 100
# The switcher holds this many workspaces; the page of all of them holds the others.
MOST_CHOICES = 12
# The same for the key numbers of Today.
COUNT_LIMIT = 1_000
MOST_NEEDS = 8
MOST_HANDLED = 6
DAYS = 14

_NAV = f"""
SELECT COALESCE(person.name, ''), COALESCE(person.email, ''), place.name,
  (SELECT count(*) FROM (SELECT FROM email_threads
     WHERE workspace_id = %(workspace)s AND unread_count > 0 LIMIT {NAV_LIMIT}) AS counted),
  (SELECT count(*) FROM (SELECT FROM tasks
     WHERE workspace_id = %(workspace)s AND status IN ('todo', 'in_progress') LIMIT {NAV_LIMIT}) AS counted),
  (SELECT count(*) FROM (SELECT FROM auto_replies
     WHERE workspace_id = %(workspace)s AND status = 'drafted' LIMIT {NAV_LIMIT}) AS counted),
  (SELECT count(*) FROM (SELECT FROM usage_notices
     WHERE user_id = %(user)s AND in_app AND seen_at IS NULL LIMIT {NAV_LIMIT}) AS counted),
  EXISTS (SELECT FROM ai_stops
     WHERE user_id = place.owner_id AND workspace_id = place.id AND last_at > %(stopped_since)s),
  COALESCE((SELECT jsonb_agg(jsonb_build_array(inbox.tag, inbox.colour, unread.count) ORDER BY inbox.id)
    FROM inboxes AS inbox CROSS JOIN LATERAL (
      SELECT count(*) FROM (SELECT FROM thread_inboxes
        WHERE inbox_id = inbox.id AND unread_count > 0 LIMIT {NAV_LIMIT}) AS counted) AS unread
    WHERE inbox.workspace_id = %(workspace)s AND inbox.is_active), '[]'),
  COALESCE((SELECT jsonb_agg(jsonb_build_array(choice.id, choice.name) ORDER BY lower(choice.name), choice.id) FROM (
      SELECT own.id, own.name FROM workspace_members AS member JOIN workspaces AS own ON own.id = member.workspace_id
      WHERE member.user_id = %(user)s ORDER BY own.id <> %(workspace)s, lower(own.name), own.id LIMIT {MOST_CHOICES}
    ) AS choice), '[]')
FROM workspaces AS place LEFT JOIN users AS person ON person.id = %(user)s WHERE place.id = %(workspace)s
"""


def load_nav(actor: Actor) -> Nav:
    """The person, the workspace and what waits there."""
    *fields, inboxes, choices = sql.fetch_rows(
        _NAV,
        {
            "workspace": actor.workspace_id,
            "user": actor.user_id,
            "stopped_since": clock.now() - STOP_MEMORY,
        },
    )[0]
    name, email, workspace_name, unread, open_tasks, drafts, notices, was_stopped = fields
    return Nav(
        user_name=name or email,
        user_email=email,
        workspace_id=actor.workspace_id,
        workspace_name=workspace_name,
        workspaces=tuple(WorkspaceChoice(*choice) for choice in choices),
        unread=unread,
        open_tasks=open_tasks,
        drafts=drafts,
        notices=notices,
        was_stopped=was_stopped,
        inboxes=tuple(InboxCount(*inbox) for inbox in inboxes),
    )


class InboxName(msgspec.Struct, frozen=True):
    """How an inbox is called."""

    id: int
    tag: str
    colour: str


def inbox_names(ids: list[int]) -> list[InboxName]:
    """Of these inboxes those of the workspace in view."""
    return sql.fetch_all(InboxName, "SELECT id, tag, colour FROM inboxes WHERE id = ANY(%s)", [ids])


def threads_of(email_ids: list[int]) -> dict[int, int]:
    """The conversations of these mails, as far as they are in view."""
    return dict(sql.fetch_rows("SELECT id, thread_id FROM emails WHERE id = ANY(%s)", [email_ids]))


class Figures(msgspec.Struct, frozen=True):
    """The key numbers of Today. Mail counts are of the last DAYS days, up to COUNT_LIMIT; days are the actor's."""

    waiting: int
    waiting_since: datetime | None
    drafts: int
    oldest_draft_at: datetime | None
    tasks_due: int
    tasks_late: int
    failures: int
    received_today: int
    answered_today: int
    has_mail: bool
    has_documents: bool
    has_reply_mode: bool


class InboxDays(msgspec.Struct, frozen=True):
    """An inbox, how it fares, and the mail it got on each of the last DAYS days, oldest first."""

    tag: str
    colour: str
    email_address: str
    is_active: bool
    state: str
    last_error: str
    last_polled_at: datetime | None
    unread: int
    days: list[int]


class Need(msgspec.Struct, frozen=True):
    """Something that waits for a person. `kind` is not_sent, inbox, draft, late_task or due_task; `id` is of the
    conversation, inbox or task."""

    kind: str
    id: int
    title: str
    detail: str
    tag: str
    colour: str
    at: datetime


class Handled(msgspec.Struct, frozen=True):
    """Something that happened by itself. `kind` is sent, drafted or ignored."""

    kind: str
    thread_id: int
    title: str
    reason: str
    at: datetime


_FIGURES = f"""
SELECT waiting.count, waiting.since, drafts.count, drafts.oldest, due.count, due.late,
  (SELECT count(*) FROM (SELECT FROM emails WHERE workspace_id = %(workspace)s
     AND delivery_state IN ('failed', 'uncertain') LIMIT {COUNT_LIMIT}) AS counted)
  + (SELECT count(*) FROM inboxes WHERE workspace_id = %(workspace)s AND is_active
     AND state IN ('sign_in_failed', 'unreachable')),
  (SELECT count(*) FROM (SELECT FROM emails WHERE workspace_id = %(workspace)s AND direction = 'inbound'
     AND received_at >= %(today)s LIMIT {COUNT_LIMIT}) AS counted),
  (SELECT count(*) FROM (SELECT FROM emails WHERE workspace_id = %(workspace)s AND direction = 'outbound'
     AND delivery_state = 'sent' AND received_at >= %(today)s LIMIT {COUNT_LIMIT}) AS counted),
  EXISTS (SELECT FROM emails WHERE workspace_id = %(workspace)s),
  EXISTS (SELECT FROM knowledge_documents WHERE workspace_id = %(workspace)s),
  EXISTS (SELECT FROM inboxes WHERE workspace_id = %(workspace)s AND reply_mode <> 'off')
FROM (
  SELECT count(*), min(last_message_at) AS since FROM (
    SELECT thread.last_message_at FROM email_threads AS thread JOIN emails AS newest ON newest.id = thread.last_email_id
    WHERE thread.workspace_id = %(workspace)s AND thread.last_message_at >= %(since)s AND thread.status = 'open'
      AND newest.direction = 'inbound' AND newest.reply_allowed LIMIT {COUNT_LIMIT}) AS counted
) AS waiting, (
  SELECT count(*), min(created_at) AS oldest FROM auto_replies
  WHERE workspace_id = %(workspace)s AND status = 'drafted'
) AS drafts, (
  SELECT count(*), count(*) FILTER (WHERE due_at < %(now)s) AS late FROM tasks
  WHERE workspace_id = %(workspace)s AND status <> 'done' AND due_at < %(tomorrow)s
) AS due
"""
_INBOXES = f"""
SELECT inbox.tag, inbox.colour, inbox.email_address, inbox.is_active, inbox.state, inbox.last_error,
  inbox.last_polled_at, unread.count, daily.counts
FROM inboxes AS inbox CROSS JOIN LATERAL (
  SELECT count(*) FROM (SELECT FROM thread_inboxes WHERE inbox_id = inbox.id AND unread_count > 0
    LIMIT {COUNT_LIMIT}) AS counted
) AS unread CROSS JOIN LATERAL (
  SELECT array_agg(COALESCE(got.count, 0) ORDER BY day) AS counts
  FROM generate_series(0, {DAYS - 1}) AS day LEFT JOIN (
    SELECT floor(extract(epoch FROM delivery.received_at - %(since)s) / 86400)::int AS day, count(*)
    FROM email_deliveries AS delivery JOIN emails AS email ON email.id = delivery.email_id
    WHERE delivery.inbox_id = inbox.id AND delivery.received_at >= %(since)s AND email.direction = 'inbound'
    GROUP BY 1
  ) AS got USING (day)
) AS daily
WHERE inbox.workspace_id = %(workspace)s ORDER BY inbox.id
"""
# What failed comes first, then what is late, then what waits the longest.
_NEEDS = f"""
SELECT kind, id, title, detail, tag, colour, at FROM (
  (SELECT 1 AS rank, 'not_sent' AS kind, email.thread_id AS id, email.subject AS title,
     COALESCE(NULLIF(email.last_error, ''), 'To ' || email.to_address) AS detail, email.tag, '' AS colour,
     email.received_at AS at
   FROM emails AS email WHERE email.workspace_id = %(workspace)s AND email.delivery_state IN ('failed', 'uncertain')
   ORDER BY email.received_at LIMIT {MOST_NEEDS})
  UNION ALL
  (SELECT 1, 'inbox', inbox.id, inbox.tag || ' inbox is not syncing', inbox.last_error, inbox.tag, inbox.colour,
     COALESCE(inbox.last_polled_at, inbox.created_at)
   FROM inboxes AS inbox WHERE inbox.workspace_id = %(workspace)s AND inbox.is_active
     AND inbox.state IN ('sign_in_failed', 'unreachable'))
  UNION ALL
  (SELECT CASE WHEN task.due_at < %(now)s THEN 2 ELSE 4 END,
     CASE WHEN task.due_at < %(now)s THEN 'late_task' ELSE 'due_task' END, task.id, task.title, '', task.tag, '',
     task.due_at
   FROM tasks AS task WHERE task.workspace_id = %(workspace)s AND task.status <> 'done' AND task.due_at < %(tomorrow)s
   ORDER BY task.due_at LIMIT {MOST_NEEDS})
  UNION ALL
  (SELECT 3, 'draft', reply.thread_id, thread.subject, COALESCE(NULLIF(thread.sender_name, ''), thread.sender_address),
     inbox.tag, inbox.colour, reply.created_at
   FROM auto_replies AS reply JOIN email_threads AS thread ON thread.id = reply.thread_id
   JOIN inboxes AS inbox ON inbox.id = reply.inbox_id
   WHERE reply.workspace_id = %(workspace)s AND reply.status = 'drafted' ORDER BY reply.id LIMIT {MOST_NEEDS})
) AS need ORDER BY rank, at LIMIT {MOST_NEEDS}
"""
_HANDLED = f"""
SELECT kind, thread_id, title, reason, at FROM (
  (SELECT 'sent' AS kind, thread_id, subject AS title, 'To ' || to_address AS reason, received_at AS at FROM emails
   WHERE workspace_id = %(workspace)s AND direction = 'outbound' AND is_automatic AND delivery_state = 'sent'
   ORDER BY received_at DESC, id DESC LIMIT {MOST_HANDLED})
  UNION ALL
  (SELECT 'drafted', reply.thread_id, thread.subject, reply.handover_reason, reply.created_at
   FROM auto_replies AS reply JOIN email_threads AS thread ON thread.id = reply.thread_id
   WHERE reply.workspace_id = %(workspace)s AND reply.status <> 'superseded'
   ORDER BY reply.id DESC LIMIT {MOST_HANDLED})
  UNION ALL
  (SELECT 'ignored', thread_id, subject, reply_rule, received_at FROM emails
   WHERE workspace_id = %(workspace)s AND direction = 'inbound' AND NOT reply_allowed AND NOT is_backfill
     AND received_at >= %(since)s
   ORDER BY received_at DESC, id DESC LIMIT {MOST_HANDLED})
) AS handled ORDER BY at DESC LIMIT {MOST_HANDLED}
"""


def load_figures(actor: Actor) -> Figures:
    """The key numbers, and what the first steps look at."""
    return Figures(*sql.fetch_rows(_FIGURES, _times(actor))[0])


def load_inbox_days(actor: Actor) -> list[InboxDays]:
    """Every inbox with its mail of the last days."""
    return sql.fetch_all(InboxDays, _INBOXES, _times(actor))


def load_needs(actor: Actor) -> list[Need]:
    """What waits for a person: failures, late tasks, drafts, what is due today."""
    return sql.fetch_all(Need, _NEEDS, _times(actor))


def load_handled(actor: Actor) -> list[Handled]:
    """The newest things that were done, or left alone, without a person."""
    return sql.fetch_all(Handled, _HANDLED, _times(actor))


def first_day(actor: Actor) -> datetime:
    """Midnight before the first of the DAYS days that end today, where the actor is."""
    midnight = (
        clock.now().astimezone(ZoneInfo(actor.timezone)).replace(hour=0, minute=0, second=0, microsecond=0)
    )
    return midnight - timedelta(days=DAYS - 1)


def _times(actor: Actor) -> dict[str, Any]:
    since = first_day(actor)
    today = since + timedelta(days=DAYS - 1)
    return {
        "workspace": actor.workspace_id,
        "now": clock.now(),
        "since": since,
        "today": today,
        "tomorrow": today + timedelta(days=1),
    }
