"""Tables that belong to no single domain."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convergio.core import columns


class StoredFile(models.Model):
    """A file that a workspace may read; its content lies once in the storage folder under its SHA-256."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField(db_comment="Bytes")
    key_ids = columns.empty_array("API keys limited to inboxes that uploaded it, and so may send it")
    created_at = columns.created_at()

    class Meta:
        db_table = "stored_files"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "sha256"], name="stored_files_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["sha256"], name="stored_files_sha256")]


class InboundEvent(models.Model):
    """What an outside service sent us, kept raw under its own id before anything is done with it."""

    id = models.BigAutoField(primary_key=True)
    source = models.CharField(max_length=50)
    external_id = models.CharField(max_length=255)
    workspace = models.ForeignKey("accounts.Workspace", models.CASCADE, null=True, related_name="+")
    payload = models.BinaryField()
    headers = columns.empty_object()
    received_at = columns.created_at()
    handled_at = models.DateTimeField(null=True)
    error = models.TextField(db_default="")

    class Meta:
        db_table = "inbound_events"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["source", "external_id"], name="inbound_events_once"),
        ]


class Activity(models.Model):
    """Append-only: who did what in a workspace."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    user = models.ForeignKey("accounts.User", models.SET_NULL, null=True, related_name="+")
    api_key_id = models.BigIntegerField(null=True, db_comment="The key that did it for its maker, if one did")
    ip = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=100, db_comment="Like member.removed; stable")
    subject = models.CharField(max_length=100, db_default="", db_comment="Table and id it was done to")
    facts = columns.empty_object("What a reader needs to know of it; never secrets or texts of mail")
    created_at = columns.created_at()

    class Meta:
        db_table = "activity"
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="activity_newest"),
            models.Index(fields=["workspace", "user", "-id"], name="activity_of_user"),
        ]


class AppSetting(models.Model):
    """A workspace's named setting."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    key = models.CharField(max_length=100)
    value = models.JSONField()
    updated_at = columns.updated_at()

    class Meta:
        db_table = "app_settings"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "key"], name="app_settings_once")
        ]


class IdempotencyKey(models.Model):
    """What a POST with an Idempotency-Key answered, so that its repetition gets the same answer and does nothing."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    key = models.CharField(max_length=255)
    request_hash = models.BinaryField(db_comment="SHA-256 of method, path and body")
    status = models.IntegerField(db_default=0, db_comment="HTTP status of the stored answer")
    answer = models.BinaryField(db_default=b"")
    created_at = columns.created_at()

    class Meta:
        db_table = "idempotency_keys"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "key"], name="idempotency_keys_once"),
        ]
