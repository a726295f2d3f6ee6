"""Settings pages of the knowledge base. Each works without script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from convergio.accounts.permissions import allows, require
from convergio.accounts.requests import SignedInHttpRequest
from convergio.ai import actions, queries
from convergio.ai.errors import DocumentIncomplete, DocumentTooLarge
from convergio.ai.forms import DocumentForm
from convergio.core.paging import DEFAULT_LIMIT, Page
from convergio.core.render import render

_page_with_form = require_http_methods(["GET", "HEAD", "POST"])
_DONE = {
    "added": "Document added; new drafts may quote it",
    "changed": "Document saved; new drafts quote it as it is now",
    "deleted": "Document deleted",
}


@require_safe
def knowledge(request: SignedInHttpRequest) -> HttpResponse:
    """The list, and what a mail would find in it (`question`, `inbox`)."""
    page = Page.of(offset=_number(request.GET.get("offset", "")))
    question = request.GET.get("question", "").strip()
    inbox = request.GET.get("inbox", "")
    return _render(
        request,
        "ai/knowledge.html",
        {
            "documents": queries.list_documents(limit=page.limit, offset=page.offset),
            "total": queries.count_documents(),
            "offset": page.offset,
            "limit": DEFAULT_LIMIT,
            "question": question,
            "inbox": inbox,
            "found": queries.find_passages(text=question, inbox_id=_number(inbox) or None, most=3)
            if question
            else [],
            "done": _DONE.get(request.GET.get("done", ""), ""),
        },
    )


@_page_with_form
def new_document(request: SignedInHttpRequest) -> HttpResponse:
    """An empty form; a POST adds the document."""
    require(request.actor, actions.PERMISSION)
    if request.method != "POST":
        return _form_page(request, DocumentForm(), None)
    form = DocumentForm.sent(request.POST)
    return _saved(form, "added", lambda: actions.add_document(request.actor, **form.fields())) or _form_page(
        request, form, None
    )


@_page_with_form
def edit_document(request: SignedInHttpRequest, document_id: int) -> HttpResponse:
    """The document in a form; a POST changes it."""
    require(request.actor, actions.PERMISSION)
    document = queries.get_document(document_id)
    if request.method != "POST":
        return _form_page(request, DocumentForm.of(document), document)
    form = DocumentForm.sent(request.POST)
    return _saved(
        form, "changed", lambda: actions.change_document(request.actor, document_id, **form.fields())
    ) or _form_page(request, form, document)


@_page_with_form
def delete_document(request: SignedInHttpRequest, document_id: int) -> HttpResponse:
    """Ask first; a POST deletes."""
    require(request.actor, actions.PERMISSION)
    if request.method == "POST":
        actions.delete_document(request.actor, document_id)
        return _to_list("deleted")
    return _render(request, "ai/delete_document.html", {"document": queries.get_document(document_id)})


def _saved(form: DocumentForm, word: str, save: Callable[[], object]) -> HttpResponse | None:
    """Save and go back to the list; None when the form has to be shown again with what is wrong."""
    try:
        save()
    except (DocumentIncomplete, DocumentTooLarge) as error:
        form.refuse(error)
        return None
    return _to_list(word)


def _form_page(
    request: SignedInHttpRequest, form: DocumentForm, document: queries.Document | None
) -> HttpResponse:
    context = {"form": form, "document": document}
    return _render(request, "ai/document.html", context, status=422 if form.errors else 200)


def _render(
    request: SignedInHttpRequest, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    inboxes = [
        (str(choice.id), f"{choice.tag} ({choice.email_address})") for choice in queries.list_inbox_choices()
    ]
    full = {
        "may_edit": allows(request.actor, actions.PERMISSION),
        "inboxes": inboxes,
        **context,
    }
    return render(request, template, full, block="body", status=status)


def _to_list(word: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('ai:knowledge')}?done={word}")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0
