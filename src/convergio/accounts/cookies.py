"""The cookies of sign-in. Secure and `__Host-` follow the scheme of CONVERGIO_PUBLIC_URL, never the bind address."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token

from convergio.accounts.sessions import Tokens, browser_life
from convergio.accounts.steps import STEP_LIFE

# step: something begun that this browser must finish. trusted: this browser may skip the second factor for a while.
Extra = Literal["step", "trusted"]


def name_of(extra: Extra) -> str:
    """The cookie's full name."""
    return f"{settings.SESSION_COOKIE_NAME}_{extra}"


def read(request: HttpRequest, extra: Extra) -> str:
    """The cookie's value, empty when it is not there."""
    return request.COOKIES.get(name_of(extra), "")


def keep(response: HttpResponse, extra: Extra, value: str, *, life: timedelta = STEP_LIFE) -> None:
    """Give the browser a token to bring back."""
    _set(response, name_of(extra), value, life)


def drop(response: HttpResponse, extra: Extra) -> None:
    """Take the token back."""
    _delete(response, name_of(extra))


def keep_session(request: HttpRequest, response: HttpResponse, tokens: Tokens) -> None:
    """Set the session cookie, and a new CSRF token with it."""
    rotate_token(request)
    _set(response, settings.SESSION_COOKIE_NAME, tokens.access, browser_life())


def renew_session(response: HttpResponse, tokens: Tokens) -> None:
    """The same person's new token; the CSRF token stays, so that a form behind this page can still be sent."""
    _set(response, settings.SESSION_COOKIE_NAME, tokens.access, browser_life())


def drop_session(response: HttpResponse) -> None:
    """Take the session cookie back."""
    _delete(response, settings.SESSION_COOKIE_NAME)


def _set(response: HttpResponse, name: str, value: str, life: timedelta) -> None:
    response.set_cookie(
        name,
        value,
        max_age=int(life.total_seconds()),
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _delete(response: HttpResponse, name: str) -> None:
    """A browser ignores the deletion of a `__Host-` cookie that is not marked secure."""
    response.set_cookie(
        name,
        "",
        max_age=0,
        expires="Thu, 01 Jan 1970 00:00:00 GMT",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
