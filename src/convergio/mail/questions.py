"""What waits for an answer in a conversation, and how a model is asked it."""

from __future__ import annotations

import msgspec

from convergio.ai.interface import DraftRequest
from convergio.ai.queries import find_passages
from convergio.core import sql
from convergio.mail.display.quotes import strip_quotes


class Question(msgspec.Struct):
    """The unanswered messages of a conversation, as one question."""

    thread_id: int
    inbox_id: int
    inbox_name: str
    signature: str
    reply_mode: str
    first_email_id: int
    newest_email_id: int
    subject: str
    sender_name: str
    sender_address: str
    answer_to: str
    texts: list[str]


# Asked is the inbox that answers; of several, the one that was written to.
# Unanswered: inbound mail that may be answered (or any, for a person who asks) and came after the last thing that we
# sent into the conversation.
_QUESTION = """
SELECT thread.id, inbox.id, inbox.name, inbox.signature, inbox.reply_mode,
       (array_agg(email.id ORDER BY email.received_at, email.id))[1],
       (array_agg(email.id ORDER BY email.received_at DESC, email.id DESC))[1],
       (array_agg(email.subject ORDER BY email.received_at, email.id))[1],
       (array_agg(email.from_name ORDER BY email.received_at DESC, email.id DESC))[1],
       (array_agg(email.from_address ORDER BY email.received_at DESC, email.id DESC))[1],
       (array_agg(COALESCE(NULLIF(email.return_path, ''), email.from_address)
         ORDER BY email.received_at DESC, email.id DESC))[1],
       array_agg(email.body_text ORDER BY email.received_at, email.id)
FROM email_threads AS thread
JOIN emails AS email ON email.thread_id = thread.id
JOIN LATERAL (
  SELECT inbox.* FROM email_deliveries AS delivery JOIN inboxes AS inbox ON inbox.id = delivery.inbox_id
  WHERE delivery.email_id = email.id AND inbox.is_active
    AND (%(asked)s OR inbox.reply_mode <> 'off')
  ORDER BY lower(inbox.email_address) IN (
    SELECT lower(one->>'address') FROM jsonb_array_elements((email.recipients->'to') || (email.recipients->'cc')) AS one
  ) DESC, delivery.id LIMIT 1
) AS inbox ON true
WHERE thread.id = (SELECT thread_id FROM emails WHERE id = %(email)s)
  AND email.direction = 'inbound' AND (%(asked)s OR email.reply_allowed AND NOT email.is_backfill)
  AND NOT EXISTS (
    SELECT FROM emails AS answer
    WHERE answer.thread_id = thread.id AND answer.direction = 'outbound'
      AND answer.delivery_state IS DISTINCT FROM 'cancelled' AND answer.received_at >= email.received_at)
GROUP BY thread.id, inbox.id, inbox.name, inbox.signature, inbox.reply_mode
ORDER BY max(email.id) DESC LIMIT 1
"""


def find_question(email_id: int, *, asked: bool = False) -> Question | None:
    """What waits for an answer in this email's conversation; None when nothing does.

    Where a person asked for it, also mail that no machine answers by itself, in inboxes without drafts.
    """
    return sql.fetch_one(Question, _QUESTION, {"email": email_id, "asked": asked})


def request_of(question: Question) -> DraftRequest:
    """The question as a model is asked it, with what may be said."""
    text = "\n\n".join(strip_quotes(one).visible for one in question.texts)
    return DraftRequest(
        question=text,
        subject=question.subject,
        sender_name=question.sender_name,
        inbox_name=question.inbox_name,
        signature=question.signature,
        passages=find_passages(text=f"{question.subject}\n{text}", inbox_id=question.inbox_id),
    )
