"""What is refused before anybody reads it: a request to another host, a body larger than its address takes.

Both go by headers alone. The server hands the body over as it is read, so a refused one is never held in memory.
"""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from convergio.core.errors import AppError, InvalidInput, TooLarge
from convergio.site import errors

MEGABYTE = 1024 * 1024
# JSON and forms; what is not named below.
ORDINARY = MEGABYTE
# A file of 25 MB with the lines around it, or in base64 inside JSON.
_UPLOAD, _MESSAGE = 26 * MEGABYTE, 30 * MEGABYTE
# A mail's text has a million characters at most, a document 200,000; a form takes nine bytes for one of Devanagari.
_LETTER, _DOCUMENT = 10 * MEGABYTE, 3 * MEGABYTE
# An address and what is below it; the longest one counts.
LARGER = {
    "/api/upload-attachment": _UPLOAD,
    "/api/emails": _MESSAGE,
    "/api/emails/read": ORDINARY,
    "/api/send-email": _MESSAGE,
    "/api/auto-replies": _LETTER,
    "/api/knowledge": _DOCUMENT,
    "/api/settings/profile/avatar": 3 * MEGABYTE,
    "/dashboard/commboost": _LETTER,
    "/dashboard/commboost/files": _UPLOAD,
    "/dashboard/settings/knowledge": _DOCUMENT,
}


class UnknownHost(InvalidInput):
    """The Host header names no host of this installation."""

    def __init__(self) -> None:
        super().__init__("unknown_host", "This installation does not answer under this host name.")


class BodyTooLarge(TooLarge):
    """Content-Length is over the limit of the address."""

    def __init__(self, limit: int) -> None:
        sentence = f"This request is larger than the {limit // MEGABYTE} MB that this address takes."
        super().__init__("too_large", sentence, limit=limit)


class RequestLimits:
    """Host and size, before anything looks at the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            _require_own_host(request)
            _require_fitting_body(request)
        except AppError as error:
            return errors.respond(request, error)
        return self.get_response(request)


def limit_of(path: str) -> int:
    """How many bytes a body for this path may have."""
    parts = path.rstrip("/").split("/")
    prefixes = ("/".join(parts[:length]) for length in range(min(len(parts), 6), 2, -1))
    return next((LARGER[prefix] for prefix in prefixes if prefix in LARGER), ORDINARY)


def _require_own_host(request: HttpRequest) -> None:
    try:
        request.get_host()
    except DisallowedHost:
        raise UnknownHost from None


def _require_fitting_body(request: HttpRequest) -> None:
    """Django reads as many bytes as Content-Length says, and none without it."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    limit = limit_of(request.path_info)
    if not (length.isascii() and length.isdigit()) or len(length) > 18 or int(length) > limit:
        raise BodyTooLarge(limit)
