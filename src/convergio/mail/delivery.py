"""Taking mail out of the outbox: claimed once, handed over once, and never twice (rules 42 to 45).

Who holds the session's advisory lock of a mail is handing it over. The lock ends with its database session, so a mail
that is `sending` while its lock is free was interrupted; `data_sent_at` then tells whether it may have been delivered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from convergio.core import crypto, sql
from convergio.core.errors import ProviderError
from convergio.core.tenancy import workspace_scope
from convergio.mail import outcomes
from convergio.mail.connections import mailbox_settings
from convergio.mail.errors import UncertainDelivery
from convergio.mail.mailboxes import open_mailbox
from convergio.mail.mailboxes.protocol import Mailbox
from convergio.mail.outcomes import Outgoing

log = structlog.get_logger(__name__)

# First number of the advisory lock of one mail's hand-over.
_LOCK = 7_202
INBOX_GONE = "The inbox that this mail was to leave from is not there any more."
BROKE_OFF = "Sending broke off before the mail was handed over; it is tried again."


class LockLost(Exception):
    """The database session that held the hand-over's lock ended: somebody else may be handing the mail over."""


# The first delivery is the sending inbox; a copy that came back into another inbox of ours is a later one.
_CLAIM = """
UPDATE emails AS email SET delivery_state = 'sending', attempts = attempts + 1, data_sent_at = NULL
WHERE email.id = %s AND email.delivery_state = 'queued' AND email.send_after <= clock_timestamp()
RETURNING email.id, (SELECT inbox_id FROM email_deliveries WHERE email_id = email.id ORDER BY id LIMIT 1),
  email.message_id, email.raw_source,
  ARRAY(SELECT DISTINCT one->>'address' FROM jsonb_each(email.recipients) AS field(name, people),
        jsonb_array_elements(people) AS one
        WHERE field.name IN ('to', 'cc', 'bcc') AND NOT email.delivery_results ? (one->>'address')),
  email.from_address, email.is_automatic, email.attempts, email.delivery_results
"""
_MARK = """
UPDATE emails SET data_sent_at = now() WHERE id = %(email)s AND delivery_state = 'sending' AND EXISTS (
  SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = %(lock)s AND objid = %(email)s & 2147483647)
"""


def deliver_email(workspace_id: int, email_id: int) -> None:
    """Hand one queued mail to its inbox's server and note what came of it. Does nothing unless it is due and ours."""
    with handing_over(email_id) as mine:
        outgoing = _claim(workspace_id, email_id) if mine else None
        if outgoing is None:
            return
        try:
            mailbox = _open(workspace_id, outgoing)
        except ProviderError as error:
            outcomes.refused(workspace_id, outgoing, error)
            return
        try:
            _hand_over(workspace_id, outgoing, mailbox)
        finally:
            mailbox.close()


def _claim(workspace_id: int, email_id: int) -> Outgoing | None:
    with workspace_scope(workspace_id):
        outgoing = sql.fetch_one(Outgoing, _CLAIM, [email_id])
        if outgoing:
            outcomes.mirror_reply(email_id, "sending")
    return outgoing


def _open(workspace_id: int, outgoing: Outgoing) -> Mailbox:
    with workspace_scope(workspace_id):
        try:
            settings = mailbox_settings(outgoing.inbox_id) if outgoing.inbox_id else None
        except crypto.Unreadable as error:
            raise ProviderError("auth", str(error)) from error
    if settings is None:
        raise ProviderError("permanent", INBOX_GONE)
    return open_mailbox(settings)


def _hand_over(workspace_id: int, outgoing: Outgoing, mailbox: Mailbox) -> None:
    marked = False

    def before_commit() -> None:
        nonlocal marked
        with workspace_scope(workspace_id):
            if not sql.execute(_MARK, {"email": outgoing.id, "lock": _LOCK}):
                raise LockLost
        marked = True

    # The empty envelope sender keeps automatic mail from being answered by machines (rule 39).
    envelope = "" if outgoing.is_automatic else outgoing.from_address
    try:
        result = mailbox.send(envelope, outgoing.recipients, outgoing.raw, before_commit)
    except ProviderError as error:
        outcomes.refused(workspace_id, outgoing, error)
    except UncertainDelivery as error:
        outcomes.finish(workspace_id, outgoing, "uncertain", error.message)
    except LockLost:
        log.warning("mail.hand_over_lost", email_id=outgoing.id)
    except Exception:
        log.exception("mail.delivery_broke", email_id=outgoing.id)
        if marked:
            outcomes.finish(workspace_id, outgoing, "uncertain", UncertainDelivery().message)
        else:
            outcomes.refused(workspace_id, outgoing, ProviderError("retry", BROKE_OFF))
    else:
        outcomes.accepted(workspace_id, outgoing, result)
        _file_in_sent(outgoing, mailbox)


def _file_in_sent(outgoing: Outgoing, mailbox: Mailbox) -> None:
    """The mail is out whatever happens here: a Sent folder that cannot be written to is no reason to say otherwise."""
    try:
        mailbox.append_sent(outgoing.raw, outgoing.message_id)
    except ProviderError as error:
        log.warning("mail.sent_copy_failed", email_id=outgoing.id, kind=error.kind)


@contextmanager
def handing_over(email_id: int) -> Iterator[bool]:
    """Hold the mail's lock on this database session, or False when another session hands it over."""
    locked = bool(sql.fetch_value("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, email_id & 0x7FFFFFFF]))
    try:
        yield locked
    finally:
        if locked:
            sql.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, email_id & 0x7FFFFFFF])
