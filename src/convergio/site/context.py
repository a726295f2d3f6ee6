"""What every page's frame shows, for Jinja2's context processors."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from convergio.accounts import queries
from convergio.accounts.actor import Actor
from convergio.site.navigation import Nav


def frame(request: HttpRequest) -> dict[str, Any]:
    """`nav`, looked up only by templates that show it; a page for nobody has none."""
    actor: Actor | None = getattr(request, "actor", None)
    return {} if actor is None else {"nav": SimpleLazyObject(lambda: build_nav(actor))}


def build_nav(actor: Actor) -> Nav:
    """The person and the workspace."""
    profile = queries.profile(actor)
    return Nav(
        user_name=profile.name or profile.email,
        user_email=profile.email,
        workspace_name=profile.workspace_name,
    )
