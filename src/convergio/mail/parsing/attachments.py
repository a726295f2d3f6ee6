"""Files of a message: names that are safe to show and to save, embedded messages, winmail.dat (TNEF)."""

import hashlib
import re
import time
from collections.abc import Iterable
from typing import Any

from convergio.mail.parsing.charset import clean_text, decode_text
from convergio.mail.parsing.headers import header_text
from convergio.mail.parsing.mime import LimitExceeded, Part
from convergio.mail.parsing.types import ParsedAttachment

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]+')
_SUBJECT = re.compile(rb"^subject:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)
_EXTENSIONS = {
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/feedback-report": ".txt",
    "text/rfc822-headers": ".txt",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "text/vcard": ".vcf",
    "text/csv": ".csv",
    "application/pdf": ".pdf",
    "application/zip": ".zip",
    "application/json": ".json",
    "application/pgp-signature": ".asc",
    "application/pgp-encrypted": ".asc",
    "application/pkcs7-signature": ".p7s",
    "application/pkcs7-mime": ".p7m",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
    "audio/mpeg": ".mp3",
    "video/mp4": ".mp4",
}
_TNEF_TYPES = {"application/ms-tnef", "application/vnd.ms-tnef"}
_TNEF_SECONDS = 5.0


def collect_attachments(parts: Iterable[Part]) -> tuple[ParsedAttachment, ...]:
    """One attachment per part; winmail.dat is replaced by what it holds, when that can be read."""
    found: list[ParsedAttachment] = []
    for part in parts:
        content = part.decoded[0]
        unpacked = _unpack_tnef(content) if _is_tnef(part) else []
        for name, data in unpacked:
            found.append(_attachment(name, "application/octet-stream", data))
        if not unpacked:
            found.append(_from_part(part, content, len(found) + 1))
    return tuple(found)


def _from_part(part: Part, content: bytes, number: int) -> ParsedAttachment:
    name = part.filename or _default_name(part.mime_type, content, number)
    is_inline = part.disposition[0] == "inline" or (part.content_id is not None and not part.disposition[0])
    return _attachment(name, part.mime_type, content, content_id=part.content_id, is_inline=is_inline)


def _attachment(
    name: str, content_type: str, content: bytes, *, content_id: str | None = None, is_inline: bool = False
) -> ParsedAttachment:
    return ParsedAttachment(
        filename=safe_filename(name) or "attachment",
        content_type=clean_text(content_type)[:255],
        content=content,
        content_id=content_id,
        is_inline=is_inline,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )


def safe_filename(name: str) -> str:
    """The last component of a name without control, direction and separator characters, at most 255 long."""
    last = re.split(r"[/\\]", clean_text(name).strip())[-1]
    cleaned = _UNSAFE.sub("_", last).strip(" .")
    stem, dot, extension = cleaned.rpartition(".")
    if len(cleaned) > 255 and stem and len(extension) < 20:
        return stem[: 254 - len(extension)] + dot + extension
    return cleaned[:255]


def _default_name(mime_type: str, content: bytes, number: int) -> str:
    extension = _EXTENSIONS.get(mime_type, "")
    if extension == ".eml":
        match = _SUBJECT.search(content[:20_000])
        subject = header_text(match[1].decode("ascii", "surrogateescape")) if match else ""
        if subject:
            return subject.replace("/", "_").replace("\\", "_")[:100] + extension
    return f"attachment-{number}{extension}"


def _is_tnef(part: Part) -> bool:
    return part.mime_type in _TNEF_TYPES or part.filename.lower() == "winmail.dat"


class _TimedBytes(bytes):
    """Bytes that refuse to be sliced after a while: the TNEF reader copies the rest of the file per object,
    which is quadratic, and has no limit of its own."""

    end = 0.0

    def __getitem__(self, key: Any) -> Any:
        if time.monotonic() > self.end:
            raise LimitExceeded("The winmail.dat takes too long to read.")
        return super().__getitem__(key)


def _unpack_tnef(content: bytes) -> list[tuple[str, bytes]]:
    """(name, bytes) of what a winmail.dat holds, its body included; empty when it cannot be read."""
    from tnefparse import TNEF  # noqa: PLC0415  # rarely needed

    data = _TimedBytes(content)
    data.end = time.monotonic() + _TNEF_SECONDS
    try:
        tnef = TNEF(data, do_checksum=False)
        files = [(_tnef_text(item.long_filename()), _tnef_bytes(item.data)) for item in tnef.attachments]
        body = tnef.htmlbody or tnef.body
    except Exception:  # noqa: BLE001  # not TNEF after all, or hostile: the file itself is kept
        return []
    if body:
        files.append((f"message.{'html' if tnef.htmlbody else 'txt'}", _tnef_bytes(body)))
    return files


def _tnef_text(value: str | bytes) -> str:
    return (decode_text(value) if isinstance(value, bytes) else value).strip("\0")


def _tnef_bytes(value: Any) -> bytes:
    while isinstance(value, list | tuple):
        value = value[0] if value else b""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
