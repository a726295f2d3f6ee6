"""Raw messages and inboxes for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from convergio.accounts.models import Workspace
from convergio.core.tenancy import workspace_scope
from convergio.mail.ingest import Arrival, Receiver, load_receiver
from convergio.mail.models import Inbox

SUPPORT = "support@convergio.test"
ANANYA = "Ananya Rao <ananya@lumen.example>"


def raw_message(
    *,
    message_id: str | None = "first@lumen.example",
    sender: str | None = ANANYA,
    to: str = SUPPORT,
    cc: str = "",
    subject: str = "Refund for my order",
    text: str = "When does my refund arrive?",
    references: Sequence[str] = (),
    in_reply_to: str = "",
    date: datetime | None = datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    headers: Sequence[str] = (),
) -> bytes:
    """A plain message; what is None or empty gets no header."""
    lines = [f"Message-ID: <{message_id}>"] if message_id else []
    lines += [f"From: {sender}"] if sender else []
    lines += [f"To: {to}"] if to else []
    lines += [f"Cc: {cc}"] if cc else []
    lines += [f"Date: {format_datetime(date)}"] if date else []
    lines += [f"Subject: {subject}"] if subject else []
    lines += [f"In-Reply-To: <{in_reply_to}>"] if in_reply_to else []
    lines += ["References: " + " ".join(f"<{one}>" for one in references)] if references else []
    lines += [*headers, "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "", text, ""]
    return "\r\n".join(lines).encode()


def make_inbox(workspace: Workspace, address: str = SUPPORT, **fields: object) -> Inbox:
    """A maildir inbox whose tag is its address's local part."""
    tag = address.partition("@")[0].title()
    with workspace_scope(workspace.id):
        return Inbox.objects.create(
            workspace=workspace,
            **{"name": tag, "email_address": address, "tag": tag, "kind": "maildir", **fields},
        )


def receiver_of(inbox: Inbox) -> Receiver:
    """What the engine knows of the inbox."""
    with workspace_scope(inbox.workspace_id):
        return load_receiver(inbox.id)


def arrival(raw: bytes, at: datetime | None = None) -> Arrival:
    """The message as a folder hands it over."""
    return Arrival(raw=raw, received_at=at)
