"""Writing mail: a new one, a reply. What is sent waits for its undo window on the server."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.errors import InvalidInput, NotFound, TooLarge
from convergio.core.render import render, wants_fragment
from convergio.core.toasts import add_toast
from convergio.mail.attachments import AttachmentReference, store_attachment
from convergio.mail.compose import Composed, find_sending_inbox, send_email
from convergio.mail.drafts import SavedDraft, list_drafts
from convergio.mail.queries.inboxes import list_sending_inboxes
from convergio.mail.queries.threads import get_thread, thread_of
from convergio.mail.views.conversation import show_thread
from convergio.mail.views.drafts import number, saved_draft, sent_files
from convergio.mail.views.reading import reply_to

_FIELDS = ("inbox", "to", "cc", "subject", "body_text", "body_html")
# What an action calls a field, where the form has another word for it.
_FORM_NAMES = {"from_inbox": "inbox", "body": "body_text"}


def chosen_files(request: SignedInHttpRequest) -> list[AttachmentReference]:
    """Files uploaded while writing, and those that came with the form itself (without script)."""
    uploaded = [
        store_attachment(request.actor, filename=file.name or "", content=file.read())
        for file in request.FILES.getlist("attachments")
        if file.size
    ]
    return [*sent_files(request), *(AttachmentReference(file.id, file.filename) for file in uploaded)]


@require_http_methods(["GET", "HEAD", "POST"])
def compose(request: SignedInHttpRequest) -> HttpResponse:
    """The form of a new mail, empty or with a draft; a POST sends it."""
    if request.method != "POST":
        return _compose_page(request, saved_draft(request.actor, number(request.GET.get("draft"))))
    post = request.POST
    try:
        email_id = send_email(
            request.actor,
            Composed(
                inbox_id=find_sending_inbox(request.actor, post.get("inbox", "")),
                to=post.get("to", ""),
                cc=post.get("cc", ""),
                subject=post.get("subject", ""),
                text=post.get("body_text", ""),
                html=post.get("body_html", ""),
                attachments=chosen_files(request),
            ),
            draft_id=_own_draft(request),
        )
    except (InvalidInput, TooLarge, NotFound) as error:
        field = str(error.facts.get("field", "form"))
        errors = {_FORM_NAMES.get(field, field): error.message}
        return _compose_page(request, None, errors=errors, status=422)
    return redirect(queued_address(thread_of(request.actor, email_id), email_id))


def _own_draft(request: SignedInHttpRequest) -> int | None:
    draft = saved_draft(request.actor, number(request.POST.get("draft")))
    return draft.id if draft else None


def queued_address(thread_id: int, email_id: int) -> str:
    """The conversation, which then offers to take this mail back."""
    return f"{reverse('mail:thread', args=[thread_id])}?queued={email_id}"


def _compose_page(
    request: SignedInHttpRequest,
    draft: SavedDraft | None,
    *,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    inboxes = list_sending_inboxes(request.actor)
    values: dict[str, Any] = {name: request.POST.get(name, "") for name in _FIELDS}
    if draft:
        values |= {"inbox": str(draft.inbox_id or ""), "subject": draft.subject, "body_html": draft.body_html}
        values |= {name: draft.recipients.get(name, "") for name in ("to", "cc")}
    context = {
        "inboxes": [(str(one.id), f"{one.name} <{one.email_address}>") for one in inboxes],
        "values": values,
        "errors": errors or {},
        "draft": draft,
        "unfinished": [one for one in list_drafts(request.actor) if draft is None or one.id != draft.id],
        "inbox": "",
    }
    return render(request, "mail/compose.html", context, status=status)


@require_POST
def reply(request: SignedInHttpRequest, thread_id: int) -> HttpResponse:
    """Answer the conversation's newest message."""
    found = reply_to(get_thread(request.actor, thread_id))
    if found is None:
        raise InvalidInput("nobody_to_answer", "Nobody can be answered here; write a new mail.")
    email_id = send_email(
        request.actor,
        Composed(
            inbox_id=find_sending_inbox(request.actor, "", parent_id=found.parent_id),
            to=found.addresses,
            text=request.POST.get("body_text", ""),
            html=request.POST.get("body_html", ""),
            parent_id=found.parent_id,
            attachments=chosen_files(request),
        ),
        draft_id=_own_draft(request),
    )
    return after_queueing(
        request, thread_id, email_id, f"Reply to {found.name} leaves in {settings.UNDO_SECONDS} s"
    )


def after_queueing(request: SignedInHttpRequest, thread_id: int, email_id: int, words: str) -> HttpResponse:
    """The conversation again, with the offer to take the mail back."""
    if not wants_fragment(request):
        return redirect(queued_address(thread_id, email_id))
    undo = reverse("mail:undo", args=[email_id])
    return add_toast(
        show_thread(request, thread_id), words, kind="send", undo=undo, seconds=settings.UNDO_SECONDS
    )
