"""Who comes into the back office: staff, signed in with a second factor; for changes, a moment ago."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase

from convergio.accounts.models import User
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.errors import Forbidden, NotFound
from convergio.site import errors
from convergio.site.access import SAFE_METHODS

HOME = "/admin"


class Notes(CookieStorage):
    """What the admin says on its next page, signed, in a cookie of the back office."""

    cookie_name = "__Host-convergio_notes" if settings.HTTPS else "convergio_notes"


class TwoStepRequired(Forbidden):
    """Staff whose session came without a second factor."""

    def __init__(self) -> None:
        super().__init__(
            "two_step_required",
            "The back office takes two-step sign-in: set it up under Settings, Sign-in, then sign in with it.",
        )


class BackOffice(MessageMiddleware):
    """Guards /admin, and gives its requests the user and the notes that Django's admin works with.

    It decides when the view is known, after the CSRF token was checked. Other requests are not touched.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Nothing yet."""

    def process_view(
        self,
        request: HttpRequest,
        _view: Callable[..., Any],
        _arguments: tuple[Any, ...],
        _named: dict[str, Any],
    ) -> HttpResponseBase | None:
        if not is_back_office(request.path_info):
            return None
        refusal = _refuse(cast(SignedInHttpRequest, request))
        if refusal is None:
            request._messages = Notes(request)  # type: ignore[attr-defined]  # noqa: SLF001 - where Django keeps it
        return refusal


def is_back_office(path: str) -> bool:
    """Whether the path is /admin or below it."""
    return path == HOME or path.startswith(f"{HOME}/")


def _refuse(request: SignedInHttpRequest) -> HttpResponseBase | None:
    """The answer to who may not come in; else None, with `request.user` set."""
    user = User.objects.filter(id=request.actor.require_user(), is_staff=True, is_active=True).first()
    if user is None or not request.by_cookie:
        return errors.respond(request, NotFound("page"))
    if not request.actor.has_second_factor:
        return errors.respond(request, TwoStepRequired())
    if request.method not in SAFE_METHODS and not request.actor.is_fresh:
        return HttpResponseRedirect(f"/confirm?{urlencode({'next': request.path})}")
    request.user = user
    return None
