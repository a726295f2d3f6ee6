"""Drafts that another program wrote (a workflow with a model of its own), put before a person like ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from convergio.accounts import activity
from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require
from convergio.accounts.reach import whole_workspace
from convergio.core import events, sql
from convergio.core.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReply:
    """A reply to put before a person. `confidence` is between 0 and 1; `citations` are kept as given."""

    reply_text: str
    reply_html: str = ""
    ai_model: str = "external"
    citations: Sequence[dict[str, Any]] = field(default_factory=tuple)
    confidence: float | None = None
    handover_reason: str = ""


class _Question(msgspec.Struct):
    thread_id: int
    direction: str
    inbox_id: int | None


_QUESTION = """
SELECT e.thread_id, e.direction,
  (SELECT inbox_id FROM email_deliveries AS delivery WHERE delivery.email_id = e.id ORDER BY delivery.id LIMIT 1)
FROM emails AS e WHERE e.id = %s AND e.workspace_id = %s
"""
_KEEP = """
INSERT INTO auto_replies (workspace_id, email_id, thread_id, inbox_id, reply_text, reply_html, ai_model, citations,
  confidence, handover_reason)
VALUES (%(workspace)s, %(email)s, %(thread)s, %(inbox)s, %(text)s, %(html)s, %(model)s, %(citations)s,
  %(confidence)s, %(handover)s)
ON CONFLICT (thread_id) WHERE status = 'drafted' DO UPDATE SET
  reply_text = excluded.reply_text, reply_html = excluded.reply_html, ai_model = excluded.ai_model,
  citations = excluded.citations, confidence = excluded.confidence, handover_reason = excluded.handover_reason,
  updated_at = now()
RETURNING id
"""


def draft_by_hand(actor: Actor, email_id: int, written: WrittenReply) -> int:
    """Make it the draft of the email's conversation, in place of the one there; the answer is its id (rule 40).

    It is sent by nobody but a person. Raises NotFound, InvalidInput.
    """
    require(actor, "replies.review")
    if not written.reply_text.strip():
        raise InvalidInput("empty_reply", "The reply has no text; write one.", field="reply_text")
    question = sql.fetch_one(_Question, _QUESTION, [email_id, actor.workspace_id])
    if question is None or question.inbox_id is None:
        raise NotFound("email")
    if question.direction != "inbound":
        raise InvalidInput("not_inbound", "Only mail that came in can be answered.", field="email_id")
    with whole_workspace(actor):
        reply_id: int = sql.fetch_value(
            _KEEP,
            {
                "workspace": actor.workspace_id,
                "email": email_id,
                "thread": question.thread_id,
                "inbox": question.inbox_id,
                "text": written.reply_text.replace("\0", ""),
                "html": written.reply_html.replace("\0", ""),
                "model": written.ai_model[:100] or "external",
                "citations": Jsonb(list(written.citations)),
                "confidence": written.confidence,
                "handover": written.handover_reason,
            },
        )
    events.show("reply.drafted", workspace_id=actor.workspace_id, ids=[question.thread_id])
    activity.record(actor, "draft.made", subject=f"auto_replies:{reply_id}", model=written.ai_model[:100])
    return reply_id
