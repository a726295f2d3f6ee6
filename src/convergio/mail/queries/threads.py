"""One conversation, one message, and what a reader sees beside them. A constant number of statements each."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import msgspec

from convergio.accounts.actor import Actor
from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.mail.queries.rows import DETAIL_COLUMNS, REPLY_COLUMNS, AutoReplyRow, EmailDetail, email_detail

# A conversation longer than this shows its newest messages; the older ones are found by search.
MOST_MESSAGES = 500
# Counting further would cost more than it tells.
COUNT_LIMIT = 1_000


class OpenTask(msgspec.Struct, frozen=True):
    """A task of a conversation that is not done."""

    id: int
    email_id: int
    title: str
    status: str
    priority: str
    due_at: datetime | None
    assignee_name: str | None


class InboxMark(msgspec.Struct, frozen=True):
    """An inbox as a conversation names it."""

    tag: str
    colour: str


class Thread(msgspec.Struct, frozen=True):
    """A conversation, oldest message first. `message_count` may be more than the messages here."""

    thread_id: int
    subject: str
    status: str
    message_count: int
    subject_changed: bool
    inboxes: list[InboxMark]
    messages: list[EmailDetail]
    tasks: list[OpenTask]


class SenderContext(msgspec.Struct, frozen=True):
    """What we know of a correspondent. `mail_count` counts up to COUNT_LIMIT."""

    sender_name: str
    sender_address: str
    mail_count: int
    first_seen: datetime | None
    earlier: list[EarlierThread]


class EarlierThread(msgspec.Struct, frozen=True):
    """Another conversation with the same correspondent."""

    thread_id: int
    subject: str
    received_at: datetime


class RawEmail(msgspec.Struct, frozen=True):
    """The message as it came, byte for byte."""

    message_id: str
    raw: bytes


_EMAIL = f"SELECT {DETAIL_COLUMNS} FROM emails AS e WHERE e.id = %s AND e.workspace_id = %s"
_REPLIES_TO_EMAIL = f"SELECT {REPLY_COLUMNS} FROM auto_replies AS r WHERE r.email_id = %s ORDER BY r.id"
_THREAD = """
SELECT t.subject, t.status, t.message_count, t.subject_changed,
  ARRAY(SELECT ARRAY[inbox.tag, inbox.colour] FROM thread_inboxes AS place
        JOIN inboxes AS inbox ON inbox.id = place.inbox_id WHERE place.thread_id = t.id ORDER BY inbox.id)
FROM email_threads AS t WHERE t.id = %s AND t.workspace_id = %s
"""
_MESSAGES = f"""
SELECT {DETAIL_COLUMNS} FROM emails AS e
WHERE e.thread_id = %s AND e.delivery_state IS DISTINCT FROM 'cancelled'
ORDER BY e.received_at DESC, e.id DESC LIMIT {MOST_MESSAGES}
"""
_REPLIES_IN_THREAD = f"""
SELECT {REPLY_COLUMNS} FROM auto_replies AS r WHERE r.thread_id = %s AND r.status <> 'superseded' ORDER BY r.id
"""
_TASKS = """
SELECT task.id, task.email_id, task.title, task.status, task.priority, task.due_at, assignee.name
FROM tasks AS task LEFT JOIN users AS assignee ON assignee.id = task.assignee_id
WHERE task.email_id IN (SELECT id FROM emails WHERE thread_id = %s) AND task.status <> 'done'
ORDER BY task.id
"""
_SENDER = f"""
SELECT count(*), min(received_at) FROM (
  SELECT received_at FROM emails WHERE workspace_id = %s AND from_address = %s LIMIT {COUNT_LIMIT}) AS theirs
"""
_EARLIER = """
SELECT thread_id, subject, received_at FROM (
  SELECT DISTINCT ON (e.thread_id) e.thread_id, e.subject, e.received_at
  FROM (SELECT thread_id, subject, received_at FROM emails
        WHERE workspace_id = %s AND from_address = %s AND thread_id <> %s LIMIT 1000) AS e
  ORDER BY e.thread_id, e.received_at DESC) AS threads
ORDER BY received_at DESC LIMIT 5
"""


def get_email(actor: Actor, email_id: int) -> EmailDetail:
    """One message with its replies. Raises NotFound."""
    row = sql.run(_EMAIL, [email_id, actor.workspace_id]).fetchone()
    if row is None:
        raise NotFound("email")
    return email_detail(row, sql.fetch_all(AutoReplyRow, _REPLIES_TO_EMAIL, [email_id]))


def get_thread(actor: Actor, thread_id: int) -> Thread:
    """A conversation with messages, replies, delivery states and open tasks, in four statements. Raises NotFound."""
    found = sql.run(_THREAD, [thread_id, actor.workspace_id]).fetchone()
    if found is None:
        raise NotFound("conversation")
    rows = sql.fetch_rows(_MESSAGES, [thread_id])
    replies: dict[int, list[AutoReplyRow]] = defaultdict(list)
    for reply in sql.fetch_all(AutoReplyRow, _REPLIES_IN_THREAD, [thread_id]):
        replies[reply.email_id].append(reply)
    *fields, marks = found
    messages = [email_detail(row, replies[row[0]]) for row in reversed(rows)]
    tasks = sql.fetch_all(OpenTask, _TASKS, [thread_id])
    return Thread(*[thread_id, *fields, [InboxMark(*mark) for mark in marks], messages, tasks])


def thread_of(actor: Actor, email_id: int) -> int:
    """The conversation of a message. Raises NotFound."""
    thread_id: int | None = sql.fetch_value(
        "SELECT thread_id FROM emails WHERE id = %s AND workspace_id = %s", [email_id, actor.workspace_id]
    )
    if thread_id is None:
        raise NotFound("email")
    return thread_id


def sender_context(actor: Actor, thread: Thread) -> SenderContext | None:
    """Who writes in this conversation, in two statements; None where nobody but us has written."""
    theirs = [
        message for message in thread.messages if message.direction == "inbound" and message.from_address
    ]
    if not theirs:
        return None
    who = theirs[-1]
    count, first_seen = sql.fetch_rows(_SENDER, [actor.workspace_id, who.from_address])[0]
    earlier = sql.fetch_all(EarlierThread, _EARLIER, [actor.workspace_id, who.from_address, thread.thread_id])
    return SenderContext(who.from_name, who.from_address, count, first_seen, earlier)


def get_raw(actor: Actor, email_id: int) -> RawEmail:
    """The bytes of a message. Raises NotFound."""
    found = sql.fetch_one(
        RawEmail,
        "SELECT message_id, raw_source FROM emails WHERE id = %s AND workspace_id = %s",
        [email_id, actor.workspace_id],
    )
    if found is None:
        raise NotFound("email")
    return found
