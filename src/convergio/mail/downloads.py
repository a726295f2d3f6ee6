"""Answers that carry files of strangers: never sniffed, never run, never shown as a page of ours."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from convergio.mail.attachments import OpenedFile
from convergio.mail.file_types import OCTETS, SHOWN_IMAGES, file_type

# Should a browser show the file all the same, it has no scripts, no origin and loads nothing.
_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
# Contents are named by their hash in the database, so what an address shows never changes.
_KEEP = "private, max-age=31536000, immutable"


def download(file: OpenedFile) -> HttpResponse:
    """The file to save under its name (RFC 6266)."""
    response = _response(file, file.content_type)
    response.headers["Content-Disposition"] = content_disposition_header(True, file.filename) or "attachment"
    return response


def shown_image(file: OpenedFile) -> HttpResponse:
    """A picture inside a message; what its bytes do not prove to be one is bytes to a browser."""
    found = file_type(file.content, "")
    response = _response(file, found if found in SHOWN_IMAGES else OCTETS)
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _response(file: OpenedFile, content_type: str) -> HttpResponse:
    safe_type = content_type if content_type.isascii() and content_type.isprintable() else OCTETS
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _POLICY,
        "Cache-Control": _KEEP,
    }
    return HttpResponse(file.content, content_type=safe_type, headers=headers)
