"""The one transaction that takes a batch of messages up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from psycopg.types.json import Jsonb

from convergio.billing.quotas import count_emails
from convergio.core import clock, events, sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest.arrivals import Arrival, Receiver, Stored
from convergio.mail.ingest.incoming import Incoming, keep_files, people, take_in
from convergio.mail.ingest.recognise import find_new_here, recognise
from convergio.mail.ingest.rejudge import judge_again
from convergio.mail.ingest.summaries import refresh_threads
from convergio.mail.ingest.threads import Threader
from convergio.mail.priority import priority_of
from convergio.work.actions import EmailTask, create_email_tasks

# First number of the advisory lock that lets one batch of a workspace in at a time (the second is the workspace).
_INGEST_LOCK = 7_201
# Mail this old that comes by a first sync or import is history, not work.
OLD_NEWS = timedelta(days=14)
MOST_SUBJECT = 500
Also = Callable[[], None]


def store_messages(
    receiver: Receiver, arrivals: Sequence[Arrival], *, backfill: bool = False, also: Also | None = None
) -> list[Stored]:
    """Store a batch with threads, tasks, files and follow-up jobs, all or nothing; one answer per arrival, in order.

    `backfill` marks a first sync or an import: nothing is answered automatically (rule 13). `also` runs inside the
    transaction; it is where a caller moves its cursor (rule 6).
    """
    batch = [take_in(arrival, receiver) for arrival in arrivals]
    keep_files(batch)
    with workspace_scope(receiver.workspace_id):
        sql.execute(
            "SELECT pg_advisory_xact_lock(%s, %s)", [_INGEST_LOCK, receiver.workspace_id & 0x7FFFFFFF]
        )
        fresh = recognise(receiver.workspace_id, batch)
        new_here = find_new_here(receiver.inbox_id, batch)
        placed = [*new_here, *fresh]
        threader = Threader(receiver, placed)
        for incoming in placed:
            incoming.thread_id = threader.place(incoming).id
        _store_fresh(receiver, fresh, threader, backfill=backfill)
        _share_ids(batch)
        answerable = judge_again(new_here)
        _note_deliveries(receiver, batch)
        refresh_threads({threader.current(incoming.thread_id) for incoming in batch})
        _make_tasks(receiver, fresh, backfill=backfill)
        _announce(receiver, fresh, answerable, backfill=backfill)
        if also:
            also()
        if not backfill:
            _count(receiver, fresh)
    return [_answer(incoming, threader) for incoming in batch]


def _store_fresh(receiver: Receiver, fresh: list[Incoming], threader: Threader, *, backfill: bool) -> None:
    threader.write()
    for incoming, email_id in zip(fresh, sql.next_ids("emails", len(fresh)), strict=True):
        incoming.email_id = email_id
        incoming.thread_id = threader.current(incoming.thread_id)
    rows = [_email_row(receiver, incoming, backfill) for incoming in fresh]
    if rows:
        sql.execute(_INSERT_EMAILS, [list(column) for column in zip(*rows, strict=True)])
    contents = {
        attachment["sha256"]: attachment["size"] for incoming in fresh for attachment in incoming.attachments
    }
    sql.execute_many(
        "INSERT INTO stored_files (workspace_id, sha256, size) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [[receiver.workspace_id, sha256, size] for sha256, size in contents.items()],
    )


# In the order of `_email_row`.
_EMAIL_COLUMNS = {
    "id": "bigint",
    "workspace_id": "bigint",
    "thread_id": "bigint",
    "message_id": "text",
    "message_id_header": "text",
    "from_address": "text",
    "from_name": "text",
    "to_address": "text",
    "recipients": "jsonb",
    "subject": "text",
    "body_text": "text",
    "body_html": "text",
    "snippet": "text",
    "tag": "text",
    "direction": "text",
    "attachments": "jsonb",
    "received_at": "timestamptz",
    "date_header": "timestamptz",
    "in_reply_to": "text",
    '"references"': "jsonb",
    "return_path": "text",
    "list_id": "text",
    "is_read": "boolean",
    "raw_source": "bytea",
    "content_hash": "bytea",
    "parse_error": "text",
    "reply_allowed": "boolean",
    "reply_reason": "text",
    "reply_rule": "text",
    "is_backfill": "boolean",
    "delivery_state": "text",
}
# One statement with an array a column, in PostgreSQL's binary form: a fifth faster than one statement a row.
_INSERT_EMAILS = f"""
INSERT INTO emails ({", ".join(_EMAIL_COLUMNS)})
SELECT * FROM unnest({", ".join(f"%b::{kind}[]" for kind in _EMAIL_COLUMNS.values())})
"""


def _email_row(receiver: Receiver, incoming: Incoming, backfill: bool) -> list[object]:
    message = incoming.message
    first = next(iter((*message.to, *message.cc)), None)
    recipients = {"to": people(message.to), "cc": people(message.cc), "reply_to": people(message.reply_to)}
    outbound = incoming.direction == "outbound"
    return [
        incoming.email_id,
        receiver.workspace_id,
        incoming.thread_id,
        incoming.key,
        message.message_id_header,
        incoming.sender[:255],
        message.sender.name[:255] if message.sender else "",
        first.address[:255] if first else "",
        Jsonb(recipients),
        message.subject,
        message.body_text,
        message.body_html,
        message.snippet[:255],
        receiver.tag,
        incoming.direction,
        Jsonb(incoming.attachments),
        incoming.received_at,
        message.date,
        incoming.parent,
        Jsonb(list(message.references)),
        message.return_path[:255] if message.return_path is not None else None,
        (message.list_id or "")[:255],
        outbound or incoming.arrival.is_seen,
        incoming.arrival.raw,
        message.content_hash,
        message.parse_error,
        incoming.verdict.may_answer and not outbound,
        incoming.verdict.reason,
        incoming.verdict.rule,
        backfill,
        "sent" if outbound else None,
    ]


def _share_ids(batch: list[Incoming]) -> None:
    """A message that occurs twice in one batch was stored once: its other copies learn its ids."""
    stored = {incoming.key: incoming for incoming in batch if incoming.email_id}
    for incoming in batch:
        if not incoming.email_id:
            incoming.email_id = stored[incoming.key].email_id
            incoming.thread_id = stored[incoming.key].thread_id


_NOTE_DELIVERIES = """
INSERT INTO email_deliveries AS known
  (workspace_id, email_id, inbox_id, folder_id, uid, is_seen, is_junk, received_at)
SELECT %(workspace)s, email.id, %(inbox)s, came.folder_id, came.uid, came.is_seen, came.is_junk, email.received_at
FROM unnest(%(emails)s::bigint[], %(folders)s::bigint[], %(uids)s::bigint[], %(seen)s::boolean[], %(junk)s::boolean[])
  AS came(email_id, folder_id, uid, is_seen, is_junk)
JOIN emails AS email ON email.id = came.email_id
ORDER BY email.id
ON CONFLICT (email_id, inbox_id) DO UPDATE
  SET folder_id = excluded.folder_id, uid = excluded.uid, is_seen = excluded.is_seen
  WHERE excluded.uid IS NOT NULL AND (known.uid IS NULL OR known.folder_id = excluded.folder_id)
"""


def _note_deliveries(receiver: Receiver, batch: list[Incoming]) -> None:
    """Which inbox got it, and where it lies there. A copy in another folder does not hide the one in the inbox."""
    came = {incoming.email_id: incoming.arrival for incoming in batch}
    sql.execute(
        _NOTE_DELIVERIES,
        {
            "workspace": receiver.workspace_id,
            "inbox": receiver.inbox_id,
            "emails": list(came),
            "folders": [one.folder_id for one in came.values()],
            "uids": [one.uid for one in came.values()],
            "seen": [one.is_seen for one in came.values()],
            "junk": [one.is_junk for one in came.values()],
        },
    )


def _make_tasks(receiver: Receiver, fresh: list[Incoming], *, backfill: bool) -> None:
    oldest = clock.now() - OLD_NEWS
    rows = []
    for incoming in fresh:
        if incoming.direction == "outbound":
            continue
        done = backfill and incoming.received_at < oldest
        rows.append(
            EmailTask(
                email_id=incoming.email_id,
                title=incoming.message.subject[:MOST_SUBJECT] or "(no subject)",
                priority=priority_of(incoming.message, incoming.verdict),
                status="done" if done else "todo",
                tag=receiver.tag,
                completed_at=incoming.received_at if done else None,
            )
        )
    if rows:
        create_email_tasks(receiver.workspace_id, rows)


def _count(receiver: Receiver, fresh: list[Incoming]) -> None:
    """What comes in counts against the payer's quota, which stops models and never mail."""
    came_in = sum(incoming.direction == "inbound" for incoming in fresh)
    if came_in:
        count_emails(receiver.workspace_id, came_in)


def _announce(receiver: Receiver, fresh: list[Incoming], answerable: list[int], *, backfill: bool) -> None:
    tell = events.show if backfill else events.announce
    inbound = [*answerable, *(incoming.email_id for incoming in fresh if incoming.direction == "inbound")]
    if inbound:
        tell("email.received", workspace_id=receiver.workspace_id, ids=inbound)
    outbound = [incoming.email_id for incoming in fresh if incoming.direction == "outbound"]
    if outbound:
        events.show("email.sent", workspace_id=receiver.workspace_id, ids=outbound)


def _answer(incoming: Incoming, threader: Threader) -> Stored:
    return Stored(
        email_id=incoming.email_id,
        thread_id=threader.current(incoming.thread_id),
        message_id=incoming.key,
        direction=incoming.direction,
        is_new=incoming.is_new,
        parse_error=incoming.message.parse_error,
    )
