"""Files of a message: names that are safe to show and to save, embedded messages, winmail.dat (TNEF)."""

import hashlib
import html
import re
from collections.abc import Collection, Iterable
from urllib.parse import unquote

from convergio.mail.parsing.charset import clean_text
from convergio.mail.parsing.headers import header_text
from convergio.mail.parsing.mime import Part
from convergio.mail.parsing.tnef import NotTnef, TnefFile, read_tnef
from convergio.mail.parsing.types import ParsedAttachment

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069]+')
_SUBJECT = re.compile(rb"^subject:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE)
_CONTENT_ID = re.compile(r"""\bcid:([^"'<>)\s]{1,500})""", re.IGNORECASE)
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


def collect_attachments(parts: Iterable[Part], html_form: str | None) -> tuple[ParsedAttachment, ...]:
    """One attachment per part; winmail.dat is replaced by what it holds, when that can be read.

    Inline is what the HTML shows in its place: a part that only says so is a file like others (rule 49).
    """
    named = _named_content_ids(html_form or "")
    found: list[ParsedAttachment] = []
    for part in parts:
        content = part.decoded[0]
        unpacked = _unpack_tnef(content) if _is_tnef(part) else []
        for number, file in enumerate(unpacked, 1):
            found.append(
                _attachment(file.name or f"attachment-{number}", "application/octet-stream", file.content)
            )
        if not unpacked:
            found.append(_from_part(part, content, len(found) + 1, named))
    return tuple(found)


def _named_content_ids(html_form: str) -> set[str]:
    """Content ids in the addresses of the HTML, as they stand there and with their escapes undone."""
    found = {html.unescape(match) for match in _CONTENT_ID.findall(html_form)}
    return found | {unquote(one) for one in found}


def _from_part(part: Part, content: bytes, number: int, named: Collection[str]) -> ParsedAttachment:
    name = part.filename or _default_name(part.mime_type, content, number)
    is_inline = part.disposition[0] in ("inline", "") and part.content_id in named
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


def _unpack_tnef(content: bytes) -> list[TnefFile]:
    """What a winmail.dat holds, its body included; empty when it is none after all."""
    try:
        return read_tnef(content)
    except NotTnef:
        return []
