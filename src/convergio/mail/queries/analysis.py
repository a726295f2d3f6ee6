"""What the machine makes of a message: whether it may answer, from which passages, what it wrote and what that cost."""

from __future__ import annotations

import msgspec

from convergio.accounts.actor import Actor
from convergio.ai.interface import Passage
from convergio.ai.queries import find_passages
from convergio.core import sql
from convergio.mail.display.quotes import strip_quotes
from convergio.mail.queries.rows import AutoReplyRow, ReplyVerdict
from convergio.mail.queries.threads import get_email

# The inbox whose documents a draft is written from; mail of ours has none.
_INBOX = "SELECT inbox_id FROM email_deliveries WHERE email_id = %s ORDER BY id LIMIT 1"


class EmailAnalysis(msgspec.Struct, frozen=True):
    """`passages` fit the message best first; tokens and `cost` (paise) are of all its replies together."""

    email_id: int
    reply_verdict: ReplyVerdict | None
    passages: list[Passage]
    auto_replies: list[AutoReplyRow]
    input_tokens: int
    output_tokens: int
    cost: int


def analyse_email(actor: Actor, email_id: int) -> EmailAnalysis:
    """Calls no model: what is stored, and the passages as the knowledge base stands now. Raises NotFound."""
    email = get_email(actor, email_id)
    passages: list[Passage] = []
    if email.direction == "inbound":
        text = f"{email.subject}\n{strip_quotes(email.body_text).visible}"
        passages = find_passages(text=text, inbox_id=sql.fetch_value(_INBOX, [email_id]))
    return EmailAnalysis(
        email_id=email.id,
        reply_verdict=email.reply_verdict,
        passages=passages,
        auto_replies=email.auto_replies,
        input_tokens=sum(reply.input_tokens for reply in email.auto_replies),
        output_tokens=sum(reply.output_tokens for reply in email.auto_replies),
        cost=sum(reply.cost for reply in email.auto_replies),
    )
