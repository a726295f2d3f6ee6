"""What the pages send, and where a person goes next."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

AFTER_SIGN_IN = "/dashboard"
_MOST_DIGITS = 18  # a bigint has 19


def typed(request: HttpRequest, name: str) -> str:
    """A field of the posted form, empty when absent."""
    value = request.POST.get(name, "")
    return value if isinstance(value, str) else ""


def number(text: str | None) -> int:
    """An id or count of a form or address, 0 for what is none."""
    return int(text) if text and text.isdecimal() and len(text) <= _MOST_DIGITS else 0


def local_path(request: HttpRequest, address: str) -> str:
    """The address if it stays on this site, else nothing: a link must not lead people elsewhere.

    A bare word is nothing either: Django would take it for the name of a route.
    """
    if not address.startswith(("/", "http://", "https://")):
        return ""
    here = {request.get_host()}
    return (
        address if url_has_allowed_host_and_scheme(address, here, require_https=request.is_secure()) else ""
    )


def with_next(address: str, path: str) -> str:
    """The address of a page that leads to `path` (already checked) afterwards."""
    return f"{address}?{urlencode({'next': path})}" if path else address
