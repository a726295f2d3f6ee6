"""What a person decides about mail that goes out: the machine's drafts, and letters that wait or failed."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from convergio.accounts.permissions import require
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.render import wants_fragment
from convergio.core.tenancy import workspace_scope
from convergio.core.toasts import add_toast
from convergio.mail import actions
from convergio.mail.drafting import ask_for_draft
from convergio.mail.queries.replies import get_reply
from convergio.mail.queries.threads import get_email, thread_of
from convergio.mail.unsent import retry_email, settle_email, take_back
from convergio.mail.views.composing import after_queueing
from convergio.mail.views.conversation import show_thread
from convergio.mail.views.drafts import number


@require_POST
def approve(request: SignedInHttpRequest, reply_id: int) -> HttpResponse:
    """Send a draft as it is, or with the text that the person made of it (`reply_text`)."""
    require(request.actor, "replies.review")
    email_id = actions.send_reply(request.actor, reply_id, text=request.POST.get("reply_text"))
    email = get_email(request.actor, email_id)
    words = f"Reply to {email.to[0]['name'] or email.to_address} leaves in {settings.UNDO_SECONDS} s"
    return after_queueing(request, email.thread_id, email_id, words)


@require_POST
def reject(request: SignedInHttpRequest, reply_id: int) -> HttpResponse:
    """Drop a draft."""
    require(request.actor, "replies.review")
    thread_id = get_reply(request.actor, reply_id).thread_id
    actions.reject_reply(request.actor, reply_id)
    return _again(request, thread_id, "Draft rejected. Nothing was sent.")


@require_POST
def ask(request: SignedInHttpRequest) -> HttpResponse:
    """Have a model draft the answer to a mail (`email`), now; in transactions of its own."""
    ask_for_draft(request.actor, number(request.POST.get("email")) or 0)
    with workspace_scope(request.actor.workspace_id):
        thread_id = thread_of(request.actor, number(request.POST.get("email")) or 0)
        return _again(request, thread_id, "Drafted. Nothing was sent.")


@require_POST
def undo(request: SignedInHttpRequest, email_id: int) -> HttpResponse:
    """Take a mail back; what a person wrote is a draft again. Scripts get the address to go on at."""
    require(request.actor, "emails.send")
    taken = take_back(request.actor, email_id)
    if taken.thread_id is None:
        address = f"{reverse('mail:compose')}?draft={taken.draft_id}"
    else:
        address = reverse("mail:thread", args=[taken.thread_id])
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"next": address})
    return redirect(address)


@require_POST
def retry(request: SignedInHttpRequest, email_id: int) -> HttpResponse:
    """Try a failed mail once more."""
    thread_id = thread_of(request.actor, email_id)
    retry_email(request.actor, email_id)
    return _again(request, thread_id, "The mail is on its way again.")


@require_POST
def settle(request: SignedInHttpRequest, email_id: int) -> HttpResponse:
    """A person looked into the Sent folder and says whether an uncertain mail has left (`was_sent` 1 or 0)."""
    thread_id = thread_of(request.actor, email_id)
    was_sent = request.POST.get("was_sent") == "1"
    settle_email(request.actor, email_id, was_sent=was_sent)
    return _again(request, thread_id, "Noted as sent." if was_sent else "The mail is on its way again.")


def _again(request: SignedInHttpRequest, thread_id: int, words: str) -> HttpResponse:
    """The conversation after the decision."""
    if not wants_fragment(request):
        return redirect("mail:thread", thread_id=thread_id)
    return add_toast(show_thread(request, thread_id), words, kind="ok")
