"""What the pages send, and where a person goes next."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from convergio.accounts.errors import InvalidField
from convergio.core.clock import now

AFTER_SIGN_IN = "/dashboard"
# Days an API key may be made for; the empty choice is for ever.
KEY_LIVES = (("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"))


def typed(request: HttpRequest, name: str) -> str:
    """A field of the posted form, empty when absent."""
    value = request.POST.get(name, "")
    return value if isinstance(value, str) else ""


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


def key_expiry(request: HttpRequest) -> datetime | None:
    """When a new key stops working, as chosen in the form. Raises InvalidField."""
    days = typed(request, "days")
    if days not in dict(KEY_LIVES):
        raise InvalidField("days", "Choose one of the offered times.")
    return now() + timedelta(days=int(days)) if days else None
