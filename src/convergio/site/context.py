"""What every page's frame shows, for Jinja2's context processors."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from convergio.accounts.actor import Actor
from convergio.billing.standing import stopped_now
from convergio.site.queries import load_nav


class LateNav:
    """A navigation.Nav that is looked up when a template first asks for a field of it.

    All fields are then plain attributes: a page reads them dozens of times, which Django's lazy object makes dear.
    """

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Any:
        nav = load_nav(self._actor)
        self.__dict__.update({field.name: getattr(nav, field.name) for field in fields(nav)})
        return getattr(nav, name)


def frame(request: HttpRequest) -> dict[str, Any]:
    """`nav` and `ai_stop`, looked up only by templates that show them; a page for nobody has none."""
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None:
        return {}
    nav = LateNav(actor)
    # The menu has seen by the way whether anything was stopped at all.
    ai_stop = SimpleLazyObject(lambda: stopped_now(actor.workspace_id) if nav.was_stopped else None)
    return {"nav": nav, "ai_stop": ai_stop}
