"""Short notices at the edge of the page. htmx requests carry them in a header; toast.js shows them."""

from __future__ import annotations

import json

from django.http import HttpResponse


def add_toast(
    response: HttpResponse, text: str, *, kind: str = "", undo: str = "", seconds: int | None = None
) -> HttpResponse:
    """Ask the page to show `text`. `kind` is "", ok, err or send; `undo` is an address that takes a POST."""
    toast = {"text": text, "kind": kind, "undo": undo, "seconds": seconds}
    # Escaped to ASCII, as headers have to be.
    response.headers["HX-Trigger"] = json.dumps(
        {"convergio:toast": {name: value for name, value in toast.items() if value}}
    )
    return response
