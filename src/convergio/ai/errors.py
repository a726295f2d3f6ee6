"""Refusals of the knowledge base."""

from __future__ import annotations

from convergio.core.errors import InvalidInput, TooLarge

MOST_TITLE = 255
MOST_CHARACTERS = 200_000


class DocumentIncomplete(InvalidInput):
    """Title or text is missing or unusable; `field` names which."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("invalid_document", message, field=field)


class DocumentTooLarge(TooLarge):
    """The text is longer than a document may be."""

    def __init__(self, characters: int) -> None:
        super().__init__(
            "document_too_large",
            f"The text has {characters:,} characters; a document takes {MOST_CHARACTERS:,}. Split it in two.",
            field="body",
        )
