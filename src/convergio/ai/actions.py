"""Changing the knowledge base. A document's passages are cut anew whenever its title or text changes."""

from __future__ import annotations

from typing import TypedDict, Unpack

from convergio.accounts import activity
from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require
from convergio.ai.errors import MOST_CHARACTERS, MOST_TITLE, DocumentIncomplete, DocumentTooLarge
from convergio.ai.models import KnowledgeDocument, KnowledgePassage
from convergio.ai.passages import clean_markdown, cut_passages
from convergio.ai.queries import has_inbox
from convergio.core import clock
from convergio.core.errors import NotFound

PERMISSION = "knowledge.edit"


class DocumentFields(TypedDict, total=False):
    """What a change may name; `inbox_id` None opens a document to all inboxes."""

    title: str
    body: str
    inbox_id: int | None
    is_active: bool


def add_document(
    actor: Actor, *, title: str, body: str, inbox_id: int | None = None, is_active: bool = True
) -> int:
    """Store a markdown document for one inbox, or for all (None); return its id.

    Raises NotAllowed, DocumentIncomplete, DocumentTooLarge, NotFound (the inbox).
    """
    require(actor, PERMISSION)
    _require_inbox(inbox_id)
    document = KnowledgeDocument.objects.create(
        workspace_id=actor.workspace_id,
        created_by_id=actor.user_id,
        inbox_id=inbox_id,
        title=_checked_title(title),
        body=_checked_body(body),
        is_active=is_active,
    )
    _store_passages(document)
    activity.record(actor, "knowledge.added", subject=f"knowledge_documents:{document.id}", inbox=inbox_id)
    return document.id


def change_document(actor: Actor, document_id: int, **changes: Unpack[DocumentFields]) -> None:
    """Set what is named, and keep the rest.

    Raises NotAllowed, DocumentIncomplete, DocumentTooLarge, NotFound (the document or the inbox).
    """
    require(actor, PERMISSION)
    document = _document(actor, document_id)
    if "title" in changes:
        document.title = _checked_title(changes["title"])
    if "body" in changes:
        document.body = _checked_body(changes["body"])
    if "inbox_id" in changes:
        _require_inbox(changes["inbox_id"])
        document.inbox_id = changes["inbox_id"]
    if "is_active" in changes:
        document.is_active = changes["is_active"]
    document.updated_at = clock.now()
    document.save()
    if changes.keys() & {"title", "body"}:
        document.passages.all().delete()
        _store_passages(document)
    subject = f"knowledge_documents:{document_id}"
    activity.record(actor, "knowledge.changed", subject=subject, fields=sorted(changes))


def delete_document(actor: Actor, document_id: int) -> None:
    """Remove a document and its passages; drafts keep what they quoted. Raises NotAllowed, NotFound."""
    require(actor, PERMISSION)
    _document(actor, document_id).delete()
    activity.record(actor, "knowledge.deleted", subject=f"knowledge_documents:{document_id}")


def _document(actor: Actor, document_id: int) -> KnowledgeDocument:
    """Lock the row, so that two edits at once do not leave passages of both."""
    found = (
        KnowledgeDocument.objects.select_for_update()
        .filter(workspace_id=actor.workspace_id, id=document_id)
        .first()
    )
    if found is None:
        raise NotFound("document")
    return found


def _store_passages(document: KnowledgeDocument) -> None:
    KnowledgePassage.objects.bulk_create(
        KnowledgePassage(
            workspace_id=document.workspace_id,
            document_id=document.id,
            ordinal=ordinal,
            heading=cut.heading,
            text=cut.text,
        )
        for ordinal, cut in enumerate(cut_passages(document.title, document.body))
    )


def _require_inbox(inbox_id: int | None) -> None:
    # A foreign key is checked past row-level security: without this, another workspace's inbox would be accepted.
    if inbox_id is not None and not has_inbox(inbox_id):
        raise NotFound("inbox")


def _checked_title(title: str) -> str:
    words = " ".join(title.replace("\x00", "").split())
    if not words:
        raise DocumentIncomplete("title", "Give the document a title; replies name it when they quote.")
    if len(words) > MOST_TITLE:
        raise DocumentIncomplete(
            "title", f"Use a title of at most {MOST_TITLE} characters. This one has {len(words)}."
        )
    return words


def _checked_body(body: str) -> str:
    text = clean_markdown(body)
    if not text.strip():
        raise DocumentIncomplete("body", "Write the text that replies may quote.")
    if len(text) > MOST_CHARACTERS:
        raise DocumentTooLarge(len(text))
    return text
