"""Drafting replies: one draft per conversation, made anew when a follow-up comes (rule 40).

The model is called between two transactions, never inside one. What was asked is compared again before the draft is
kept, so a slow answer to an old question never replaces the answer to a newer one.
"""

from __future__ import annotations

from dataclasses import asdict

import msgspec
from django.db import transaction
from psycopg.types.json import Jsonb

from convergio.accounts import activity
from convergio.accounts.actor import system
from convergio.ai.interface import Draft, DraftRequest
from convergio.ai.providers import current_model
from convergio.ai.queries import find_passages
from convergio.core import events, sql
from convergio.core.tenancy import workspace_scope
from convergio.mail.actions import send_reply
from convergio.mail.display.quotes import strip_quotes
from convergio.mail.errors import InvalidMessage
from convergio.mail.limits import find_limit, open_breaker


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
# Unanswered: inbound mail that may be answered, after the last thing that we sent into the conversation.
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
  WHERE delivery.email_id = email.id AND inbox.is_active AND inbox.reply_mode <> 'off'
  ORDER BY lower(inbox.email_address) IN (
    SELECT lower(one->>'address') FROM jsonb_array_elements((email.recipients->'to') || (email.recipients->'cc')) AS one
  ) DESC, delivery.id LIMIT 1
) AS inbox ON true
WHERE thread.id = (SELECT thread_id FROM emails WHERE id = %s)
  AND email.direction = 'inbound' AND email.reply_allowed AND NOT email.is_backfill
  AND NOT EXISTS (
    SELECT FROM emails AS answer
    WHERE answer.thread_id = thread.id AND answer.direction = 'outbound'
      AND answer.delivery_state IS DISTINCT FROM 'cancelled' AND answer.received_at >= email.received_at)
GROUP BY thread.id, inbox.id, inbox.name, inbox.signature, inbox.reply_mode
ORDER BY max(email.id) DESC LIMIT 1
"""


def find_question(email_id: int) -> Question | None:
    """What waits for an answer in this email's conversation; None when nothing does."""
    return sql.fetch_one(Question, _QUESTION, [email_id])


def draft_reply(workspace_id: int, email_id: int) -> None:
    """Write, or write anew, the draft of this email's conversation; send it where the inbox and its limits allow."""
    with workspace_scope(workspace_id):
        question = find_question(email_id)
        if question is None:
            return
        request = _ask(question)
    draft = current_model().draft_reply(request)
    with workspace_scope(workspace_id):
        # One draft of a conversation at a time; also waits for a message that is being stored in it right now.
        sql.execute("SELECT FROM email_threads WHERE id = %s FOR UPDATE", [question.thread_id])
        again = find_question(email_id)
        if again is None or again.newest_email_id != question.newest_email_id:
            return
        reply_id = _keep(workspace_id, question, draft)
        if question.reply_mode == "auto" and draft.may_send:
            _send_if_allowed(workspace_id, question, reply_id)


def _ask(question: Question) -> DraftRequest:
    text = "\n\n".join(strip_quotes(one).visible for one in question.texts)
    return DraftRequest(
        question=text,
        subject=question.subject,
        sender_name=question.sender_name,
        inbox_name=question.inbox_name,
        signature=question.signature,
        passages=find_passages(text=f"{question.subject}\n{text}", inbox_id=question.inbox_id),
    )


def _keep(workspace_id: int, question: Question, draft: Draft) -> int:
    reply_id: int = sql.fetch_value(
        """INSERT INTO auto_replies (workspace_id, email_id, thread_id, inbox_id, reply_text, ai_model, citations,
             confidence, handover_reason, input_tokens, output_tokens, cost)
           VALUES (%(workspace)s, %(email)s, %(thread)s, %(inbox)s, %(text)s, %(model)s, %(citations)s,
             %(confidence)s, %(handover)s, %(input)s, %(output)s, %(cost)s)
           ON CONFLICT (thread_id) WHERE status = 'drafted' DO UPDATE SET
             reply_text = excluded.reply_text, ai_model = excluded.ai_model, citations = excluded.citations,
             confidence = excluded.confidence, handover_reason = excluded.handover_reason,
             input_tokens = auto_replies.input_tokens + excluded.input_tokens,
             output_tokens = auto_replies.output_tokens + excluded.output_tokens,
             cost = auto_replies.cost + excluded.cost, updated_at = now()
           RETURNING id""",
        {
            "workspace": workspace_id,
            "email": question.first_email_id,
            "thread": question.thread_id,
            "inbox": question.inbox_id,
            "text": draft.text,
            "model": draft.model,
            "citations": Jsonb([asdict(citation) for citation in draft.citations]),
            "confidence": draft.confidence,
            "handover": draft.handover_reason,
            "input": draft.input_tokens,
            "output": draft.output_tokens,
            "cost": draft.cost,
        },
    )
    events.show("reply.drafted", workspace_id=workspace_id, ids=[question.thread_id])
    activity.record(
        system(workspace_id),
        "draft.made",
        subject=f"auto_replies:{reply_id}",
        model=draft.model,
        tokens=draft.input_tokens + draft.output_tokens,
        cost=draft.cost,
    )
    return reply_id


def _send_if_allowed(workspace_id: int, question: Question, reply_id: int) -> None:
    limit = find_limit(
        workspace_id,
        inbox_id=question.inbox_id,
        thread_id=question.thread_id,
        sender=question.sender_address,
        answer_to=question.answer_to,
    )
    if limit:
        if limit.reason == "inbox_limit":
            open_breaker(workspace_id, question.inbox_id)
        _leave_to_a_person(reply_id, limit.sentence)
        return
    try:
        with transaction.atomic():
            send_reply(system(workspace_id), reply_id)
    except InvalidMessage as error:  # the sender's address, mostly: the draft is kept
        _leave_to_a_person(reply_id, error.message)


def _leave_to_a_person(reply_id: int, reason: str) -> None:
    sql.execute(
        "UPDATE auto_replies SET handover_reason = concat_ws(' ', NULLIF(handover_reason, ''), %s::text) WHERE id = %s",
        [reason, reply_id],
    )
