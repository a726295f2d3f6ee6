"""Whole pages for a visit, one block of the same template for an htmx request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template import engines
from django.template.backends.jinja2 import Jinja2
from django.utils.cache import patch_vary_headers
from django.utils.html import format_html
from jinja2_fragments import render_blocks
from markupsafe import escape

_CSRF_FIELD = '<input type="hidden" name="csrfmiddlewaretoken" value="{}">'


class Late:
    """Text that is made when a template first writes it out. Django's lazy objects cost ten times as much to write."""

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    def __html__(self) -> str:
        return escape(self._text)

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        return self._make()


def wants_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part of the page. Boosted links and going back in history want all of it."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and not (
        headers.get("HX-Boosted") or headers.get("HX-History-Restore-Request")
    )


def page_context(request: HttpRequest, backend: Jinja2, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every template may use: the request, CSRF field, context processors', the view's.

    Masking a token costs a tenth of a page of mail; all forms of a page share one.
    """
    token = cache(lambda: get_token(request))
    full: dict[str, Any] = {
        "request": request,
        "csrf_input": Late(lambda: format_html(_CSRF_FIELD, token())),
        "csrf_token": Late(token),
    }
    for processor in backend.template_context_processors:
        full.update(processor(request))
    return {**full, **context}


def render(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    block: str | Sequence[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render `template`; for an htmx request only `block`, or each of several for out-of-band swaps.

    The template then finds `fragment` true, to mark what is swapped out of band.
    Raises jinja2.TemplateNotFound, jinja2.UndefinedError, jinja2_fragments.BlockNotFoundError.
    """
    backend = cast(Jinja2, engines["jinja2"])
    fragment = bool(block) and wants_fragment(request)
    full = page_context(request, backend, {"fragment": fragment, **(context or {})})
    if block and fragment:
        names = [block] if isinstance(block, str) else list(block)
        text = render_blocks(backend.env, template, names, full)
    else:
        text = backend.env.get_template(template).render(full)
    response = HttpResponse(text, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def let_in(response: HttpResponse, origins: Sequence[str]) -> None:
    """Allow this one page to load scripts from these origins, which may open frames and windows of their own.

    site.security_headers writes it into the page's policy.
    """
    response.let_in = tuple(origins)  # type: ignore[attr-defined]
