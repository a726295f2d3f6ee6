"""Drafting replies: one draft per conversation, made anew when a follow-up comes (rule 40).

The model is called between two transactions, never inside one. What was asked is compared again before the draft is
kept, so a slow answer to an old question never replaces the answer to a newer one. Where a limit keeps the model from
being asked, an automatic draft quotes without one, and says so; a person who asked is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from django.db import transaction
from psycopg.types.json import Jsonb

from convergio.accounts import activity
from convergio.accounts.actor import Actor, system
from convergio.accounts.permissions import require
from convergio.accounts.reach import end_limit, limit_to_inboxes, whole_workspace
from convergio.ai import metering
from convergio.ai.interface import DraftRequest
from convergio.ai.metering import Metered
from convergio.ai.providers import current_model
from convergio.ai.providers.offline import OfflineModel
from convergio.billing.reservations import Purpose
from convergio.core import events, sql
from convergio.core.errors import OverQuota
from convergio.core.tenancy import workspace_scope
from convergio.mail.actions import send_reply
from convergio.mail.errors import InvalidMessage, NothingToAnswer, QuestionChanged
from convergio.mail.limits import find_limit, open_breaker
from convergio.mail.queries.threads import thread_of
from convergio.mail.questions import Question, find_question, request_of


@dataclass(frozen=True, slots=True)
class _Written:
    """A draft, what it took, and the limit that kept the model from writing it (or empty)."""

    metered: Metered
    stopped_by: str = ""


def draft_reply(workspace_id: int, email_id: int) -> None:
    """Write, or write anew, the draft of this email's conversation; send it where the inbox and its limits allow."""
    with workspace_scope(workspace_id):
        question = find_question(email_id)
        if question is None:
            return
        request = request_of(question)
    written = _write(request, _purpose(workspace_id, question, "auto_reply"))
    with workspace_scope(workspace_id):
        again = _find_again(email_id, question)
        if again is None or again.newest_email_id != question.newest_email_id:
            return
        reply_id = _keep(system(workspace_id), question, written)
        if question.reply_mode == "auto" and written.metered.draft.may_send:
            _send_if_allowed(workspace_id, question, reply_id)


def ask_for_draft(actor: Actor, email_id: int) -> int:
    """Have a model draft what a person asks it for, now; the answer is the draft's id. It is sent by a person only.

    Call outside a transaction. Raises NotFound, NothingToAnswer, QuestionChanged, OutOfTokens, QuotaUsedUp,
    ProviderError.
    """
    require(actor, "replies.review")
    with _within_reach(actor):
        thread_of(actor, email_id)
        with whole_workspace(actor):  # a draft rests on the whole workspace's knowledge, whoever asks
            question = find_question(email_id, asked=True)
            if question is None:
                raise NothingToAnswer
            request = request_of(question)
    purpose = _purpose(actor.workspace_id, question, "draft", member_id=actor.user_id)
    written = _Written(metering.draft_reply(current_model(), request, purpose))
    with _within_reach(actor), whole_workspace(actor):
        again = _find_again(email_id, question, asked=True)
        if again is None or again.newest_email_id != question.newest_email_id:
            raise QuestionChanged
        return _keep(actor, question, written)


@contextmanager
def _within_reach(actor: Actor) -> Iterator[None]:
    """A transaction in the actor's workspace, limited to what their key reaches."""
    with workspace_scope(actor.workspace_id):
        end_limit(actor)  # of a transaction around this one
        limit_to_inboxes(actor)
        yield


def _purpose(workspace_id: int, question: Question, feature: str, *, member_id: int | None = None) -> Purpose:
    cause = f"emails:{question.newest_email_id}"
    return Purpose(workspace_id, feature, cause, member_id=member_id, inbox_id=question.inbox_id)


def _write(request: DraftRequest, purpose: Purpose) -> _Written:
    try:
        return _Written(metering.draft_reply(current_model(), request, purpose))
    except OverQuota as refusal:
        draft = OfflineModel().draft_reply(request)
        draft = replace(draft, handover_reason=f"{refusal.message} {draft.handover_reason}")
        return _Written(Metered(draft), stopped_by=str(refusal.facts["limit"]))


def _find_again(email_id: int, question: Question, *, asked: bool = False) -> Question | None:
    """One draft of a conversation at a time; also waits for a message that is being stored in it right now."""
    sql.execute("SELECT FROM email_threads WHERE id = %s FOR UPDATE", [question.thread_id])
    return find_question(email_id, asked=asked)


def _keep(actor: Actor, question: Question, written: _Written) -> int:
    draft = written.metered.draft
    reply_id: int = sql.fetch_value(
        """INSERT INTO auto_replies (workspace_id, email_id, thread_id, inbox_id, reply_text, ai_model, citations,
             confidence, handover_reason, input_tokens, output_tokens, cost, usage_id, stopped_by)
           VALUES (%(workspace)s, %(email)s, %(thread)s, %(inbox)s, %(text)s, %(model)s, %(citations)s,
             %(confidence)s, %(handover)s, %(input)s, %(output)s, %(cost)s, %(usage)s, %(stopped_by)s)
           ON CONFLICT (thread_id) WHERE status = 'drafted' DO UPDATE SET
             reply_text = excluded.reply_text, reply_html = '', ai_model = excluded.ai_model,
             citations = excluded.citations,
             confidence = excluded.confidence, handover_reason = excluded.handover_reason,
             input_tokens = auto_replies.input_tokens + excluded.input_tokens,
             output_tokens = auto_replies.output_tokens + excluded.output_tokens,
             cost = auto_replies.cost + excluded.cost, usage_id = COALESCE(excluded.usage_id, auto_replies.usage_id),
             stopped_by = excluded.stopped_by, updated_at = now()
           RETURNING id""",
        {
            "workspace": actor.workspace_id,
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
            "usage": written.metered.usage_id,
            "stopped_by": written.stopped_by,
        },
    )
    events.show("reply.drafted", workspace_id=actor.workspace_id, ids=[question.thread_id])
    activity.record(
        actor,
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
