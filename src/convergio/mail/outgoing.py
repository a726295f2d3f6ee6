"""Building the messages we send (RFC 5322, RFC 2045-2047), as bytes that any server takes: 7 bit, CRLF."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from convergio.core import clock
from convergio.mail.errors import InvalidMessage
from convergio.mail.message_ids import is_our_message_id, new_message_id

__all__ = [
    "Address",
    "Attachment",
    "OutgoingMessage",
    "build_message",
    "is_mail_address",
    "is_our_message_id",
    "new_message_id",
]

# 8bit would need 8BITMIME at every hop.
_POLICY = SMTP.clone(cte_type="7bit")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ADDRESS = re.compile(r"[^\s<>()\[\]\\,;:\"@\x00-\x20\x7f]+@[^\s<>()\\,;:\"@\x00-\x20\x7f]+")
_ID = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,900}")
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9][\w.+-]*/[A-Za-z0-9][\w.+-]*", re.ASCII)
_ATOMS = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
# The root and the latest twenty place a reply in any thread view; unbounded chains break header limits.
_LAST_REFERENCES = 20


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: the bare address and the name shown with it."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to send. With `content_id` it is an inline part that the HTML names as `cid:`."""

    filename: str
    content_type: str
    content: bytes
    content_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """What a person or a rule wants to send. Ids come with or without angle brackets; `date` is aware."""

    sender: Address
    to: Sequence[Address]
    message_id: str
    cc: Sequence[Address] = ()
    bcc: Sequence[Address] = ()
    subject: str = ""
    text: str = ""
    html: str = ""
    attachments: Sequence[Attachment] = ()
    in_reply_to: str = ""
    references: Sequence[str] = ()
    automatic: bool = False
    date: datetime = field(default_factory=clock.now)

    @property
    def recipients(self) -> list[str]:
        """Envelope recipients, each once, Bcc included."""
        return list(dict.fromkeys(entry.address for entry in (*self.to, *self.cc, *self.bcc)))


def build_message(message: OutgoingMessage) -> bytes:
    """The message as sent. Bcc is in the envelope only; a line break in a header raises InvalidMessage.

    The header is written here and not by email.policy: its folding turns long Message-IDs into encoded words,
    and encoded display names with a comma into two addresses.
    """
    body = _body(message)
    lines = [
        _address_line("From", [message.sender]),
        _address_line("To", message.to),
        _address_line("Cc", message.cc),
        _text_line("Subject", message.subject),
        f"Date: {format_datetime(message.date)}",
        _id_line("Message-ID", [_own_id(message.message_id)]),
        *_threading_lines(message),
    ]
    if message.automatic:
        # RFC 3834 section 5, and what Exchange reads instead.
        lines += ["Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All"]
    _check_recipients(message)
    header = "\r\n".join(line for line in lines if line) + "\r\n"
    return header.encode("utf-8") + body


def _threading_lines(message: OutgoingMessage) -> list[str]:
    """RFC 5322 3.6.4: the parent, and its ancestors before it. Unusable ids of strangers are left out."""
    parent = _bare(message.in_reply_to)
    ancestors = [_bare(reference) for reference in message.references]
    chain = list(
        dict.fromkeys(
            known for known in [*(a for a in ancestors if a != parent), parent] if _ID.fullmatch(known)
        )
    )
    if len(chain) > _LAST_REFERENCES + 1:
        chain = [chain[0], *chain[-_LAST_REFERENCES:]]
    return [_id_line("In-Reply-To", [parent] if _ID.fullmatch(parent) else []), _id_line("References", chain)]


def _body(message: OutgoingMessage) -> bytes:
    """MIME-Version and Content-* fields, the empty line and the content."""
    mime = EmailMessage(policy=_POLICY)
    mime.set_content(message.text, charset="utf-8")
    inline = [part for part in message.attachments if part.content_id and message.html]
    if message.html:
        mime.add_alternative(message.html, subtype="html", charset="utf-8")
        html = mime.get_payload()[1]  # type: ignore[index]
        for part in inline:
            _attach(html, part, related=True)  # type: ignore[arg-type]
    for part in message.attachments:
        if part not in inline:
            _attach(mime, part, related=False)
    return mime.as_bytes()


def _attach(parent: EmailMessage, part: Attachment, *, related: bool) -> None:
    kind = part.content_type if _CONTENT_TYPE.fullmatch(part.content_type) else "application/octet-stream"
    # A message or multipart handed over as bytes must not be parsed and written anew.
    maintype, subtype = (
        kind.split("/")
        if not kind.startswith(("message/", "multipart/"))
        else ("application", "octet-stream")
    )
    name = _clean(part.filename, "The file name of an attachment") or "attachment"
    if related:
        content_id = f"<{_own_id(part.content_id)}>"
        parent.add_related(
            part.content,
            maintype=maintype,
            subtype=subtype,
            filename=name,
            disposition="inline",
            cid=content_id,
        )
    else:
        parent.add_attachment(part.content, maintype=maintype, subtype=subtype, filename=name)


def _check_recipients(message: OutgoingMessage) -> None:
    if not message.recipients:
        raise InvalidMessage("The message has no recipient; add at least one address.")
    for entry in message.bcc:
        _checked(entry)


def _address_line(name: str, addresses: Iterable[Address]) -> str:
    shown = [_shown(entry) for entry in addresses]
    return f"{name}: " + ",\r\n ".join(shown) if shown else ""


def _shown(entry: Address) -> str:
    address = _checked(entry)
    name = _clean(entry.name, "The name of a sender or recipient").strip()
    if not name:
        return address
    if not name.isascii():
        return f"{_encoded(name)} <{address}>"
    if not _ATOMS.fullmatch(name):
        name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name} <{address}>"


def is_mail_address(text: str) -> bool:
    """Whether mail can be sent to this bare address."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def _checked(entry: Address) -> str:
    if not is_mail_address(entry.address):
        shown = _CONTROL.sub(" ", entry.address)[:80]
        raise InvalidMessage(f"“{shown}” is not a mail address; correct it and send again.")
    return entry.address


def _text_line(name: str, value: str) -> str:
    clean = _clean(value, f"The {name.lower()}")
    if clean.isascii() and len(clean) < 900 and "=?" not in clean:
        return f"{name}: {clean}"
    return f"{name}: {_encoded(clean)}"


def _encoded(value: str) -> str:
    """RFC 2047 encoded words, folded."""
    safe = value.encode("utf-8", "replace").decode()
    return Header(safe, "utf-8", maxlinelen=72).encode(linesep="\r\n")


def _id_line(name: str, ids: Sequence[str]) -> str:
    return f"{name}: " + "\r\n ".join(f"<{known}>" for known in ids) if ids else ""


def _own_id(message_id: str) -> str:
    bare = _bare(message_id)
    if not _ID.fullmatch(bare):
        raise InvalidMessage(
            "The Message-ID of the message is not usable; it needs plain characters without spaces."
        )
    return bare


def _bare(message_id: str) -> str:
    return message_id.strip().removeprefix("<").removesuffix(">")


def _clean(value: str, what: str) -> str:
    if _CONTROL.search(value.replace("\t", " ")):
        raise InvalidMessage(
            f"{what} contains a line break or another control character; remove it and send again."
        )
    return value.replace("\t", " ")
