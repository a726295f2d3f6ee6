"""What a person is writing, kept on the server: saved while they type, back after an undo, listed until it is sent."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from convergio.accounts.actor import Actor
from convergio.accounts.requests import SignedInHttpRequest
from convergio.mail.attachments import AttachmentReference, store_attachment
from convergio.mail.drafts import DraftFields, SavedDraft, delete_draft, list_drafts, save_draft

_MOST_DIGITS = 18


def number(text: str | None) -> int | None:
    """An id from a form; None for what is none."""
    return int(text) if text and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def saved_reply(actor: Actor, thread_id: int) -> SavedDraft | None:
    """What the actor began to write in this conversation."""
    return next((draft for draft in list_drafts(actor) if draft.thread_id == thread_id), None)


def saved_draft(actor: Actor, draft_id: int | None) -> SavedDraft | None:
    """A draft of the actor; one that was sent or thrown away meanwhile is none."""
    return next((draft for draft in list_drafts(actor) if draft.id == draft_id), None)


def sent_files(request: HttpRequest) -> list[AttachmentReference]:
    """Files uploaded before, as "id/filename" in `stored`."""
    pairs = (one.partition("/") for one in request.POST.getlist("stored"))
    return [
        AttachmentReference(found, name) for head, _, name in pairs if (found := number(head)) is not None
    ]


def draft_fields(request: HttpRequest) -> DraftFields:
    """The form of a mail, finished or not."""
    post = request.POST
    return DraftFields(
        to=post.get("to", ""),
        cc=post.get("cc", ""),
        bcc=post.get("bcc", ""),
        subject=post.get("subject", ""),
        body_html=post.get("body_html", ""),
        attachments=sent_files(request),
    )


@require_POST
def save(request: SignedInHttpRequest) -> HttpResponse:
    """Keep what is written so far; a conversation has one draft of each person. Answers the draft's id."""
    thread_id = number(request.POST.get("thread"))
    known = saved_draft(request.actor, number(request.POST.get("draft")))
    if known is None and thread_id is not None:
        known = saved_reply(request.actor, thread_id)
    draft_id = save_draft(
        request.actor,
        draft_fields(request),
        draft_id=known.id if known else None,
        thread_id=thread_id,
        inbox_id=number(request.POST.get("inbox")),
    )
    return JsonResponse({"draft": draft_id})


@require_POST
def discard(request: SignedInHttpRequest, draft_id: int) -> HttpResponse:
    """Throw a draft away."""
    delete_draft(request.actor, draft_id)
    return redirect("mail:compose")


@require_POST
def upload(request: SignedInHttpRequest) -> HttpResponse:
    """Keep one chosen file; the mail then names it by `stored`."""
    file = request.FILES.get("file")
    content = file.read() if file else b""
    kept = store_attachment(
        request.actor, filename=(file.name if file else "") or "attachment", content=content
    )
    return JsonResponse({"id": kept.id, "filename": kept.filename, "size": kept.size})
