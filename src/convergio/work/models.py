"""Task tables."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convergio.core import columns

STATUSES = ("todo", "in_progress", "done")
PRIORITIES = ("low", "medium", "high", "urgent")
SOURCES = ("commboost", "streamboost", "audits", "calendar", "manual", "api")


class Task(models.Model):
    """One piece of work. Every inbound mail becomes one."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    email = models.ForeignKey(
        "mail.Email", models.SET_NULL, null=True, related_name="+", db_comment="The mail it came from"
    )
    title = models.CharField(max_length=500, db_comment="What is to be done, from the mail's subject")
    description = models.TextField(db_default="", db_comment="Notes, plain text")
    status = models.CharField(max_length=50, db_default="todo", db_comment="todo | in_progress | done")
    priority = models.CharField(max_length=20, db_default="medium", db_comment="low | medium | high | urgent")
    source = models.CharField(
        max_length=20,
        db_default="manual",
        db_comment="commboost | streamboost | audits | calendar | manual | api",
    )
    assignee = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", db_comment="Who does it"
    )
    due_at = models.DateTimeField(null=True, db_comment="When it should be done")
    position = models.FloatField(db_default=0, db_comment="Place on the board, smaller is higher")
    tag = models.CharField(max_length=50, db_default="", db_comment="Tag of the inbox it came from")
    created_by = models.ForeignKey(
        "accounts.User",
        models.SET_NULL,
        null=True,
        related_name="+",
        db_comment="Who made it; NULL for machines",
    )
    completed_at = models.DateTimeField(null=True, db_comment="Set and cleared by the change of status")
    created_at = columns.created_at()
    updated_at = columns.updated_at()

    class Meta:
        db_table = "tasks"
        db_table_comment = "Work to do; every inbound mail becomes a task"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["email"], condition=models.Q(source="commboost"), name="tasks_one_per_email"
            ),
            models.CheckConstraint(condition=models.Q(status__in=STATUSES), name="tasks_status"),
            models.CheckConstraint(condition=models.Q(priority__in=PRIORITIES), name="tasks_priority"),
            models.CheckConstraint(condition=models.Q(source__in=SOURCES), name="tasks_source"),
            models.CheckConstraint(
                condition=models.Q(status="done", completed_at__isnull=False)
                | (~models.Q(status="done") & models.Q(completed_at__isnull=True)),
                name="tasks_completed_at_follows_status",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "status", "position", "id"], name="tasks_board"),
            models.Index(fields=["workspace", "-id"], name="tasks_newest"),
        ]
