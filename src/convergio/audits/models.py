"""Audit tables."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convergio.core import columns


class DigitalAudit(models.Model):
    """One run over one website."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    website_url = models.CharField(max_length=500, db_comment="Address that was audited")
    kind = models.CharField(max_length=20, db_default="digital", db_comment="digital | security | video")
    status = models.CharField(
        max_length=50, db_default="pending", db_comment="pending | processing | completed | failed"
    )
    progress = models.IntegerField(db_default=0, db_comment="Percent")
    overall_score = models.IntegerField(null=True, db_comment="0 to 100")
    audit_results = columns.empty_object("Findings and recommendations of the run")
    business_details = columns.empty_object("What was told about the business behind the website")
    engine_version = models.CharField(
        max_length=20, db_default="", db_comment="Of the rules it was judged by"
    )
    error = models.TextField(db_default="", db_comment="Why it failed, a sentence")
    started_at = models.DateTimeField(null=True, db_comment="When a worker took it")
    completed_at = models.DateTimeField(null=True, db_comment="When it was done or failed")
    created_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", db_comment="Who asked for it"
    )
    created_at = columns.created_at()

    class Meta:
        db_table = "digital_audits"
        db_table_comment = "Audits of websites"
        indexes: ClassVar = [models.Index(fields=["workspace", "-id"], name="digital_audits_newest")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(overall_score__isnull=True) | models.Q(overall_score__range=(0, 100)),
                name="digital_audits_score",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "processing", "completed", "failed"]),
                name="digital_audits_status",
            ),
        ]
