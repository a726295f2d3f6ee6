"""Inbox tags of a new workspace."""

from __future__ import annotations

from convergio.accounts.models import Tag
from convergio.core.seeds import workspace_seed

TAGS = {"Hello": "blue", "Partners": "purple", "Info": "cyan", "Support": "orange", "Neo": "green"}


@workspace_seed
def seed_tags(workspace_id: int) -> None:
    """Five tags with their colours."""
    Tag.objects.bulk_create(
        Tag(workspace_id=workspace_id, name=name, colour=colour) for name, colour in TAGS.items()
    )
