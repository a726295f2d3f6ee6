"""What a file is, told by its first bytes and not by what its sender says."""

from __future__ import annotations

import mimetypes

OCTETS = "application/octet-stream"
# Shown in place in a message; everything else is offered for download.
SHOWN_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif"})
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
    (0, b"BM", "image/bmp"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (4, b"ftyp", "video/mp4"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"OggS", "audio/ogg"),
)
# Formats inside another: the name tells which, the bytes that it can be one.
_WITHIN = {
    "application/zip": ("application/vnd.", "application/epub", "application/java-archive"),
    "application/x-ole-storage": ("application/msword", "application/vnd.ms-"),
    "text/plain": ("text/", "application/json", "application/xml", "message/rfc822"),
}


def file_type(content: bytes, filename: str) -> str:
    """The content type of a file; the name only chooses among what the bytes can be."""
    known = next((name for at, mark, name in _SIGNATURES if content[at : at + len(mark)] == mark), None)
    found = known or ("text/plain" if _is_text(content) else OCTETS)
    named = mimetypes.guess_type(filename)[0] or ""
    return named if named.startswith(_WITHIN.get(found, ("\0",))) else found


def _is_text(content: bytes) -> bool:
    head = content[:4096]
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character that the cut went through does not count.
        if error.start < len(head) - 3 or len(content) <= len(head):
            return False
    return not any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
