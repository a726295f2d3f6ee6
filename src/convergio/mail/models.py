"""Mail tables. What each rule number means is in the design's mail rules, repeated in docs/mail-engine.md."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now

from convergio.core import columns


class Inbox(models.Model):
    """An address we read and send from, over IMAP and SMTP or over folders on this machine."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    name = models.CharField(max_length=100)
    email_address = models.CharField(max_length=255, db_comment="Lower case")
    tag = models.CharField(max_length=50)
    colour = models.CharField(max_length=20, db_default="blue")
    kind = models.CharField(max_length=10, db_comment="imap | maildir")
    is_active = models.BooleanField(db_default=True)
    reply_mode = models.CharField(max_length=10, db_default="off", db_comment="off | draft | auto")
    imap_host = models.CharField(max_length=255, db_default="")
    imap_port = models.IntegerField(db_default=993)
    imap_security = models.CharField(max_length=10, db_default="tls", db_comment="tls | starttls | plain")
    imap_username = models.CharField(max_length=255, db_default="")
    smtp_host = models.CharField(max_length=255, db_default="")
    smtp_port = models.IntegerField(db_default=465)
    smtp_security = models.CharField(max_length=10, db_default="tls", db_comment="tls | starttls | plain")
    smtp_username = models.CharField(max_length=255, db_default="")
    secrets = models.BinaryField(
        null=True, db_column="secrets_encrypted", db_comment="JSON with imap_password and smtp_password"
    )
    oauth = models.JSONField(null=True)
    maildir_path = models.CharField(max_length=1000, db_default="")
    outbox_path = models.CharField(max_length=1000, db_default="")
    signature = models.TextField(db_default="")
    state = models.CharField(
        max_length=20,
        db_default="new",
        db_comment="new | syncing | ok | unreachable | sign_in_failed | paused",
    )
    last_error = models.TextField(db_default="")
    sending_error = models.TextField(
        db_default="", db_comment="Why the SMTP server refuses our login; mail waits meanwhile"
    )
    last_polled_at = models.DateTimeField(null=True)
    first_synced_at = models.DateTimeField(null=True)
    auth_failures = models.IntegerField(db_default=0)
    auto_paused_until = models.DateTimeField(
        null=True, db_comment="Circuit breaker of automatic answers (rule 37)"
    )
    created_at = columns.created_at()

    class Meta:
        db_table = "inboxes"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "email_address"], name="inboxes_address_once"),
            # Across workspaces, too: whoever could name another one's folder would read its mail.
            models.UniqueConstraint(
                fields=["maildir_path"], condition=~Q(maildir_path=""), name="inboxes_maildir_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=["imap", "maildir"]), name="inboxes_kind"),
            models.CheckConstraint(
                condition=Q(reply_mode__in=["off", "draft", "auto"]), name="inboxes_reply_mode"
            ),
        ]


class InboxFolder(models.Model):
    """The place up to which one folder of an inbox has been read (rule 1)."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace()
    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="folders", db_index=False)
    name = models.CharField(max_length=500)
    role = models.CharField(max_length=20, db_comment="inbox | sent | junk | trash | all")
    uidvalidity = models.BigIntegerField(db_default=0)
    last_uid = models.BigIntegerField(db_default=0)
    modseq = models.BigIntegerField(
        null=True, db_comment="HIGHESTMODSEQ up to which flags are known (RFC 7162)"
    )
    quiet_below = models.BigIntegerField(
        db_default=0, db_comment="Mail with a UID below was there before we looked: stored, never answered"
    )

    class Meta:
        db_table = "inbox_folders"
        constraints: ClassVar = [models.UniqueConstraint(fields=["inbox", "name"], name="inbox_folders_once")]


class EmailThread(models.Model):
    """A conversation. The summary columns are recomputed from its messages whenever one changes."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    subject = models.TextField(db_default="", db_comment="Of the first message")
    status = models.CharField(max_length=10, db_default="open", db_comment="open | done")
    participants = ArrayField(
        models.CharField(max_length=255),
        default=list,
        db_default=Value("{}"),
        db_comment="Lower case, ours left out",
    )
    is_open_list = models.BooleanField(
        db_default=False, db_comment="Its audience is not in the headers (a list, or undisclosed recipients)"
    )
    last_email_id = models.BigIntegerField(null=True)
    last_message_at = models.DateTimeField(db_default=Now())
    message_count = models.IntegerField(db_default=0)
    unread_count = models.IntegerField(db_default=0)
    has_attachments = models.BooleanField(db_default=False)
    sender_name = models.CharField(max_length=255, db_default="", db_comment="Of the newest inbound message")
    sender_address = models.CharField(max_length=255, db_default="")
    snippet = models.CharField(max_length=255, db_default="")
    subject_changed = models.BooleanField(
        db_default=False, db_comment="A reply changed the base subject (rule 27)"
    )
    created_at = columns.created_at()

    class Meta:
        db_table = "email_threads"
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-last_message_at", "-id"], name="email_threads_newest"),
            models.Index(
                fields=["workspace", "-last_message_at", "-id"],
                condition=Q(unread_count__gt=0),
                name="email_threads_unread",
            ),
        ]


class ThreadInbox(models.Model):
    """A conversation as one inbox lists it."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    thread = models.ForeignKey(EmailThread, models.CASCADE, related_name="inboxes", db_index=False)
    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="+", db_index=False)
    last_message_at = models.DateTimeField()
    unread_count = models.IntegerField(db_default=0)

    class Meta:
        db_table = "thread_inboxes"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["thread", "inbox"], name="thread_inboxes_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["inbox", "-last_message_at", "-thread"], name="thread_inboxes_newest"),
            models.Index(
                fields=["inbox", "-last_message_at", "-thread"],
                condition=Q(unread_count__gt=0),
                # What the policy reads, so that counting needs the index only.
                include=["workspace"],
                name="thread_inboxes_unread",
            ),
        ]


class ThreadReference(models.Model):
    """A Message-ID that belongs to a conversation: a message's own, or one it names (perhaps not here yet, rule 26)."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="+", db_index=False)
    message_id = models.CharField(max_length=500)
    thread = models.ForeignKey(EmailThread, models.CASCADE, related_name="references")

    class Meta:
        db_table = "thread_references"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["inbox", "message_id"], name="thread_references_once")
        ]


class Email(models.Model):
    """A message, inbound or outbound. Its search_vector column is generated by PostgreSQL."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    thread = models.ForeignKey(
        EmailThread, models.PROTECT, related_name="emails", db_index=False, db_comment="Its conversation"
    )
    message_id = models.CharField(
        max_length=500,
        db_comment="Key inside the workspace: the Message-ID, or sha256:<hex> where it cannot serve",
    )
    message_id_header = models.TextField(null=True, db_comment="Message-ID as it stood in the message")
    from_address = models.CharField(max_length=255, db_default="", db_comment="Lower case")
    from_name = models.CharField(max_length=255, db_default="", db_comment="Display name")
    to_address = models.CharField(max_length=255, db_default="", db_comment="The first recipient")
    recipients = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        db_comment='{"to": [{"name","address"}], "cc": [...], "bcc": [...] (outbound only), "reply_to": [...]}',
    )
    subject = models.TextField(db_default="", db_comment="Decoded")
    body_text = models.TextField(
        db_default="", db_comment="Plain text, made from the HTML where there is none"
    )
    body_html = models.TextField(null=True, db_comment="As received; never shown unsanitised")
    snippet = models.CharField(max_length=255, db_default="", db_comment="First words without quotes")
    tag = models.CharField(max_length=50, db_default="", db_comment="Tag of the first inbox that got it")
    direction = models.CharField(max_length=20, db_comment="inbound | outbound")
    attachments = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        db_comment='[{"filename","content_type","size" (bytes),"sha256","content_id","inline"}]',
    )
    received_at = models.DateTimeField(
        db_comment="INTERNALDATE (imap), take-up (maildir), topmost Received or Date (imports), sending (outbound)"
    )
    sent_date = models.DateTimeField(null=True, db_column="date_header", db_comment="Date header")
    in_reply_to = models.CharField(
        max_length=500, db_default="", db_comment="Parent's Message-ID, no brackets"
    )
    references = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        db_comment="References, oldest first, no brackets",
    )
    return_path = models.CharField(max_length=255, null=True, db_comment="Envelope sender; empty for <>")
    list_id = models.CharField(max_length=255, db_default="", db_comment="List-Id")
    is_read = models.BooleanField(db_default=False, db_comment="A person has read it")
    raw_source = models.BinaryField(db_comment="The message as it came, byte for byte")
    content_hash = models.BinaryField(
        db_comment="SHA-256 of From, Date, Subject and body with line ends made equal"
    )
    parse_error = models.TextField(null=True, db_comment="Why it is shown raw")
    reply_allowed = models.BooleanField(
        db_default=False, db_comment="May it be answered automatically (rules 31-36)"
    )
    reply_reason = models.CharField(max_length=50, db_default="", db_comment="Stable code of the verdict")
    reply_rule = models.TextField(db_default="", db_comment="The verdict in a sentence")
    is_backfill = models.BooleanField(db_default=False, db_comment="Came by a first sync or import (rule 13)")
    is_automatic = models.BooleanField(
        db_default=False, db_comment="Outbound: a machine sent it without approval"
    )
    delivery_state = models.CharField(
        max_length=20,
        null=True,
        db_comment="Outbound: queued | sending | sent | failed | uncertain | cancelled",
    )
    outbox_key = models.CharField(
        max_length=255,
        null=True,
        db_comment="What it answers, by which rule, to whom; makes sending single (rule 42)",
    )
    send_after = models.DateTimeField(
        null=True, db_comment="End of the undo window, or of the wait for a retry"
    )
    attempts = models.IntegerField(db_default=0, db_comment="Tries to send")
    data_sent_at = models.DateTimeField(
        null=True, db_comment="Set right before the final dot: may be delivered since"
    )
    last_error = models.TextField(db_default="", db_comment="Of the last try, a sentence")
    delivery_results = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        db_comment='Outbound: {"address": "accepted" or why not}; whoever is missing is still to be tried',
    )
    sent_by = models.ForeignKey(
        "accounts.User",
        models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        db_comment="Who wrote or approved it",
    )
    created_at = columns.created_at()

    class Meta:
        db_table = "emails"
        db_table_comment = "Messages in and out, one row each, however many inboxes got them"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "message_id"], name="emails_message_id_once"),
            # Received mail has neither key nor sender among us; it shall not pay for indexes over them.
            models.UniqueConstraint(
                fields=["workspace", "outbox_key"],
                condition=Q(outbox_key__isnull=False),
                name="emails_outbox_key_once",
            ),
            models.CheckConstraint(
                condition=Q(direction__in=["inbound", "outbound"]), name="emails_direction"
            ),
            models.CheckConstraint(
                condition=Q(delivery_state__isnull=True)
                | Q(delivery_state__in=["queued", "sending", "sent", "failed", "uncertain", "cancelled"]),
                name="emails_delivery_state",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-received_at", "-id"], name="emails_newest"),
            models.Index(
                fields=["workspace", "send_after"],
                condition=Q(delivery_state__in=["queued", "sending"]),
                name="emails_outbox",
            ),
            models.Index(fields=["workspace", "from_address"], name="emails_by_sender"),
            models.Index(fields=["thread", "-received_at", "-id"], name="emails_in_thread"),
            models.Index(
                fields=["workspace", "-received_at", "-id"],
                condition=Q(direction="outbound"),
                name="emails_sent",
            ),
            models.Index(fields=["sent_by"], condition=Q(sent_by__isnull=False), name="emails_by_person"),
        ]


class EmailDelivery(models.Model):
    """One inbox that got (or sent) a message, and where it lies on the server."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    email = models.ForeignKey(Email, models.CASCADE, related_name="deliveries", db_index=False)
    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="+", db_index=False)
    folder = models.ForeignKey(InboxFolder, models.SET_NULL, null=True, related_name="+", db_index=False)
    uid = models.BigIntegerField(
        null=True, db_comment="IMAP UID in that folder; NULL after UIDVALIDITY changed"
    )
    is_seen = models.BooleanField(db_default=False, db_comment="The server's \\Seen as last known")
    seen_wanted = models.BooleanField(
        null=True, db_comment="What a person decided and the server does not know yet"
    )
    is_junk = models.BooleanField(db_default=False)
    received_at = models.DateTimeField(db_comment="Same as the message's, for the inbox's list")
    created_at = columns.created_at()

    class Meta:
        db_table = "email_deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email", "inbox"], name="email_deliveries_once"),
            models.UniqueConstraint(fields=["folder", "uid"], name="email_deliveries_uid_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["inbox", "-received_at", "-email"], name="email_deliveries_newest"),
            models.Index(
                fields=["folder"], condition=Q(seen_wanted__isnull=False), name="email_deliveries_seen_wanted"
            ),
        ]


class AutoReply(models.Model):
    """A reply that a machine wrote: a draft until a person (or the inbox's auto mode) decides."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace(index=False)
    email = models.ForeignKey(
        Email, models.CASCADE, related_name="auto_replies", db_comment="What it answers"
    )
    thread = models.ForeignKey(
        EmailThread, models.CASCADE, related_name="+", db_index=False, db_comment="Its conversation"
    )
    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="+", db_comment="Where it goes out")
    reply_text = models.TextField(db_comment="Plain text")
    reply_html = models.TextField(db_default="", db_comment="Same, as HTML, when a person edited it")
    ai_model = models.CharField(max_length=100, db_comment="offline: no model, quoted passages only")
    status = models.CharField(
        max_length=20,
        db_default="drafted",
        db_comment="drafted | approved | sending | sent | rejected | failed | uncertain | superseded",
    )
    citations = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        db_comment='[{"document_id","title","heading","quote","score"}]',
    )
    confidence = models.FloatField(null=True, db_comment="0 to 1; NULL without a model")
    handover_reason = models.TextField(db_default="", db_comment="Why a person should look")
    input_tokens = models.IntegerField(db_default=0, db_comment="Tokens read")
    output_tokens = models.IntegerField(db_default=0, db_comment="Tokens written")
    cost = models.BigIntegerField(db_default=0, db_comment="Paise")
    usage = models.ForeignKey(
        "billing.TokenUsage",
        models.SET_NULL,
        null=True,
        related_name="+",
        db_comment="The latest call for it",
    )
    stopped_by = models.CharField(
        max_length=20,
        db_default="",
        db_comment="tokens | emails | ai_replies: the limit that kept the model from writing it",
    )
    sent_email = models.ForeignKey(
        Email, models.SET_NULL, null=True, related_name="+", db_comment="What went out"
    )
    sent_at = models.DateTimeField(null=True, db_comment="When the server took it")
    reviewed_by = models.ForeignKey(
        "accounts.User", models.SET_NULL, null=True, related_name="+", db_comment="Who"
    )
    reviewed_at = models.DateTimeField(null=True, db_comment="When")
    created_at = columns.created_at()
    updated_at = columns.updated_at()

    class Meta:
        db_table = "auto_replies"
        db_table_comment = "Replies a machine wrote, with what they rest on and who decided"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["thread"], condition=Q(status="drafted"), name="auto_replies_one_draft_per_thread"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "status", "-id"], name="auto_replies_by_status"),
            models.Index(fields=["thread", "-id"], name="auto_replies_in_thread"),
        ]


class EmailDraft(models.Model):
    """What a person is writing, kept on the server until it is sent."""

    id = models.BigAutoField(primary_key=True)
    workspace = columns.workspace()
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    thread = models.ForeignKey(EmailThread, models.CASCADE, null=True, related_name="+")
    inbox = models.ForeignKey(Inbox, models.CASCADE, null=True, related_name="+")
    recipients = columns.empty_object()
    subject = models.TextField(db_default="")
    body_html = models.TextField(db_default="")
    attachments = columns.empty_array()
    updated_at = columns.updated_at()

    class Meta:
        db_table = "email_drafts"
