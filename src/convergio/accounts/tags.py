"""The workspace's inbox tags and their colours."""

from __future__ import annotations

import msgspec

from convergio.core import sql


class TagColour(msgspec.Struct, frozen=True):
    """A tag as it is written, and the colour that stands for it."""

    name: str
    colour: str


def list_tags() -> list[TagColour]:
    """The tags of the workspace in view, by name."""
    return sql.fetch_all(TagColour, "SELECT name, colour FROM tags ORDER BY lower(name)")
