"""Taking mail out of the outbox: claimed once, handed over once, and never twice (rules 42 to 45).

Who holds the session's advisory lock of a mail is handing it over. The lock ends with its process, so a mail that is
`sending` while its lock is free was interrupted; `data_sent_at` then tells whether it may have been delivered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
import structlog

from convergio.core import clock, events, sql
from convergio.core.errors import ProviderError
from convergio.core.tenancy import workspace_scope
from convergio.mail.connections import mailbox_settings
from convergio.mail.errors import UncertainDelivery
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.protocol import FolderRole, Mailbox, SendResult

log = structlog.get_logger(__name__)

# First number of the advisory lock of one mail's hand-over.
_LOCK = 7_202
MOST_ATTEMPTS = 12
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=4)


class Outgoing(msgspec.Struct):
    """A claimed mail."""

    id: int
    inbox_id: int
    message_id: str
    raw: bytes
    recipients: list[str]
    from_address: str
    is_automatic: bool
    attempts: int


_CLAIM = """
UPDATE emails AS email SET delivery_state = 'sending', attempts = attempts + 1, data_sent_at = NULL
FROM email_deliveries AS delivery
WHERE email.id = %s AND delivery.email_id = email.id AND email.delivery_state = 'queued' AND email.send_after <= clock_timestamp()
RETURNING email.id, delivery.inbox_id, email.message_id, email.raw_source,
  ARRAY(SELECT DISTINCT one->>'address' FROM jsonb_each(email.recipients) AS field(name, people),
        jsonb_array_elements(people) AS one WHERE field.name IN ('to', 'cc', 'bcc')),
  email.from_address, email.is_automatic, email.attempts
"""


def deliver_email(workspace_id: int, email_id: int) -> None:
    """Hand one queued mail to its inbox's server and note what came of it. Does nothing when it is not due or not ours."""
    with _handing_over(email_id) as mine:
        if not mine:
            return
        with workspace_scope(workspace_id):
            outgoing = sql.fetch_one(Outgoing, _CLAIM, [email_id])
            settings = mailbox_settings(outgoing.inbox_id) if outgoing else None
            _mirror_reply(email_id, "sending")
        if outgoing is None or settings is None:
            return
        mailbox = open_mailbox(settings)
        try:
            _hand_over(workspace_id, outgoing, mailbox)
        finally:
            mailbox.close()


def _hand_over(workspace_id: int, outgoing: Outgoing, mailbox: Mailbox) -> None:
    marked = False

    def before_commit() -> None:
        nonlocal marked
        with workspace_scope(workspace_id):
            sql.execute("UPDATE emails SET data_sent_at = now() WHERE id = %s", [outgoing.id])
        marked = True

    # The empty envelope sender keeps automatic mail from being answered by machines (rule 39).
    envelope = "" if outgoing.is_automatic else outgoing.from_address
    try:
        result = mailbox.send(envelope, outgoing.recipients, outgoing.raw, before_commit)
    except ProviderError as error:
        _note_failure(workspace_id, outgoing, error)
    except UncertainDelivery as error:
        _finish(workspace_id, outgoing.id, "uncertain", error.message)
    except Exception:
        log.exception("mail.delivery_broke", email_id=outgoing.id)
        if marked:
            _finish(workspace_id, outgoing.id, "uncertain", UncertainDelivery().message)
        else:
            _requeue(workspace_id, outgoing, "Sending broke off before the mail was handed over.", None)
    else:
        _finish(workspace_id, outgoing.id, "sent", _refusals(result))
        _file_in_sent(outgoing, mailbox)


def _note_failure(workspace_id: int, outgoing: Outgoing, error: ProviderError) -> None:
    if error.kind == "permanent" or outgoing.attempts >= MOST_ATTEMPTS:
        _finish(workspace_id, outgoing.id, "failed", error.message)
    else:
        _requeue(workspace_id, outgoing, error.message, error.retry_after)


def _requeue(workspace_id: int, outgoing: Outgoing, message: str, retry_after: float | None) -> None:
    wait = min(FIRST_RETRY * 2 ** (outgoing.attempts - 1), LONGEST_RETRY)
    at = clock.now() + max(wait, timedelta(seconds=retry_after or 0))
    with workspace_scope(workspace_id):
        sql.execute(
            "UPDATE emails SET delivery_state = 'queued', send_after = %s, last_error = %s WHERE id = %s",
            [at, message, outgoing.id],
        )
        _mirror_reply(outgoing.id, "approved")
        events.announce("email.queued", workspace_id=workspace_id, ids=[outgoing.id])


def _finish(workspace_id: int, email_id: int, state: str, message: str) -> None:
    with workspace_scope(workspace_id):
        sql.execute(
            "UPDATE emails SET delivery_state = %s, last_error = %s WHERE id = %s AND delivery_state = 'sending'",
            [state, message, email_id],
        )
        _mirror_reply(email_id, state)
        events.announce(f"email.{state}", workspace_id=workspace_id, ids=[email_id])


def _mirror_reply(email_id: int, state: str) -> None:
    sql.execute(
        """UPDATE auto_replies SET status = %s, updated_at = now(), sent_at = CASE WHEN %s = 'sent' THEN now() END
           WHERE sent_email_id = %s""",
        [state, state, email_id],
    )


def _refusals(result: SendResult) -> str:
    return "; ".join(f"{address}: {refusal.message}" for address, refusal in result.refused.items())


def _file_in_sent(outgoing: Outgoing, mailbox: Mailbox) -> None:
    """The mail is out whatever happens here: a Sent folder that cannot be written to is no reason to say otherwise."""
    try:
        mailbox.append_sent(outgoing.raw, outgoing.message_id)
    except ProviderError as error:
        log.warning("mail.sent_copy_failed", email_id=outgoing.id, kind=error.kind)


@contextmanager
def _handing_over(email_id: int) -> Iterator[bool]:
    locked = bool(sql.fetch_value("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, email_id & 0x7FFFFFFF]))
    try:
        yield locked
    finally:
        if locked:
            sql.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, email_id & 0x7FFFFFFF])


class _Interrupted(msgspec.Struct):
    id: int
    data_sent_at: datetime | None


def recover_interrupted(workspace_id: int) -> list[int]:
    """Find mails whose hand-over was cut off: back to queued, or uncertain past the final dot. Answers those ids."""
    with workspace_scope(workspace_id):
        rows = sql.fetch_all(
            _Interrupted,
            "SELECT id, data_sent_at FROM emails WHERE delivery_state = 'sending' AND workspace_id = %s",
            [workspace_id],
        )
    recovered = []
    for row in rows:
        with _handing_over(row.id) as mine:
            if mine and _recover(workspace_id, row.id):
                recovered.append(row.id)
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
        _mirror_reply(email_id, "approved" if state == "queued" else state)
        events.announce(f"email.{state}", workspace_id=workspace_id, ids=[email_id])
    return True


def due_emails(workspace_id: int, *, overdue: timedelta) -> Sequence[int]:
    """Queued mails that should have left this long ago: their job was lost."""
    with workspace_scope(workspace_id):
        return sql.fetch_column(
            "SELECT id FROM emails WHERE workspace_id = %s AND delivery_state = 'queued' AND send_after < %s LIMIT 500",
            [workspace_id, clock.now() - overdue],
        )


class _Uncertain(msgspec.Struct):
    inbox_id: int
    message_id: str


def resolve_uncertain(workspace_id: int, email_id: int) -> None:
    """Look for an uncertain mail in Sent: there, it was sent. Not there proves something only where Sent has everything."""
    with workspace_scope(workspace_id):
        row = sql.fetch_one(
            _Uncertain,
            """SELECT delivery.inbox_id, email.message_id FROM emails AS email
               JOIN email_deliveries AS delivery ON delivery.email_id = email.id
               WHERE email.id = %s AND email.delivery_state = 'uncertain'""",
            [email_id],
        )
        settings = mailbox_settings(row.inbox_id) if row else None
    if row is None or settings is None:
        return
    mailbox = open_mailbox(settings)
    try:
        sent = next((one.name for one in mailbox.folders() if one.role is FolderRole.SENT), None)
        found = sent is not None and bool(mailbox.find_by_message_id(sent, row.message_id))
        complete = mailbox.sent_is_complete
    finally:
        mailbox.close()
    if found or complete:
        settle_uncertain(workspace_id, email_id, was_sent=found)


def settle_uncertain(workspace_id: int, email_id: int, *, was_sent: bool) -> bool:
    """Decide an uncertain mail: it was sent, or it is queued once more. False when it was not uncertain any more."""
    state = "sent" if was_sent else "queued"
    with workspace_scope(workspace_id):
        changed = sql.execute(
            """UPDATE emails SET delivery_state = %s, last_error = '', send_after = now()
               WHERE id = %s AND delivery_state = 'uncertain'""",
            [state, email_id],
        )
        if changed:
            _mirror_reply(email_id, "sent" if was_sent else "approved")
            events.announce(f"email.{state}", workspace_id=workspace_id, ids=[email_id])
    return bool(changed)
