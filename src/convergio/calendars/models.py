"""Calendar tables."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convergio.core import columns


class CalendarEvent(models.Model):
    """A meeting: made by hand, booked at Cal.com, or found in a mail."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    calcom_booking_id = models.CharField(max_length=255, null=True)
    email = models.ForeignKey("mail.Email", models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=500)
    description = models.TextField(db_default="")
    attendees = columns.empty_array()
    source = models.CharField(
        max_length=20, db_default="manual", db_comment="manual | calcom | email_detected"
    )
    detection_confidence = models.FloatField(null=True, db_comment="0 to 1")
    detected_sentence = models.TextField(db_default="", db_comment="The quoted sentence a detection rests on")
    starts_at = models.DateTimeField(db_column="start_time")
    ends_at = models.DateTimeField(db_column="end_time")
    all_day = models.BooleanField(db_default=False)
    timezone = models.CharField(max_length=64, db_default="UTC")
    status = models.CharField(
        max_length=20, db_default="confirmed", db_comment="confirmed | tentative | cancelled"
    )
    location = models.CharField(max_length=500, db_default="")
    meeting_url = models.CharField(max_length=1000, db_default="")
    ical_uid = models.CharField(max_length=500, db_default="")
    ical_sequence = models.IntegerField(db_default=0)
    recurrence_rule = models.TextField(db_default="")
    created_at = columns.created_at()
    updated_at = columns.updated_at()

    class Meta:
        db_table = "calendar_events"
        indexes: ClassVar = [models.Index(fields=["workspace", "starts_at"], name="calendar_events_by_start")]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "calcom_booking_id"], name="calendar_events_booking_once"
            ),
            models.CheckConstraint(
                condition=models.Q(detection_confidence__isnull=True)
                | models.Q(detection_confidence__gte=0, detection_confidence__lte=1),
                name="calendar_events_confidence",
            ),
        ]


class CalcomSettings(models.Model):
    """A workspace's connection to Cal.com."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    api_key = models.BinaryField(null=True, db_column="api_key_encrypted")
    webhook_secret = models.BinaryField(null=True, db_column="webhook_secret_encrypted")
    sync_cursor = models.CharField(max_length=255, db_default="")
    last_result = models.TextField(db_default="")
    updated_at = columns.updated_at()

    class Meta:
        db_table = "calcom_settings"
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace"], name="calcom_settings_once")]
