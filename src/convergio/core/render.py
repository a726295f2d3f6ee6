"""Whole pages for a visit, one block of the same template for an htmx request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.backends.jinja2 import Jinja2
from django.template.backends.utils import csrf_input_lazy, csrf_token_lazy
from django.utils.cache import patch_vary_headers
from jinja2_fragments import render_blocks


def wants_fragment(request: HttpRequest) -> bool:
    """Tell whether htmx asks for a part of the page. Boosted links and going back in history want all of it."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and not (
        headers.get("HX-Boosted") or headers.get("HX-History-Restore-Request")
    )


def page_context(request: HttpRequest, backend: Jinja2, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every template may use: the request, CSRF field, context processors', the view's."""
    full: dict[str, Any] = {
        "request": request,
        "csrf_input": csrf_input_lazy(request),
        "csrf_token": csrf_token_lazy(request),
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
