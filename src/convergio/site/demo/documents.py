"""The demo agency's knowledge base, read from the markdown files beside this module."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

GENERAL = "general"


class DemoDocument(NamedTuple):
    """A document; `inbox_tag` is in lower case, None for one that all inboxes share."""

    inbox_tag: str | None
    title: str
    body: str


def demo_documents() -> Iterator[DemoDocument]:
    """Yield every document, general ones first. A file's folder is its inbox, its first heading its title."""
    root = files(__package__) / "knowledge"
    for folder in sorted(root.iterdir(), key=lambda item: (item.name != GENERAL, item.name)):
        for file in sorted(folder.iterdir(), key=lambda item: item.name):
            heading, _, body = file.read_text(encoding="utf-8").partition("\n")
            tag = None if folder.name == GENERAL else folder.name
            yield DemoDocument(tag, heading.removeprefix("# "), body.strip("\n") + "\n")
