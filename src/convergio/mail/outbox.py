"""Putting a mail into the outbox: built once, its Message-ID fixed before the first attempt (rules 29, 30, 42).

A row of `emails` with a delivery state is the outbox: queued -> sending -> sent | failed | uncertain, or cancelled
while the undo window is open. `outbox_key` says what is answered, by which rule and to whom; the database allows each
key once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from convergio.core import clock, events, sql
from convergio.core.errors import NotFound
from convergio.core.storage import storage
from convergio.mail.identity import fresh_message_id
from convergio.mail.ingest.summaries import refresh_threads
from convergio.mail.outgoing import Address, Attachment, OutgoingMessage, build_message
from convergio.mail.parsing import parse_message


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What shall be sent. `attachments` are entries as in emails.attachments; `parent_id` is the email it answers."""

    inbox_id: int
    to: Sequence[Address]
    outbox_key: str
    subject: str
    text: str
    html: str = ""
    cc: Sequence[Address] = ()
    bcc: Sequence[Address] = ()
    attachments: Sequence[dict[str, Any]] = field(default_factory=tuple)
    parent_id: int | None = None
    is_automatic: bool = False
    sent_by: int | None = None
    send_after: datetime | None = None


class _Sender(msgspec.Struct):
    name: str
    email_address: str
    tag: str


class _Parent(msgspec.Struct):
    message_id: str
    references: list[str]
    thread_id: int


def queue_letter(workspace_id: int, letter: Letter) -> int:
    """Store the mail as queued and announce it; the answer is its email id. The same `outbox_key` gives the same mail.

    Runs inside the caller's transaction. Raises InvalidMessage for what cannot be put into a header or an envelope.
    """
    known: int | None = sql.fetch_value("SELECT id FROM emails WHERE outbox_key = %s", [letter.outbox_key])
    if known is not None:
        return known
    sender = sql.fetch_one(
        _Sender, "SELECT name, email_address, tag FROM inboxes WHERE id = %s", [letter.inbox_id]
    )
    if sender is None:
        raise NotFound("inbox")
    parent = _load_parent(letter.parent_id)
    message_id = fresh_message_id(sender.email_address)
    raw = build_message(_outgoing(letter, sender, parent, message_id))
    thread_id = parent.thread_id if parent else _begin_thread(workspace_id, letter)
    email_id = _insert(workspace_id, letter, sender, parent, message_id, raw, thread_id)
    _note_delivery(workspace_id, letter.inbox_id, email_id, thread_id, message_id)
    refresh_threads([thread_id])
    events.announce("email.queued", workspace_id=workspace_id, ids=[email_id])
    return email_id


def _load_parent(parent_id: int | None) -> _Parent | None:
    if parent_id is None:
        return None
    parent = sql.fetch_one(
        _Parent,
        """SELECT COALESCE(message_id_header, message_id), "references", thread_id FROM emails WHERE id = %s""",
        [parent_id],
    )
    if parent is None:
        raise NotFound("email")
    return parent


def _outgoing(letter: Letter, sender: _Sender, parent: _Parent | None, message_id: str) -> OutgoingMessage:
    return OutgoingMessage(
        sender=Address(sender.email_address, sender.name),
        to=letter.to,
        cc=letter.cc,
        bcc=letter.bcc,
        message_id=message_id,
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        attachments=[
            Attachment(
                filename=one["filename"],
                content_type=one["content_type"],
                content=storage().read(one["sha256"]),
                content_id=one.get("content_id") or "",
            )
            for one in letter.attachments
        ],
        # A parent without a Message-ID of its own is known here by a hash, which means nothing to anybody else.
        in_reply_to=_sendable(parent.message_id) if parent else "",
        references=[one for one in (*parent.references, parent.message_id) if _sendable(one)]
        if parent
        else (),
        automatic=letter.is_automatic,
        date=letter.send_after or clock.now(),
    )


def _sendable(message_id: str) -> str:
    return "" if message_id.startswith("sha256:") else message_id


def _begin_thread(workspace_id: int, letter: Letter) -> int:
    people = sorted({one.address.lower()[:255] for one in (*letter.to, *letter.cc)})
    thread_id: int = sql.fetch_value(
        "INSERT INTO email_threads (workspace_id, subject, participants) VALUES (%s, %s, %s) RETURNING id",
        [workspace_id, letter.subject, people],
    )
    return thread_id


_INSERT = """
INSERT INTO emails (
  workspace_id, thread_id, message_id, message_id_header, from_address, from_name, to_address, recipients, subject,
  body_text, body_html, snippet, tag, direction, attachments, received_at, date_header, in_reply_to, "references",
  is_read, raw_source, content_hash, is_automatic, delivery_state, outbox_key, send_after, sent_by_id
) VALUES (
  %(workspace)s, %(thread)s, %(message_id)s, %(header)s, %(from)s, %(from_name)s, %(to)s, %(recipients)s, %(subject)s,
  %(text)s, %(html)s, %(snippet)s, %(tag)s, 'outbound', %(attachments)s, %(at)s, %(at)s, %(parent)s, %(references)s,
  true, %(raw)s, %(hash)s, %(automatic)s, 'queued', %(key)s, %(at)s, %(by)s
) RETURNING id
"""


def _insert(
    workspace_id: int,
    letter: Letter,
    sender: _Sender,
    parent: _Parent | None,
    message_id: str,
    raw: bytes,
    thread_id: int,
) -> int:
    message = parse_message(raw)
    recipients = {"to": _people(letter.to), "cc": _people(letter.cc), "bcc": _people(letter.bcc)}
    email_id: int = sql.fetch_value(
        _INSERT,
        {
            "workspace": workspace_id,
            "thread": thread_id,
            "message_id": message_id,
            "header": message_id,
            "from": sender.email_address.lower(),
            "from_name": sender.name,
            "to": next(iter(letter.to)).address[:255],
            "recipients": Jsonb(recipients),
            "subject": letter.subject,
            "text": message.body_text,
            "html": letter.html or None,
            "snippet": message.snippet[:255],
            "tag": sender.tag,
            "attachments": Jsonb(list(letter.attachments)),
            "at": letter.send_after or clock.now(),
            "parent": parent.message_id[:500] if parent else "",
            "references": Jsonb(list(message.references)),
            "raw": raw,
            "hash": message.content_hash,
            "automatic": letter.is_automatic,
            "key": letter.outbox_key,
            "by": letter.sent_by,
        },
    )
    return email_id


def _people(addresses: Sequence[Address]) -> list[dict[str, str]]:
    return [{"name": one.name, "address": one.address} for one in addresses]


def _note_delivery(workspace_id: int, inbox_id: int, email_id: int, thread_id: int, message_id: str) -> None:
    sql.execute(
        """INSERT INTO email_deliveries (workspace_id, email_id, inbox_id, is_seen, received_at)
           SELECT %s, id, %s, true, received_at FROM emails WHERE id = %s""",
        [workspace_id, inbox_id, email_id],
    )
    sql.execute(
        "INSERT INTO thread_references (workspace_id, inbox_id, message_id, thread_id) VALUES (%s, %s, %s, %s)",
        [workspace_id, inbox_id, message_id, thread_id],
    )


def undo_letter(email_id: int) -> bool:
    """Take a mail back while its undo window is open; False when it is too late. Its key is free for the next try."""
    return bool(
        sql.execute(
            """UPDATE emails SET delivery_state = 'cancelled', outbox_key = NULL
               WHERE id = %s AND delivery_state = 'queued' AND attempts = 0 AND send_after > now()""",
            [email_id],
        )
    )


def undo_window(seconds: int) -> datetime:
    """When a mail that a person sends now may leave."""
    return clock.now() + timedelta(seconds=seconds)
