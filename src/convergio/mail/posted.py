"""Mail that another program posts as JSON: written out as the raw message it is, then taken up like any other."""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import msgspec

from convergio.accounts.actor import Actor
from convergio.accounts.reach import whole_workspace
from convergio.core import clock, sql
from convergio.core.errors import Conflict, InvalidInput
from convergio.mail.attachments import clean_filename
from convergio.mail.file_types import file_type
from convergio.mail.ingest import Arrival, Stored, load_receiver, store_messages
from convergio.mail.parsing import parse_message

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_HEADER_NAME = re.compile(r"[!-9;-~]{1,100}")
# Written from fields of their own, or by the body.
_OWN_HEADERS = frozenset(
    {"message-id", "from", "to", "cc", "subject", "date", "in-reply-to", "references", "mime-version"}
)


class DuplicateEmail(Conflict):
    """The message is here already; `id` is the stored one's, None for who may not know where it is."""

    def __init__(self, email_id: int | None) -> None:
        super().__init__("duplicate_email", "This message is here already.", id=email_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedFile:
    """A file of a posted message, its content in base64."""

    filename: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PostedMessage:
    """A message in fields, or whole in `raw` (base64). Ids come with or without angle brackets."""

    raw: str = ""
    message_id: str = ""
    from_address: str = ""
    from_name: str = ""
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    subject: str = ""
    body_text: str = ""
    body_html: str = ""
    in_reply_to: str = ""
    references: Sequence[str] = ()
    date: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[PostedFile] = ()


class _Candidate(msgspec.Struct):
    id: int
    email_address: str
    tag: str


def receive_posted(
    actor: Actor, message: PostedMessage, *, tag: str = "", received_at: datetime | None = None
) -> Stored:
    """Store a posted message with thread, task and tag. Raises DuplicateEmail, InvalidInput.

    It goes to the inbox with the tag, else to one that it is addressed to, else to the oldest: mail is never turned
    away for its address.
    """
    raw = _decode(message.raw, "raw") if message.raw else build_raw(message)
    inbox_id = _choose_inbox(actor, raw, tag)
    arrival = Arrival(raw=raw, received_at=received_at or clock.now())
    with whole_workspace(actor):
        [stored] = store_messages(load_receiver(inbox_id), [arrival])
    if not stored.is_new:
        raise DuplicateEmail(stored.email_id if actor.inbox_ids is None else None)
    return stored


def _choose_inbox(actor: Actor, raw: bytes, tag: str) -> int:
    inboxes = sql.fetch_all(
        _Candidate,
        "SELECT id, lower(email_address), tag FROM inboxes WHERE workspace_id = %s AND is_active ORDER BY id",
        [actor.workspace_id],
    )
    if not inboxes:
        raise InvalidInput("no_inbox", "There is no inbox to put this mail in; add one first.")
    parsed = parse_message(raw)
    recipients = {one.address.lower() for one in (*parsed.to, *parsed.cc)}
    tagged = [inbox.id for inbox in inboxes if tag and inbox.tag.lower() == tag.strip().lower()]
    addressed = [inbox.id for inbox in inboxes if inbox.email_address in recipients]
    return (tagged or addressed or [inboxes[0].id])[0]


def build_raw(message: PostedMessage) -> bytes:
    """The message as bytes (RFC 5322 with UTF-8 headers, RFC 6532). The same fields always give the same bytes."""
    lines = [
        *_extra_lines(message.headers),
        _line("Message-ID", _bracketed(message.message_id)),
        _line("From", _sender(message)),
        _line("To", ", ".join(message.to)),
        _line("Cc", ", ".join(message.cc)),
        _line("Subject", message.subject),
        _line("Date", format_datetime(message.date) if message.date else ""),
        _line("In-Reply-To", _bracketed(message.in_reply_to)),
        _line("References", " ".join(_bracketed(one) for one in message.references)),
    ]
    header = "".join(f"{line}\r\n" for line in lines if line).encode("utf-8", "replace")
    return header + _body(message, header)


def _body(message: PostedMessage, header: bytes) -> bytes:
    mime = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mime.set_content(_encodable(message.body_text), charset="utf-8")
    if message.body_html:
        mime.add_alternative(_encodable(message.body_html), subtype="html", charset="utf-8")
    for file in message.attachments:
        content = _decode(file.content, "attachments")
        name = clean_filename(file.filename)
        maintype, _, subtype = file_type(content, name).partition("/")
        if maintype == "message":  # as bytes, which must not be parsed and written anew
            maintype, subtype = "application", "octet-stream"
        mime.add_attachment(content, maintype=maintype, subtype=subtype, filename=_encodable(name))
    # The library draws boundaries at random; a repeated post must give the same bytes to be recognised.
    digest = hashlib.sha256(header + message.body_text.encode("utf-8", "replace")).hexdigest()[:32]
    for number, part in enumerate(mime.walk()):
        if part.is_multipart():
            part.set_boundary(f"={digest}-{number}")
    return mime.as_bytes()


def _line(name: str, value: str) -> str:
    clean = _CONTROL.sub(" ", value).strip()
    return f"{name}: {clean}" if clean else ""


def _extra_lines(headers: Mapping[str, str]) -> list[str]:
    return [
        _line(name, value)
        for name, value in headers.items()
        if _HEADER_NAME.fullmatch(name)
        and name.lower() not in _OWN_HEADERS
        and not name.lower().startswith("content-")
    ]


def _sender(message: PostedMessage) -> str:
    if not message.from_name or "<" in message.from_address:
        return message.from_address
    name = message.from_name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{message.from_address}>'


def _bracketed(message_id: str) -> str:
    bare = message_id.strip().removeprefix("<").removesuffix(">")
    return f"<{bare}>" if bare else ""


def _encodable(text: str) -> str:
    """JSON may carry half a surrogate pair, which no encoding takes."""
    return text.encode("utf-8", "replace").decode()


def _decode(text: str, name: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("invalid_base64", f"The content in {name} is not base64.", field=name) from None
