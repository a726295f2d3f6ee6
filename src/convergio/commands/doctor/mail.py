"""Mailboxes that cannot be reached and mail that could not be sent."""

from collections.abc import Iterator

import psycopg

from convergio.commands.doctor.finding import Finding, Level
from convergio.commands.workplace import Workplace

_SUBJECT = "mail"
_INBOXES = """
SELECT email_address, state, last_error FROM inboxes
WHERE is_active AND state IN ('unreachable', 'sign_in_failed') ORDER BY email_address
"""
_ACTIVE = "SELECT count(*) FROM inboxes WHERE is_active"
_OUTBOX = """
SELECT delivery_state, count(*) FROM emails
WHERE delivery_state IN ('failed', 'uncertain')
   OR delivery_state IN ('queued', 'sending') AND coalesce(send_after, created_at) < now() - interval '15 minutes'
GROUP BY 1 ORDER BY 1
"""
_OUTGOING = {
    "failed": ("could not be sent", "Open them in the Sent view, where the reason is, and send them again."),
    "uncertain": (
        "may or may not have been delivered",
        "Ask their recipients, then mark them in the Sent view.",
    ),
    "queued": ("wait to be sent for more than 15 minutes", "Start convergio worker, or see its log."),
    "sending": ("have been on their way for more than 15 minutes", "Start convergio worker, or see its log."),
}


def check_mail(workplace: Workplace) -> Iterator[Finding]:
    """Inboxes in trouble, and what is stuck in the outbox."""
    with psycopg.connect(workplace.admin_url) as connection:
        (active,) = connection.execute(_ACTIVE).fetchone() or (0,)
        troubled = connection.execute(_INBOXES).fetchall()
        outgoing = connection.execute(_OUTBOX).fetchall()
    for address, state, error in troubled:
        what = "refuses our password" if state == "sign_in_failed" else "cannot be reached"
        yield Finding(
            _SUBJECT,
            Level.PROBLEM,
            f"The mailbox {address} {what}{f' ({error.rstrip(chr(46))})' if error else ''}.",
            "Correct it in Settings, Inboxes, and test the connection there.",
        )
    for state, count in outgoing:
        complaint, remedy = _OUTGOING[state]
        yield Finding(_SUBJECT, Level.PROBLEM, f"{count} messages {complaint}.", remedy)
    if not troubled and not outgoing:
        yield Finding(
            _SUBJECT, Level.OK, f"{active} mailboxes are watched and nothing is stuck in the outbox."
        )
