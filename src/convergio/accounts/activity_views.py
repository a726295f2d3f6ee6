"""Settings, Activity: who did what, by person, kind and dates."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_http_methods

from convergio.accounts import activity_queries, activity_words
from convergio.accounts.activity_api import activity_file, wanted_lines
from convergio.accounts.activity_queries import ActivityFilter
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.errors import InvalidInput
from convergio.core.paging import Page
from convergio.core.render import render

_FILTERS = ("kind", "who", "from", "to")


@require_http_methods(["GET", "HEAD"])
def list_activity(request: SignedInHttpRequest) -> HttpResponse:
    actor, errors = request.actor, {}
    try:
        wanted = _wanted(request)
    except InvalidInput as error:
        wanted, errors = ActivityFilter(), {str(error.facts["field"]): error.message}
    found = activity_queries.list_activity(actor, wanted, Page.of(cursor=_number(request, "before")))
    context = {
        "lines": [(row, activity_words.actor_name(row), activity_words.sentence(row)) for row in found.rows],
        "next_cursor": found.next_cursor,
        "members": activity_queries.list_members(actor) if activity_queries.sees_all(actor) else [],
        "kinds": activity_words.KINDS.items(),
        "values": {name: request.GET.get(name, "") for name in _FILTERS},
        "is_first": "before" not in request.GET,
        "errors": errors,
    }
    return render(request, "accounts/activity.html", context, status=422 if errors else 200)


@require_http_methods(["GET", "HEAD"])
def download(request: SignedInHttpRequest) -> StreamingHttpResponse:
    return activity_file(request.actor, _wanted(request))


def _wanted(request: SignedInHttpRequest) -> ActivityFilter:
    """Raises InvalidInput."""
    return wanted_lines(
        request.actor,
        action=request.GET.get("kind", ""),
        user=_number(request, "who"),
        bounds=(request.GET.get("from", ""), request.GET.get("to", "")),
    )


def _number(request: SignedInHttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
