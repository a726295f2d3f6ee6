"""Columns that billing's tables share."""

from __future__ import annotations

from typing import Any

from django.db import models


def owner() -> models.ForeignKey[models.Model, models.Model]:
    return models.ForeignKey("accounts.User", models.PROTECT, related_name="+")


def amount() -> models.BigIntegerField[int, int]:
    return models.BigIntegerField(db_default=0, db_comment="Minor units (paise)")


def inbox() -> models.BigIntegerField[int | None, int | None]:
    """No foreign key: mail is none of billing's, and what an inbox used stays told apart when it is gone."""
    return models.BigIntegerField(null=True, db_comment="The inbox that it was for")


def period() -> models.DateTimeField[Any, Any]:
    return models.DateTimeField(
        null=True, db_comment="The period in which it counts as an AI reply; NULL: it is none"
    )


def currency() -> models.CharField[str, str]:
    return models.CharField(max_length=3, db_default="INR")
