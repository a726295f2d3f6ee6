"""A message that another inbox got first, judged as mail to this one (rules 24 and 36)."""

from __future__ import annotations

from collections.abc import Sequence

from convergio.core import sql
from convergio.mail.ingest.incoming import Incoming

# Whichever inbox is read first: who was written to decides, and an inbox that answers beside one that does not.
_ALLOW = """
UPDATE emails AS email SET reply_allowed = true, reply_reason = %(reason)s, reply_rule = %(rule)s
WHERE email.id = ANY(%(ids)s) AND email.direction = 'inbound' AND (email.reply_reason = 'not_addressed' OR (
  email.reply_allowed AND NOT EXISTS (
    SELECT FROM email_deliveries AS earlier JOIN inboxes AS inbox ON inbox.id = earlier.inbox_id
    WHERE earlier.email_id = email.id AND inbox.reply_mode <> 'off')))
RETURNING email.id
"""


def judge_again(new_here: Sequence[Incoming]) -> list[int]:
    """Emails that may be answered now and could not be before; call it before their deliveries are noted."""
    allowed = [one for one in new_here if one.verdict.may_answer]
    if not allowed:
        return []
    verdict = allowed[0].verdict
    return sql.fetch_column(
        _ALLOW,
        {"ids": [one.email_id for one in allowed], "reason": verdict.reason, "rule": verdict.rule},
    )
