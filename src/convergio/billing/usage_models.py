"""Tables of what is counted and told: quotas, alerts, notices, and where a limit stopped a model."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convergio.billing import columns as money
from convergio.core import columns


class UsageAlert(models.Model):
    """Tell the user when the balance crosses a threshold: once, until a refill lifts it above again."""

    id = models.BigAutoField(primary_key=True)
    user = money.owner()
    threshold = models.BigIntegerField(db_comment="Tokens, or percent of the period's allowance")
    unit = models.CharField(max_length=10, db_default="percent", db_comment="percent | tokens")
    channel = models.CharField(max_length=20, db_default="email", db_comment="email | app | both")
    armed = models.BooleanField(db_default=True, db_comment="False from firing to the next refill")
    allowance = models.BigIntegerField(db_default=0, db_comment="That the percent was of when it last fired")
    last_fired_at = models.DateTimeField(null=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "usage_alerts"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "unit", "threshold"], name="usage_alerts_once"),
            models.CheckConstraint(
                condition=models.Q(unit="tokens", threshold__gte=0)
                | models.Q(unit="percent", threshold__gte=0, threshold__lte=100),
                name="usage_alerts_threshold",
            ),
            models.CheckConstraint(
                condition=models.Q(channel__in=["email", "app", "both"]), name="usage_alerts_channel"
            ),
        ]


class UsageNotice(models.Model):
    """Something that the payer is told once, in the app, by mail, or both."""

    id = models.BigAutoField(primary_key=True)
    user = money.owner()
    workspace = models.ForeignKey("accounts.Workspace", models.SET_NULL, null=True, related_name="+")
    subject = models.CharField(max_length=150)
    text = models.TextField()
    in_app = models.BooleanField(db_default=True)
    by_mail = models.BooleanField(db_default=True)
    mailed_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, db_comment="When the payer read it in the app")
    created_at = columns.created_at()

    class Meta:
        db_table = "usage_notices"
        indexes: ClassVar = [
            models.Index(
                fields=["user", "-id"], condition=models.Q(in_app=True), name="usage_notices_in_app"
            ),
            models.Index(
                fields=["user"],
                condition=models.Q(in_app=True, seen_at__isnull=True),
                name="usage_notices_unseen",
            ),
        ]


class UsageCounter(models.Model):
    """What counts against the monthly quotas of a payer, in one period."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey("accounts.User", models.PROTECT, related_name="+", db_index=False)
    period_start = models.DateTimeField()
    emails = models.BigIntegerField(db_default=0, db_comment="Mails that came in; never refused")
    ai_replies = models.BigIntegerField(
        db_default=0, db_comment="Replies written by a model, with those under way"
    )
    emails_told = models.SmallIntegerField(
        db_default=0, db_comment="Percent of the quota that was told of: 0 | 80 | 100"
    )
    ai_replies_told = models.SmallIntegerField(db_default=0, db_comment="The same")

    class Meta:
        db_table = "usage_counters"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "period_start"], name="usage_counters_once"),
            models.CheckConstraint(
                condition=models.Q(emails__gte=0, ai_replies__gte=0), name="usage_counters_never_negative"
            ),
        ]


class AiStop(models.Model):
    """That a limit kept a model from being asked: which, when, for what. One row an hour, limit and feature."""

    id = models.BigAutoField(primary_key=True)
    user = money.owner()
    workspace = models.ForeignKey("accounts.Workspace", models.CASCADE, related_name="+", db_index=False)
    member = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=20, db_comment="tokens | emails | ai_replies")
    feature = models.CharField(max_length=50)
    cause = models.CharField(max_length=100, db_default="", db_comment="Of the latest: table and id")
    inbox_id = models.BigIntegerField(null=True, db_comment="The inbox that it was for")
    needed = models.BigIntegerField(db_comment="Tokens that the call could take; or what counted already")
    available = models.BigIntegerField(db_comment="Tokens that were free; or the plan's quota")
    times = models.IntegerField(db_default=1)
    hour = models.DateTimeField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "ai_stops"
        indexes: ClassVar = [models.Index(fields=["user", "-last_at"], name="ai_stops_newest")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "reason", "feature", "hour"], name="ai_stops_once_an_hour"
            ),
        ]
