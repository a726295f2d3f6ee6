"""What came of handing a mail over: sent, to be tried again (whole, or for some recipients), failed, uncertain."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from psycopg.types.json import Jsonb

from convergio.core import clock, events, sql
from convergio.core.errors import ProviderError
from convergio.core.models import Activity
from convergio.core.tenancy import workspace_scope
from convergio.mail.mailboxes.protocol import SendResult

MOST_ATTEMPTS = 12
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=4)
# A login that was refused is not tried often: several providers lock the account.
LOGIN_RETRY = timedelta(minutes=15)
ACCEPTED = "accepted"


class Outgoing(msgspec.Struct):
    """A claimed mail. `recipients` are those still to be tried; `results` is what is known of the others."""

    id: int
    inbox_id: int | None
    message_id: str
    raw: bytes
    recipients: list[str]
    from_address: str
    is_automatic: bool
    attempts: int
    results: dict[str, str]


def accepted(workspace_id: int, outgoing: Outgoing, result: SendResult) -> None:
    """The server took it, perhaps not for everybody: who was refused for now is tried again, alone."""
    outgoing.results |= {
        address: ACCEPTED for address in outgoing.recipients if address not in result.refused
    }
    again = []
    for address, refusal in result.refused.items():
        if refusal.kind == "permanent" or outgoing.attempts >= MOST_ATTEMPTS:
            outgoing.results[address] = refusal.message
        else:
            again.append(f"{address}: {refusal.message}")
    if again:
        _try_again(workspace_id, outgoing, "; ".join(again), None)
    else:
        finish(workspace_id, outgoing, "sent", "")
    _login_works(workspace_id, outgoing)


def refused(workspace_id: int, outgoing: Outgoing, error: ProviderError) -> None:
    """Certainly not sent to those it was tried for."""
    if error.kind == "auth":
        _wait_for_login(workspace_id, outgoing, error.message)
    elif error.kind == "permanent" or outgoing.attempts >= MOST_ATTEMPTS:
        if outgoing.results:
            outgoing.results |= dict.fromkeys(outgoing.recipients, error.message)
        finish(workspace_id, outgoing, "sent" if outgoing.results else "failed", error.message)
    else:
        _try_again(workspace_id, outgoing, error.message, error.retry_after)


def finish(workspace_id: int, outgoing: Outgoing, state: str, message: str) -> None:
    """Note the end of the attempt: sent, failed or uncertain. Refusals of single recipients are part of the message."""
    refusals = "; ".join(f"{who}: {why}" for who, why in outgoing.results.items() if why != ACCEPTED)
    with workspace_scope(workspace_id):
        # Somebody may have found the lock free meanwhile and called it uncertain; this process knows better.
        noted = sql.execute(
            """UPDATE emails SET delivery_state = %s, last_error = %s, delivery_results = %s
               WHERE id = %s AND delivery_state IN ('sending', 'uncertain') AND attempts = %s""",
            [state, refusals or message, Jsonb(outgoing.results), outgoing.id, outgoing.attempts],
        )
        if noted:
            mirror_reply(outgoing.id, state)
            events.announce(f"email.{state}", workspace_id=workspace_id, ids=[outgoing.id])


def _try_again(workspace_id: int, outgoing: Outgoing, message: str, retry_after: float | None) -> None:
    wait = min(FIRST_RETRY * 2 ** (outgoing.attempts - 1), LONGEST_RETRY)
    wait = max(wait, timedelta(seconds=retry_after or 0))
    with workspace_scope(workspace_id):
        _queue_again(workspace_id, outgoing, message, wait=wait, attempts=outgoing.attempts)


def _queue_again(
    workspace_id: int, outgoing: Outgoing, message: str, *, wait: timedelta, attempts: int
) -> None:
    noted = sql.execute(
        """UPDATE emails SET delivery_state = 'queued', send_after = %s, last_error = %s, delivery_results = %s,
             attempts = %s
           WHERE id = %s AND delivery_state IN ('sending', 'uncertain') AND attempts = %s""",
        [clock.now() + wait, message, Jsonb(outgoing.results), attempts, outgoing.id, outgoing.attempts],
    )
    if noted:
        mirror_reply(outgoing.id, "approved")
        events.announce("email.queued", workspace_id=workspace_id, ids=[outgoing.id])


def _wait_for_login(workspace_id: int, outgoing: Outgoing, message: str) -> None:
    """The mail is fine and the account is not: it waits, uses up no attempt, and the inbox says why (rule 11)."""
    with workspace_scope(workspace_id):
        _queue_again(workspace_id, outgoing, message, wait=LOGIN_RETRY, attempts=outgoing.attempts - 1)
        was: str | None = sql.fetch_value(
            """UPDATE inboxes AS now SET sending_error = %s, last_error = %s, state = 'sign_in_failed'
               FROM inboxes AS before WHERE now.id = %s AND before.id = now.id RETURNING before.sending_error""",
            [message, message, outgoing.inbox_id],
        )
        if was == "":
            Activity.objects.create(
                workspace_id=workspace_id,
                action="inbox.sign_in_failed",
                subject=f"inboxes:{outgoing.inbox_id}",
                facts={},
            )
            events.show("inbox.changed", workspace_id=workspace_id, ids=[outgoing.inbox_id or 0])


def _login_works(workspace_id: int, outgoing: Outgoing) -> None:
    with workspace_scope(workspace_id):
        cleared = sql.execute(
            """UPDATE inboxes SET sending_error = '', last_error = '', state = 'ok'
               WHERE id = %s AND sending_error <> ''""",
            [outgoing.inbox_id],
        )
        if cleared:
            hasten(workspace_id, outgoing.inbox_id or 0)
            events.show("inbox.changed", workspace_id=workspace_id, ids=[outgoing.inbox_id or 0])


def hasten(workspace_id: int, inbox_id: int) -> None:
    """Let the mail that waits for this inbox's login leave now: there is a new one."""
    ids = sql.fetch_column(
        """UPDATE emails AS email SET send_after = clock_timestamp()
           WHERE email.delivery_state = 'queued' AND email.workspace_id = %s AND email.last_error <> ''
             AND email.send_after > clock_timestamp()
             AND (SELECT inbox_id FROM email_deliveries WHERE email_id = email.id ORDER BY id LIMIT 1) = %s
           RETURNING email.id""",
        [workspace_id, inbox_id],
    )
    if ids:
        events.announce("email.queued", workspace_id=workspace_id, ids=ids)


def mirror_reply(email_id: int, state: str) -> None:
    """Let the draft that became this mail say the same."""
    sql.execute(
        """UPDATE auto_replies SET status = %s, updated_at = now(), sent_at = CASE WHEN %s = 'sent' THEN now() END
           WHERE sent_email_id = %s""",
        [state, state, email_id],
    )
