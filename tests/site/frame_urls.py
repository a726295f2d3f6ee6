"""The product's URL map, with placeholders for routes that the frame of every page links to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, URLPattern, URLResolver, include, path, reverse

from convergio.site.urls import urlpatterns as product


def _placeholder(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=204)


_LINKED = {
    "site": [
        path("dashboard", _placeholder, name="dashboard"),
        path("nav", _placeholder, name="nav"),
    ],
    "mail": [
        path("dashboard/commboost", _placeholder, name="commboost"),
        path("dashboard/settings/inboxes", _placeholder, name="inboxes"),
    ],
    "work": [path("dashboard/workboost", _placeholder, name="board")],
}


def _missing(namespace: str) -> bool:
    try:
        reverse(f"{namespace}:{_LINKED[namespace][0].name}", urlconf="convergio.site.urls")
    except NoReverseMatch:
        return True
    return False


urlpatterns: list[URLPattern | URLResolver] = [
    *product,
    *(path("", include((routes, name))) for name, routes in _LINKED.items() if _missing(name)),
]
