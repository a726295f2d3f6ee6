"""Settings of inboxes: the list with its state, the form, the connection test. Each works without script."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from convergio.accounts.permissions import allows, require
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.errors import Conflict, InvalidInput
from convergio.core.render import render
from convergio.mail import inboxes as actions
from convergio.mail.forms import InboxForm
from convergio.mail.queries.inboxes import InboxRow, get_inbox, list_inboxes
from convergio.mail.views.drafts import number

PERMISSION = "inboxes.edit"
_DONE = {
    "added": "Inbox added. Its mail comes in by itself.",
    "saved": "Inbox saved.",
    "deleted": "Inbox deleted.",
    "off": "Inbox switched off. Its mail stays.",
    "sync": "Looking for new mail now.",
}


@require_safe
def inboxes(request: SignedInHttpRequest) -> HttpResponse:
    """Every inbox with its state."""
    context = {
        "page": "inboxes",
        "inboxes": list_inboxes(request.actor),
        "may_edit": allows(request.actor, PERMISSION),
        "done": _DONE.get(request.GET.get("done", ""), ""),
    }
    return render(request, "mail/inboxes.html", context, block="body")


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("imap_password", "smtp_password")
def new_inbox(request: SignedInHttpRequest) -> HttpResponse:
    """An empty form; a POST adds the inbox and shows it, where its connection is tested."""
    require(request.actor, PERMISSION)
    if request.method != "POST":
        return _form_page(request, InboxForm.empty(), None)
    form = InboxForm.sent(request.POST, kind="maildir" if request.POST.get("kind") == "maildir" else "imap")
    return _saved(form, lambda: actions.create_inbox(request.actor, form.fields())) or _form_page(
        request, form, None
    )


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("imap_password", "smtp_password")
def edit_inbox(request: SignedInHttpRequest, inbox_id: int) -> HttpResponse:
    """The inbox in a form; a POST changes it."""
    require(request.actor, PERMISSION)
    inbox = get_inbox(request.actor, inbox_id)
    if request.method != "POST":
        return _form_page(request, InboxForm.of(inbox), inbox)
    form = InboxForm.sent(request.POST, kind=inbox.kind)

    def save() -> int:
        actions.update_inbox(request.actor, inbox_id, form.fields())
        return inbox_id

    return _saved(form, save) or _form_page(request, form, inbox)


def _saved(form: InboxForm, save: Callable[[], int]) -> HttpResponse | None:
    """Save and show the inbox; None when the form has to be shown again with what is wrong."""
    try:
        inbox_id = save()
    except (InvalidInput, Conflict) as error:
        form.refuse(error)
        return None
    return redirect(f"{reverse('mail:edit_inbox', args=[inbox_id])}?done=saved")


def _form_page(
    request: SignedInHttpRequest, form: InboxForm, inbox: InboxRow | None, **more: object
) -> HttpResponse:
    context = {
        "page": "inboxes",
        "form": form,
        "box": inbox,
        "report": None,
        "colours": [(one, one.capitalize()) for one in actions.COLOURS],
        "done": _DONE.get(request.GET.get("done", ""), ""),
        **more,
    }
    return render(request, "mail/inbox.html", context, status=422 if form.errors else 200)


@require_POST
def test_inbox(request: SignedInHttpRequest, inbox_id: int) -> HttpResponse:
    """Sign in on the stored servers and say for each what came of it."""
    report = actions.test_connection(request.actor, inbox_id)
    inbox = get_inbox(request.actor, inbox_id)
    return _form_page(request, InboxForm.of(inbox), inbox, report=report)


@require_http_methods(["GET", "HEAD", "POST"])
def delete_inbox(request: SignedInHttpRequest, inbox_id: int) -> HttpResponse:
    """Ask first; a POST deletes, or switches off what has mail."""
    require(request.actor, PERMISSION)
    inbox = get_inbox(request.actor, inbox_id)
    error = ""
    if request.method == "POST":
        try:
            gone = actions.delete_inbox(request.actor, inbox_id)
        except Conflict as refusal:
            error = refusal.message
        else:
            return redirect(f"{reverse('mail:inboxes')}?done={'deleted' if gone else 'off'}")
    context = {"page": "inboxes", "box": inbox, "error": error}
    return render(request, "mail/delete_inbox.html", context, status=409 if error else 200)


@require_POST
def sync_now(request: SignedInHttpRequest) -> HttpResponse:
    """Ask for a look at one inbox, or at all."""
    actions.request_sync(request.actor, number(request.POST.get("inbox")))
    return redirect(f"{reverse('mail:inboxes')}?done=sync")
