"""Headers of every answer. A view that sets a policy of its own (a mail's frame, a download) keeps it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from convergio.accounts.requests import SignedInHttpRequest
from convergio.site.access import is_api

_PAGE_POLICY = (
    "default-src 'self'; script-src 'self'{more}; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
    "font-src 'self' data:; frame-src 'self'{more}; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# Should a browser show such an answer as a page, it has no scripts, no origin and loads nothing.
_API_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
# What no page of ours uses; the passkey ceremonies belong to this origin alone.
_DENIED = (
    "accelerometer", "autoplay", "camera", "display-capture", "encrypted-media", "fullscreen", "geolocation",
    "gyroscope", "magnetometer", "microphone", "midi", "payment", "picture-in-picture", "screen-wake-lock", "usb",
    "xr-spatial-tracking",
)  # fmt: skip
_OWN = ("publickey-credentials-get", "publickey-credentials-create")
_YEAR = 31_536_000


def permissions_policy() -> str:
    """The Permissions-Policy header's value."""
    return ", ".join([*(f"{name}=()" for name in _DENIED), *(f"{name}=(self)" for name in _OWN)])


def page_policy(nonce: str, origins: tuple[str, ...] = ()) -> str:
    """The Content-Security-Policy of a page; `origins` are those that core.render.let_in names."""
    return _PAGE_POLICY.format(nonce=nonce, more="".join(f" {origin}" for origin in origins))


def transport_policy() -> str:
    """Strict-Transport-Security: a year, and the host's subdomains unless the operator serves some without https."""
    return f"max-age={_YEAR}" + ("; includeSubDomains" if settings.HSTS_SUBDOMAINS else "")


class SecurityHeaders:
    """The outermost middleware, so that refusals and static files have the headers too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.fixed = {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Permissions-Policy": permissions_policy(),
        }
        if settings.HTTPS:
            self.fixed["Strict-Transport-Security"] = transport_policy()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        nonce = ""
        if not is_api(request.path_info):
            nonce = secrets.token_urlsafe(16)
            cast(SignedInHttpRequest, request).csp_nonce = nonce
        response = self.get_response(request)
        headers = response.headers
        for name, value in self.fixed.items():
            headers[name] = value
        origins: tuple[str, ...] = getattr(response, "let_in", ())
        if "Content-Security-Policy" not in headers:
            headers["Content-Security-Policy"] = page_policy(nonce, origins) if nonce else _API_POLICY
        # Of a payment page a bank's window reports back to the window that opened it.
        headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups" if origins else "same-origin"
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Cache-Control", "private, no-store")
        return response
