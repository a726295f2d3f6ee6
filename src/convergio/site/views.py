"""Pages that belong to no domain."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from convergio.core.errors import Forbidden
from convergio.core.render import render
from convergio.site import errors


@require_safe
def root(request: HttpRequest) -> HttpResponse:
    """People go to their dashboard; probes and programs hear that somebody is here."""
    if request.accepts("text/html") and "text/html" in request.headers.get("Accept", ""):
        return redirect("/dashboard")
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    """Swagger UI over /api/openapi.json."""
    return render(request, "site/api_docs.html")


@require_safe
def nav(request: HttpRequest) -> HttpResponse:
    """The main menu with its counts, for pages that heard of a change; they say where they are."""
    context = {"section": request.GET.get("section", ""), "inbox": request.GET.get("inbox", "")}
    return render(request, "site/base.html", context, block="counts")


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Django's CSRF_FAILURE_VIEW; the reason is for developers and is not shown."""
    sentence = "This page was open for too long; reload it and try again."
    return errors.respond(request, Forbidden("csrf_failed", sentence))
