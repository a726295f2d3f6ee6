"""REST of replies that a machine wrote."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpResponse
from ninja import Field, Query, Router, Schema

from convergio.accounts.permissions import require
from convergio.accounts.reach import writing
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.idempotency import idempotent
from convergio.core.paging import DEFAULT_LIMIT, Page
from convergio.core.rest import json_answer, list_answer, schema_of
from convergio.mail import actions
from convergio.mail.queries import replies, threads
from convergio.mail.queries.rows import AutoReplyRow
from convergio.mail.replies import WrittenReply, draft_by_hand

router = Router(tags=["auto-replies"])
AutoReplyOut = schema_of(AutoReplyRow)
Status = Literal[
    "", "drafted", "approved", "sending", "sent", "rejected", "failed", "uncertain", "superseded"
]


class ReplyQuery(Schema):
    """Filters of the list, and its page."""

    status: Status = ""
    email_id: int | None = None
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    cursor: int | None = Field(None, description="X-Next-Cursor of the page before")


class ReplyIn(Schema):
    """A draft that another program wrote."""

    email_id: int
    reply_text: str
    reply_html: str = ""
    ai_model: str = "external"
    citations: list[dict[str, Any]] = []
    confidence: float | None = Field(None, ge=0, le=1)
    handover_reason: str = ""


class Approval(Schema):
    """The edited text; absent fields leave the draft as it is."""

    reply_text: str | None = None
    reply_html: str | None = None


@router.get("/auto-replies", response=list[AutoReplyOut], summary="Replies, newest first")  # type: ignore[valid-type]
def list_replies(request: SignedInHttpRequest, query: Query[ReplyQuery]) -> HttpResponse:
    if query.email_id is not None:
        threads.thread_of(request.actor, query.email_id)
    if query.cursor is not None:
        replies.get_reply(request.actor, query.cursor)
    page = Page.of(limit=query.limit, offset=query.offset, cursor=query.cursor)
    found = replies.list_replies(request.actor, page, status=query.status, email_id=query.email_id)
    return list_answer(found.replies, total=None, next_cursor=found.next_cursor)


@router.post("/auto-replies", response={201: AutoReplyOut}, summary="Put a reply before a person")
def create_reply(request: SignedInHttpRequest, body: ReplyIn) -> HttpResponse:
    written = WrittenReply(**body.model_dump(exclude={"email_id"}))
    reply_id = draft_by_hand(request.actor, body.email_id, written)
    return json_answer(replies.get_reply(request.actor, reply_id), status=201)


@router.get("/auto-replies/{int:reply_id}", response=AutoReplyOut, summary="One reply")
def get_reply(request: SignedInHttpRequest, reply_id: int) -> HttpResponse:
    return json_answer(replies.get_reply(request.actor, reply_id))


@router.post("/auto-replies/{int:reply_id}/approve", response=AutoReplyOut, summary="Send the reply")
@idempotent
def approve(request: SignedInHttpRequest, reply_id: int, body: Approval | None = None) -> HttpResponse:
    require(request.actor, "replies.review")
    edited = body or Approval()
    actions.send_reply(request.actor, reply_id, text=edited.reply_text, html=edited.reply_html)
    return json_answer(replies.get_reply(request.actor, reply_id))


@router.post("/auto-replies/{int:reply_id}/reject", response=AutoReplyOut, summary="Drop the reply")
def reject(request: SignedInHttpRequest, reply_id: int) -> HttpResponse:
    require(request.actor, "replies.review")
    with writing(request.actor, "draft", [reply_id]):
        actions.reject_reply(request.actor, reply_id)
    return json_answer(replies.get_reply(request.actor, reply_id))
