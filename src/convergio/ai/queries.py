"""Reading the knowledge base. Row-level security keeps every query inside the current workspace."""

from __future__ import annotations

from datetime import datetime

import msgspec

from convergio.core import sql
from convergio.core.errors import NotFound


class Document(msgspec.Struct, frozen=True):
    """A document as lists and forms show it. `inbox_tag` is None for one that all inboxes share."""

    id: int
    title: str
    body: str
    inbox_id: int | None
    inbox_tag: str | None
    inbox_colour: str | None
    is_active: bool
    passages: int
    created_at: datetime
    updated_at: datetime


class InboxChoice(msgspec.Struct, frozen=True):
    """An inbox that a document can belong to."""

    id: int
    tag: str
    email_address: str


_DOCUMENTS = """
SELECT d.id, d.title, d.body, d.inbox_id, i.tag, i.colour, d.is_active,
       (SELECT count(*) FROM knowledge_passages p WHERE p.document_id = d.id), d.created_at, d.updated_at
FROM knowledge_documents d LEFT JOIN inboxes i ON i.id = d.inbox_id
"""


def list_documents(*, limit: int = 50, offset: int = 0) -> list[Document]:
    """Documents by title."""
    return sql.fetch_all(
        Document, f"{_DOCUMENTS} ORDER BY lower(d.title), d.id LIMIT %s OFFSET %s", [limit, offset]
    )


def count_documents() -> int:
    """How many documents the workspace has."""
    return int(sql.fetch_value("SELECT count(*) FROM knowledge_documents"))


def get_document(document_id: int) -> Document:
    """One document. Raises NotFound."""
    found = sql.fetch_one(Document, f"{_DOCUMENTS} WHERE d.id = %s", [document_id])
    if found is None:
        raise NotFound("document")
    return found


def list_inbox_choices() -> list[InboxChoice]:
    """The workspace's inboxes, oldest first."""
    return sql.fetch_all(InboxChoice, "SELECT id, tag, email_address FROM inboxes ORDER BY id")


def has_inbox(inbox_id: int) -> bool:
    """Tell whether the inbox is one of this workspace's."""
    return bool(sql.fetch_value("SELECT EXISTS (SELECT 1 FROM inboxes WHERE id = %s)", [inbox_id]))


def find_passages(*, text: str, inbox_id: int | None, most: int = 8):
    return []
