"""Stream tables."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convergio.core import columns


class StreamState(models.Model):
    """A video that is, was or will be live."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    video_id = models.CharField(max_length=50)
    status = models.CharField(max_length=20)
    viewer_count = models.IntegerField(db_default=0)
    peak_viewers = models.IntegerField(db_default=0)
    raw_data = models.JSONField(
        default=dict, db_default=models.Value({}, models.JSONField()), db_column="raw_api_data"
    )
    channel_id = models.CharField(max_length=50, db_default="")
    title = models.CharField(max_length=500, db_default="")
    thumbnail_url = models.CharField(max_length=1000, db_default="")
    subscriber_count = models.BigIntegerField(null=True)
    viewer_samples = columns.empty_array()
    scheduled_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    created_at = columns.created_at()
    updated_at = columns.updated_at()

    class Meta:
        db_table = "stream_state"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "video_id"], name="stream_state_once")
        ]


class StreamCaption(models.Model):
    """Text for one platform, waiting for a person."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace()
    stream = models.ForeignKey(StreamState, models.CASCADE, related_name="captions")
    platform = models.CharField(max_length=50)
    content = models.TextField()
    status = models.CharField(
        max_length=20, db_default="pending", db_comment="pending | approved | edited | skipped"
    )
    image = models.CharField(max_length=64, db_default="")
    decided_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    created_at = columns.created_at()

    class Meta:
        db_table = "stream_captions"


class StreamAnnouncement(models.Model):
    """A post on one platform."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace()
    stream = models.ForeignKey(StreamState, models.SET_NULL, null=True, related_name="announcements")
    caption = models.ForeignKey(StreamCaption, models.SET_NULL, null=True, related_name="+")
    platform = models.CharField(max_length=50, db_comment="discord | x | instagram | facebook")
    announcement_type = models.CharField(max_length=50, db_comment="go_live | end_stream | milestone")
    status = models.CharField(max_length=20, db_default="pending", db_comment="pending | sent | failed")
    retry_count = models.IntegerField(db_default=0)
    content = models.TextField(db_default="")
    remote_id = models.CharField(max_length=255, db_default="")
    remote_url = models.CharField(max_length=1000, db_default="")
    next_attempt_at = models.DateTimeField(null=True)
    error = models.TextField(db_default="")
    created_at = columns.created_at()

    class Meta:
        db_table = "stream_announcements"


class PlatformCredential(models.Model):
    """A workspace's connection to one platform."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    platform = models.CharField(max_length=50)
    secret = models.BinaryField(null=True, db_column="secret_encrypted")
    public_data = columns.empty_object()
    status = models.CharField(max_length=20, db_default="unset")
    last_checked_at = models.DateTimeField(null=True)
    last_error = models.TextField(db_default="")

    class Meta:
        db_table = "platform_credentials"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "platform"], name="platform_credentials_once")
        ]


class ChannelVoiceSettings(models.Model):
    """How captions for a platform sound."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    platform = models.CharField(max_length=50)
    tone_preset = models.CharField(
        max_length=50, db_default="professional", db_comment="professional | friendly | hype | mixed"
    )
    custom_prompt = models.TextField(db_default="", db_comment="Replaces the whole prompt when set")
    core_hashtags = columns.empty_array()
    cta_text = models.TextField(db_default="")
    templates = columns.empty_object()
    discord_format = models.CharField(max_length=10, db_default="embed", db_comment="embed | plain")

    class Meta:
        db_table = "channel_voice_settings"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "platform"], name="channel_voice_settings_once")
        ]


class MilestoneThreshold(models.Model):
    """A subscriber count worth celebrating."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    threshold = models.BigIntegerField()
    celebrated_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "milestone_thresholds"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "threshold"], name="milestone_thresholds_once")
        ]


class MilestoneCelebration(models.Model):
    """Each celebration, once."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace()
    threshold = models.OneToOneField(MilestoneThreshold, models.CASCADE, related_name="celebration")
    subscriber_count = models.BigIntegerField()
    created_at = columns.created_at()

    class Meta:
        db_table = "milestone_celebrations"
