"""The pane of conversations: its addresses, tabs and rows, and marking picked rows as read."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast, get_args
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from convergio.accounts.actor import Actor
from convergio.accounts.forms import local_path
from convergio.accounts.permissions import require
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.render import render
from convergio.mail import actions
from convergio.mail.queries.conversations import ConversationPage, View, list_conversations
from convergio.mail.queries.places import read_place
from convergio.mail.queries.search import search_conversations
from convergio.mail.views.rows import Day, days_of

TABS = (("all", "All"), ("unread", "Unread"), ("read", "Read"), ("drafts", "Drafts"), ("sent", "Sent"))
_TITLES = {"drafts": "Drafts to approve", "sent": "Sent"}
_MOST_WORDS = 500


class Listing:
    """One list of conversations as its address describes it; rows are read when a template asks for them."""

    def __init__(self, actor: Actor, *, tag: str, view: View, q: str, page: str) -> None:
        self.actor = actor
        self.tag = tag
        self.view = view
        self.q = q
        self.page = page

    @classmethod
    def of(cls, request: SignedInHttpRequest, tag: str = "") -> Listing:
        """Read the address. An unknown view is the whole list, so that old links keep working."""
        wanted = request.GET.get("view", "")
        return cls(
            request.actor,
            tag=tag or request.GET.get("tag", "")[:50],
            view=cast(View, wanted) if wanted in get_args(View) else "all",
            q=request.GET.get("q", "").strip()[:_MOST_WORDS],
            page=request.GET.get("page", "")[:40],
        )

    @cached_property
    def found(self) -> ConversationPage:
        """The page in one statement."""
        place = read_place(self.page)
        if self.q:
            return search_conversations(self.actor, self.q, tag=self.tag, place=place)
        return list_conversations(self.actor, view=self.view, tag=self.tag, place=place)

    @property
    def days(self) -> list[Day]:
        """The rows, ready to be written out."""
        return days_of(self.found.rows)

    @property
    def params(self) -> dict[str, str]:
        """What an opened conversation carries along, so that this list stays beside it."""
        view = "" if self.view == "all" else self.view
        return {name: value for name, value in (("tag", self.tag), ("view", view), ("q", self.q)) if value}

    @cached_property
    def home(self) -> str:
        """The inbox this list is of, or all of them."""
        return reverse("mail:inbox", args=[self.tag.lower()]) if self.tag else reverse("mail:commboost")

    def at(self, **changes: str) -> str:
        """The address of this list with other parameters; an empty one is left out."""
        given = {"view": "" if self.view == "all" else self.view, "q": self.q, **changes}
        words = urlencode({name: value for name, value in given.items() if value})
        return f"{self.home}?{words}" if words else self.home

    @property
    def address(self) -> str:
        return self.at(page=self.page)

    @property
    def newer(self) -> str:
        return self.at(page=str(self.found.newer)) if self.found.newer else ""

    @property
    def older(self) -> str:
        return self.at(page=str(self.found.older)) if self.found.older else ""

    @property
    def title(self) -> str:
        return "Search" if self.q else _TITLES.get(self.view) or self.tag.capitalize() or "All inboxes"

    @property
    def tabs(self) -> list[tuple[str, str, str, bool]]:
        """Key, word, address, and whether it is this one; while searching none is."""
        return [
            (key, word, self.at(view="" if key == "all" else key, q=""), key == self.view and not self.q)
            for key, word in TABS
        ]


def show(
    request: SignedInHttpRequest, listing: Listing, *, block: str | list[str] | None, **context: Any
) -> HttpResponse:
    """The three panes, or the named blocks of them for htmx."""
    full = {"listing": listing, "inbox": listing.tag, "thread": None, **context}
    return render(request, "mail/commboost.html", full, block=block)


@require_safe
def commboost(request: SignedInHttpRequest, tag: str = "") -> HttpResponse:
    """All inboxes, or the one with this tag."""
    return show(request, Listing.of(request, tag), block="listing")


@require_POST
def mark_read(request: SignedInHttpRequest) -> HttpResponse:
    """Mark the picked conversations (`ids`) read or unread, and go back to the list (`next`)."""
    require(request.actor, "emails.edit")
    ids = [int(one) for one in request.POST.getlist("ids") if one.isdecimal() and len(one) < 19]
    actions.mark_threads_read(request.actor, ids, is_read=request.POST.get("is_read") == "1")
    # htmx follows by itself, and asks for the list alone there too.
    return redirect(local_path(request, request.POST.get("next", "")) or reverse("mail:commboost"))
