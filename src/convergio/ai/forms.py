"""The form of a document: what was typed, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from convergio.ai.actions import DocumentFields
from convergio.ai.queries import Document
from convergio.core.errors import AppError


@dataclass
class DocumentForm:
    """Values as the page shows them. `inbox` is an id, or empty for all inboxes."""

    title: str = ""
    body: str = ""
    inbox: str = ""
    is_active: bool = True
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document) -> DocumentForm:
        """What is stored."""
        return cls(document.title, document.body, str(document.inbox_id or ""), document.is_active)

    @classmethod
    def sent(cls, data: Mapping[str, Any]) -> DocumentForm:
        """What was typed. An absent checkbox is off."""
        return cls(data.get("title", ""), data.get("body", ""), data.get("inbox", ""), "is_active" in data)

    def fields(self) -> DocumentFields:
        """Arguments of add_document and change_document. An inbox that is no number is none of ours: 0."""
        inbox_id = None if not self.inbox else int(self.inbox) if self.inbox.isdecimal() else 0
        return {"title": self.title, "body": self.body, "inbox_id": inbox_id, "is_active": self.is_active}

    def refuse(self, error: AppError) -> None:
        """Keep the sentence beside the field that it is about."""
        self.errors[str(error.facts.get("field", "inbox"))] = error.message
