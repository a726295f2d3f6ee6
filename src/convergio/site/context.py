"""What every page's frame shows, for Jinja2's context processors."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from convergio.accounts.actor import Actor
from convergio.site.queries import load_nav


def frame(request: HttpRequest) -> dict[str, Any]:
    """`nav`, looked up only by templates that show it; a page for nobody has none."""
    actor: Actor | None = getattr(request, "actor", None)
    return {} if actor is None else {"nav": SimpleLazyObject(lambda: load_nav(actor))}
