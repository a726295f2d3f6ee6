"""Mails whose hand-over was cut off, and those of which nobody knows whether they arrived (rule 43)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from convergio.core import clock, events, sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.connections import mailbox_settings
from convergio.mail.delivery import handing_over
from convergio.mail.errors import UncertainDelivery
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.protocol import FolderRole, Mailbox
from convergio.mail.outcomes import mirror_reply


def recover_interrupted(workspace_id: int) -> list[int]:
    """Mails that nobody hands over any more: back to queued, or uncertain past the final dot. Answers those ids."""
    with workspace_scope(workspace_id):
        ids = sql.fetch_column(
            "SELECT id FROM emails WHERE workspace_id = %s AND delivery_state = 'sending'", [workspace_id]
        )
    recovered = []
    for email_id in ids:
        with handing_over(email_id) as mine:
            if mine and _recover(workspace_id, email_id):
                recovered.append(email_id)
    return recovered


def _recover(workspace_id: int, email_id: int) -> bool:
    with workspace_scope(workspace_id):
        state: str | None = sql.fetch_value(
            """UPDATE emails SET delivery_state = CASE WHEN data_sent_at IS NULL THEN 'queued' ELSE 'uncertain' END,
                 last_error = CASE WHEN data_sent_at IS NULL THEN '' ELSE %s END
               WHERE id = %s AND delivery_state = 'sending' RETURNING delivery_state""",
            [UncertainDelivery().message, email_id],
        )
        if state is None:
            return False
        mirror_reply(email_id, "approved" if state == "queued" else state)
        events.announce(f"email.{state}", workspace_id=workspace_id, ids=[email_id])
    return True


def lost_emails(workspace_id: int, *, overdue: timedelta) -> Sequence[int]:
    """Queued mails that should have left this long ago and for which no job waits any more."""
    with workspace_scope(workspace_id):
        return sql.fetch_column(
            """SELECT id FROM emails AS email
               WHERE workspace_id = %s AND delivery_state = 'queued' AND send_after < %s
                 AND NOT EXISTS (
                   SELECT FROM procrastinate_jobs WHERE task_name = 'mail.deliver_email' AND status IN ('todo', 'doing')
                     AND (args->>'email_id')::bigint = email.id)
               LIMIT 500""",
            [workspace_id, clock.now() - overdue],
        )


class _Uncertain(msgspec.Struct):
    inbox_id: int
    message_id: str
    is_rest: bool


def resolve_uncertain(workspace_id: int, email_id: int) -> None:
    """Look for an uncertain mail in Sent: there, it was sent. Not there proves it only where Sent has everything.

    Once part of the recipients have it, the copy in Sent says nothing about the rest: that is for a person.
    """
    with workspace_scope(workspace_id):
        row = sql.fetch_one(
            _Uncertain,
            """SELECT delivery.inbox_id, email.message_id, email.delivery_results <> '{}' FROM emails AS email
               JOIN email_deliveries AS delivery ON delivery.email_id = email.id
               WHERE email.id = %s AND email.delivery_state = 'uncertain' ORDER BY delivery.id LIMIT 1""",
            [email_id],
        )
        settings = mailbox_settings(row.inbox_id) if row else None
    if row is None or row.is_rest or settings is None:
        return
    mailbox = open_mailbox(settings)
    try:
        found = _is_in_sent(mailbox, row.message_id)
    finally:
        mailbox.close()
    if found or mailbox.sent_is_complete:
        settle_uncertain(workspace_id, email_id, was_sent=found)


def _is_in_sent(mailbox: Mailbox, message_id: str) -> bool:
    sent = next((one.name for one in mailbox.folders() if one.role is FolderRole.SENT), None)
    return sent is not None and bool(mailbox.find_by_message_id(sent, message_id))


def settle_uncertain(workspace_id: int, email_id: int, *, was_sent: bool) -> bool:
    """Decide an uncertain mail: it was sent, or it is queued once more. False when it was not uncertain any more."""
    state = "sent" if was_sent else "queued"
    with workspace_scope(workspace_id):
        changed = sql.execute(
            """UPDATE emails SET delivery_state = %s, last_error = '', send_after = clock_timestamp()
               WHERE id = %s AND delivery_state = 'uncertain'""",
            [state, email_id],
        )
        if changed:
            mirror_reply(email_id, "sent" if was_sent else "approved")
            events.announce(f"email.{state}", workspace_id=workspace_id, ids=[email_id])
    return bool(changed)
