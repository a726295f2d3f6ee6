"""Mailboxes that cannot be reached and mail that could not be sent."""

from collections import Counter
from collections.abc import Iterator

from convergio.commands.doctor.everywhere import fetch_everywhere
from convergio.commands.doctor.finding import Finding, Level, counted
from convergio.commands.workplace import Workplace

_SUBJECT = "mail"
_INBOXES = """
SELECT email_address, state, last_error FROM inboxes
WHERE is_active AND workspace_id = %(workspace)s ORDER BY email_address
"""
_OUTBOX = """
SELECT delivery_state, count(*) FROM emails
WHERE workspace_id = %(workspace)s AND (delivery_state IN ('failed', 'uncertain')
   OR delivery_state IN ('queued', 'sending') AND coalesce(send_after, created_at) < now() - interval '15 minutes')
GROUP BY 1
"""
_TROUBLE = {"sign_in_failed": "refuses our password", "unreachable": "cannot be reached"}
_OUTGOING = {
    "failed": (
        "message could not be sent",
        "messages could not be sent",
        "The reason is in the Sent view; send again from there.",
    ),
    "uncertain": (
        "message may or may not have been delivered",
        "messages may or may not have been delivered",
        "Ask the recipient, then mark it in the Sent view.",
    ),
    "queued": (
        "message has waited to be sent for more than 15 minutes",
        "messages have waited to be sent for more than 15 minutes",
        "Start convergio worker, or see its log.",
    ),
    "sending": (
        "message has been on its way for more than 15 minutes",
        "messages have been on their way for more than 15 minutes",
        "Start convergio worker, or see its log.",
    ),
}


def check_mail(workplace: Workplace) -> Iterator[Finding]:
    """Inboxes in trouble, and what is stuck in the outbox."""
    inboxes = fetch_everywhere(workplace.admin_url, _INBOXES)
    troubled = [inbox for inbox in inboxes if inbox[1] in _TROUBLE]
    outgoing: Counter[str] = Counter()
    for state, count in fetch_everywhere(workplace.admin_url, _OUTBOX):
        outgoing[state] += count
    for address, state, error in troubled:
        yield Finding(
            _SUBJECT,
            Level.PROBLEM,
            f"The mailbox {address} {_TROUBLE[state]}{f' ({error.rstrip(chr(46))})' if error else ''}.",
            "Correct it in Settings, Inboxes, and test the connection there.",
        )
    for state, count in sorted(outgoing.items()):
        one, more, remedy = _OUTGOING[state]
        yield Finding(_SUBJECT, Level.PROBLEM, f"{counted(count, one, more)}.", remedy)
    if not troubled and not outgoing:
        watched = counted(len(inboxes), "mailbox is", "mailboxes are")
        yield Finding(_SUBJECT, Level.OK, f"{watched} watched and nothing is stuck in the outbox.")
