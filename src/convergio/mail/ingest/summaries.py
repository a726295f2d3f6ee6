"""A conversation's summary columns, recomputed from its messages so that they cannot drift.

A mail that was taken back before it left counts for nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from convergio.core import sql

_THREADS = """
UPDATE email_threads AS thread SET
  last_email_id = newest.id, last_message_at = newest.received_at, snippet = newest.snippet,
  message_count = counted.messages, unread_count = counted.unread, has_attachments = counted.has_attachments,
  sender_name = COALESCE(inbound.from_name, newest.from_name),
  sender_address = COALESCE(inbound.from_address, newest.from_address)
FROM (
  SELECT thread_id, count(*) AS messages, count(*) FILTER (WHERE NOT is_read) AS unread,
         bool_or(attachments @@ '$[*].inline == false') AS has_attachments
  FROM emails WHERE thread_id = ANY(%(threads)s) AND delivery_state IS DISTINCT FROM 'cancelled' GROUP BY thread_id
) AS counted
JOIN (
  SELECT DISTINCT ON (thread_id) thread_id, id, received_at, snippet, from_name, from_address FROM emails
  WHERE thread_id = ANY(%(threads)s) AND delivery_state IS DISTINCT FROM 'cancelled'
  ORDER BY thread_id, received_at DESC, id DESC
) AS newest USING (thread_id)
LEFT JOIN (
  SELECT DISTINCT ON (thread_id) thread_id, from_name, from_address FROM emails
  WHERE thread_id = ANY(%(threads)s) AND direction = 'inbound' ORDER BY thread_id, received_at DESC, id DESC
) AS inbound USING (thread_id)
WHERE thread.id = counted.thread_id
"""

_LISTED = """
INSERT INTO thread_inboxes (workspace_id, thread_id, inbox_id, last_message_at, unread_count)
SELECT email.workspace_id, email.thread_id, delivery.inbox_id, max(email.received_at),
       count(*) FILTER (WHERE NOT email.is_read)
FROM emails AS email JOIN email_deliveries AS delivery ON delivery.email_id = email.id
WHERE email.thread_id = ANY(%(threads)s) AND email.delivery_state IS DISTINCT FROM 'cancelled'
GROUP BY email.workspace_id, email.thread_id, delivery.inbox_id
ON CONFLICT (thread_id, inbox_id)
DO UPDATE SET last_message_at = excluded.last_message_at, unread_count = excluded.unread_count
"""


def refresh_threads(thread_ids: Collection[int]) -> None:
    """Recompute count, unread, newest message and the inboxes' lists of these conversations. Two statements."""
    if thread_ids:
        sql.execute(_THREADS, {"threads": list(thread_ids)})
        sql.execute(_LISTED, {"threads": list(thread_ids)})
