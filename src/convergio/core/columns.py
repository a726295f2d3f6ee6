"""Column shapes that many tables share; defaults live in the database, so that plain SQL may insert too."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.functions import Now


def created_at() -> models.DateTimeField[Any, Any]:
    """When the row was made."""
    return models.DateTimeField(db_default=Now(), db_comment="When the row was made")


def updated_at() -> models.DateTimeField[Any, Any]:
    """When the row last changed; actions set it."""
    return models.DateTimeField(db_default=Now(), db_comment="When the row last changed")


def workspace(*, index: bool = True) -> Any:
    """The owning workspace; row-level security reads it. `index=False` where a composite index begins with it."""
    return models.ForeignKey(
        "accounts.Workspace",
        on_delete=models.CASCADE,
        related_name="+",
        db_index=index,
        db_comment="Owning workspace",
    )


def empty_object(comment: str | None = None) -> Any:
    """A jsonb object that is never NULL."""
    return models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), db_comment=comment)


def empty_array(comment: str | None = None) -> Any:
    """A jsonb array that is never NULL."""
    return models.JSONField(default=list, db_default=models.Value([], models.JSONField()), db_comment=comment)
