"""A conversation as its page shows it: what is folded, what is blocked, what a person can still decide."""

from __future__ import annotations

from typing import Any

import msgspec

from convergio.accounts.actor import Actor
from convergio.core import clock
from convergio.mail.display import SafeHtml, render_html, strip_quotes
from convergio.mail.queries.rows import AutoReplyRow, EmailDetail, ReplyVerdict
from convergio.mail.queries.threads import SenderContext, Thread, sender_context

# Only so many messages are cleaned for display in one page; older ones show as their plain text.
MOST_FRAMES = 40


class ShownFile(msgspec.Struct, frozen=True):
    """An attachment; `number` is its place in the message's list, `size` is in bytes."""

    number: int
    filename: str
    size: int


class ShownMessage(msgspec.Struct, frozen=True):
    """One message. `remote_count` counts blocked remote parts; `may_undo` holds while its undo window is open."""

    email_id: int
    direction: str
    sender_name: str
    sender_address: str
    to: str
    cc: str
    received_at: Any
    snippet: str
    body_text: str
    quoted_text: str
    has_html: bool
    remote_count: int
    images_shown: bool
    is_automatic: bool
    is_unread: bool
    parse_error: str | None
    delivery_state: str
    last_error: str
    may_undo: bool
    attachments: list[ShownFile]
    reply_verdict: ReplyVerdict | None


class Citation(msgspec.Struct, frozen=True):
    """A passage that a draft quotes."""

    number: int
    document_id: int | None
    title: str
    quote: str


class ShownDraft(msgspec.Struct, frozen=True):
    """A machine's reply that waits for a decision. `cost_paise` and `tokens` are 0 without a model (`offline`)."""

    auto_reply_id: int
    version: float
    reply_text: str
    ai_model: str
    offline: bool
    check: str
    stopped_by: str
    tokens: int
    cost_paise: int
    citations: list[Citation]


class ReplyTo(msgspec.Struct, frozen=True):
    """Whom a reply goes to, and which message it answers."""

    parent_id: int
    name: str
    addresses: str


class ShownThread(msgspec.Struct, frozen=True):
    """The conversation page. `context` is None where nobody but us has written."""

    thread_id: int
    subject: str
    tag: str
    colour: str
    messages: list[ShownMessage]
    hidden_count: int
    draft: ShownDraft | None
    reply: ReplyTo | None
    context: SenderContext | None
    tasks: list[Any]


def shown_thread(actor: Actor, thread: Thread, *, images_of: int = 0) -> ShownThread:
    """Prepare a conversation. Remote parts are counted and blocked, except in the message `images_of`."""
    first_framed = max(0, len(thread.messages) - MOST_FRAMES)
    messages = [
        shown_message(message, framed=place >= first_framed, images=message.id == images_of)
        for place, message in enumerate(thread.messages)
    ]
    mark = thread.inboxes[0] if thread.inboxes else None
    return ShownThread(
        thread_id=thread.thread_id,
        subject=thread.subject,
        tag=mark.tag if mark else "",
        colour=mark.colour if mark else "grey",
        messages=messages,
        hidden_count=max(0, thread.message_count - len(thread.messages)),
        draft=_draft(thread),
        reply=reply_to(thread),
        context=sender_context(actor, thread),
        tasks=thread.tasks,
    )


def shown_message(message: EmailDetail, *, framed: bool, images: bool) -> ShownMessage:
    """One message; `framed` asks for its HTML in a frame of its own."""
    has_html = framed and bool(message.body_html)
    text = strip_quotes(message.body_text)
    rendered = _rendered(message) if has_html else None
    in_place = rendered.cids_used if rendered else frozenset()
    return ShownMessage(
        email_id=message.id,
        direction=message.direction,
        sender_name=message.from_name,
        sender_address=message.from_address,
        to=_people(message.to) or message.to_address,
        cc=_people(message.cc),
        received_at=message.received_at,
        snippet=message.snippet,
        body_text=text.visible,
        quoted_text="" if has_html else text.hidden,
        has_html=has_html,
        remote_count=rendered.blocked_remote if rendered and not images else 0,
        images_shown=images,
        is_automatic=message.is_automatic,
        is_unread=not message.is_read,
        parse_error=message.parse_error,
        delivery_state=message.delivery_state or "",
        last_error=message.last_error,
        may_undo=_may_undo(message),
        attachments=[
            ShownFile(number, file.get("filename") or "attachment", file.get("size") or 0)
            for number, file in enumerate(message.attachments)
            if not (file.get("inline") and file.get("content_id") in in_place)
        ],
        reply_verdict=message.reply_verdict,
    )


def _people(people: list[dict[str, str]]) -> str:
    return ", ".join(person.get("name") or person["address"] for person in people)


def _rendered(message: EmailDetail) -> SafeHtml:
    """The HTML as the frame shows it at first: what it blocks, and which embedded parts it shows."""
    cids = {file["content_id"]: "/" for file in message.attachments if file.get("content_id")}
    return render_html(message.body_html or "", allow_remote=False, cid_urls=cids)


def _may_undo(message: EmailDetail) -> bool:
    return (
        message.delivery_state == "queued"
        and not message.is_automatic
        and not message.attempts
        and message.send_after is not None
        and message.send_after > clock.now()
    )


def _draft(thread: Thread) -> ShownDraft | None:
    waiting = [
        reply for email in thread.messages for reply in email.auto_replies if reply.status == "drafted"
    ]
    return _shown_draft(waiting[-1]) if waiting else None


def _shown_draft(reply: AutoReplyRow) -> ShownDraft:
    return ShownDraft(
        auto_reply_id=reply.id,
        version=reply.updated_at.timestamp(),
        reply_text=reply.reply_text,
        ai_model=reply.ai_model,
        offline=reply.ai_model == "offline",
        check=reply.handover_reason,
        stopped_by=reply.stopped_by,
        tokens=reply.input_tokens + reply.output_tokens,
        cost_paise=reply.cost,
        citations=[
            Citation(
                number,
                passage.get("document_id"),
                " § ".join(filter(None, (passage.get("title"), passage.get("heading")))),
                passage.get("quote", ""),
            )
            for number, passage in enumerate(reply.citations, start=1)
        ],
    )


def reply_to(thread: Thread) -> ReplyTo | None:
    """The newest inbound message is answered, at its Reply-To or else its sender; else our own last mail goes on."""
    inbound = [
        message for message in thread.messages if message.direction == "inbound" and message.from_address
    ]
    if inbound:
        newest = inbound[-1]
        if newest.reply_to:
            return ReplyTo(newest.id, _people(newest.reply_to), _written(newest.reply_to))
        sender = {"name": newest.from_name, "address": newest.from_address}
        return ReplyTo(newest.id, newest.from_name or newest.from_address, _written([sender]))
    ours = [message for message in thread.messages if message.to]
    return ReplyTo(ours[-1].id, _people(ours[-1].to), _written(ours[-1].to)) if ours else None


def _written(people: list[dict[str, str]]) -> str:
    """As an address list that is read again: names that could break it are left out."""
    return ", ".join(
        f'"{person["name"]}" <{person["address"]}>'
        if person.get("name") and not set(person["name"]) & set('"\\<>,;@')
        else person["address"]
        for person in people
    )
