"""How often a machine may answer by itself (rule 37). A person's approval is not counted and not limited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import msgspec

from convergio.core import clock, events, sql
from convergio.core.models import Activity

ONE_ANSWER_WITHIN = timedelta(days=7)
MOST_IN_A_THREAD = 3
MOST_TO_AN_ADDRESS_A_DAY = 5
MOST_OF_AN_INBOX_AN_HOUR = 60
BREAKER_OPEN_FOR = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Limit:
    """Why an automatic answer is held back: stable code and sentence."""

    reason: str
    sentence: str


class _Counts(msgspec.Struct):
    paused: bool
    to_sender_unanswered: int
    in_thread: int
    to_address_today: int
    of_inbox_this_hour: int


# An answer went to this correspondent when it went to one of their addresses, or answered mail of theirs: some senders
# have another return path in each message.
_COUNTS = """
WITH answers AS (
  SELECT sent.id, sent.received_at FROM emails AS sent
  LEFT JOIN emails AS asked ON asked.workspace_id = sent.workspace_id AND asked.message_id = sent.in_reply_to
  WHERE sent.workspace_id = %(workspace)s AND sent.is_automatic AND sent.received_at > %(week)s
    AND (lower(sent.to_address) = ANY(%(addresses)s) OR asked.from_address = %(sender)s)
)
SELECT
  (SELECT COALESCE(auto_paused_until > %(now)s, false) FROM inboxes WHERE id = %(inbox)s),
  (SELECT count(*) FROM answers JOIN email_deliveries AS delivery ON delivery.email_id = answers.id
   WHERE delivery.inbox_id = %(inbox)s
     AND NOT EXISTS (
       SELECT FROM emails AS person WHERE person.workspace_id = %(workspace)s AND person.direction = 'outbound'
         AND NOT person.is_automatic AND lower(person.to_address) = ANY(%(addresses)s)
         AND person.received_at > answers.received_at AND person.delivery_state IS DISTINCT FROM 'cancelled')),
  (SELECT count(*) FROM emails WHERE thread_id = %(thread)s AND is_automatic),
  (SELECT count(*) FROM answers WHERE received_at > %(day)s),
  (SELECT count(*) FROM emails AS sent JOIN email_deliveries AS delivery ON delivery.email_id = sent.id
   WHERE delivery.inbox_id = %(inbox)s AND delivery.received_at > %(hour)s AND sent.is_automatic)
"""


def find_limit(
    workspace_id: int, *, inbox_id: int, thread_id: int, sender: str, answer_to: str
) -> Limit | None:
    """The limit that forbids an automatic answer to this sender, at the address it would go to, now; or None.

    Holds the inbox until the transaction's end, so that two answers at once do not each see none before them.
    """
    sql.execute("SELECT FROM inboxes WHERE id = %s FOR NO KEY UPDATE", [inbox_id])
    now = clock.now()
    counts = sql.fetch_one(
        _Counts,
        _COUNTS,
        {
            "workspace": workspace_id,
            "inbox": inbox_id,
            "thread": thread_id,
            "sender": sender,
            "addresses": sorted({sender.lower(), answer_to.lower()}),
            "now": now,
            "week": now - ONE_ANSWER_WITHIN,
            "day": now - timedelta(days=1),
            "hour": now - timedelta(hours=1),
        },
    )
    if counts is None:
        return None
    checks = [
        (
            counts.paused,
            Limit("breaker_open", "Automatic answers of this inbox are paused after too many in an hour."),
        ),
        (
            counts.to_sender_unanswered >= 1,
            Limit("answered_this_week", "This sender got an automatic answer less than 7 days ago."),
        ),
        (
            counts.in_thread >= MOST_IN_A_THREAD,
            Limit("thread_limit", f"This conversation has had {MOST_IN_A_THREAD} automatic answers."),
        ),
        (
            counts.to_address_today >= MOST_TO_AN_ADDRESS_A_DAY,
            Limit(
                "address_limit", f"This address has had {MOST_TO_AN_ADDRESS_A_DAY} automatic answers today."
            ),
        ),
        (
            counts.of_inbox_this_hour >= MOST_OF_AN_INBOX_AN_HOUR,
            Limit(
                "inbox_limit",
                f"This inbox has sent {MOST_OF_AN_INBOX_AN_HOUR} automatic answers within an hour.",
            ),
        ),
    ]
    return next((limit for hit, limit in checks if hit), None)


def open_breaker(workspace_id: int, inbox_id: int) -> None:
    """Pause an inbox's automatic answers and tell its people, once per pause."""
    opened = sql.execute(
        "UPDATE inboxes SET auto_paused_until = %s WHERE id = %s AND COALESCE(auto_paused_until < now(), true)",
        [clock.now() + BREAKER_OPEN_FOR, inbox_id],
    )
    if opened:
        Activity.objects.create(
            workspace_id=workspace_id, action="auto_replies.paused", subject=f"inboxes:{inbox_id}", facts={}
        )
        events.show("inbox.changed", workspace_id=workspace_id, ids=[inbox_id])
