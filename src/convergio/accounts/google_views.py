"""The trips to Google and back. Google sends people back to the address where their trip began, plus /callback."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from convergio.accounts import cookies, credentials, google
from convergio.accounts.actor import Actor
from convergio.accounts.client import client_of
from convergio.accounts.forms import AFTER_SIGN_IN, local_path
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.render import render
from convergio.core.tenancy import set_scope

CALLBACK = "/login/google/callback"
_SETTINGS = "/dashboard/settings/security"
_SECOND_STEP = "/login/code"


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    return leave(request, callback=CALLBACK)


@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    return arrive(request)


def leave(request: HttpRequest, *, callback: str) -> HttpResponse:
    """Send the browser to Google; `next` is where the person wanted to go."""
    wanted = local_path(request, request.GET.get("next", ""))
    address, token = google.begin_sign_in(callback=callback, next_path=wanted)
    response = HttpResponse(status=302, headers={"Location": address})
    cookies.keep(response, "step", token)
    return response


def arrive(request: HttpRequest) -> HttpResponse:
    """Let in who comes back from Google, ask for their second step, or link them."""
    arrival = google.finish(
        cookies.read(request, "step"), request.GET.dict(), actor=_actor_of(request), client=client_of(request)
    )
    if arrival.second_step:
        wanted = urlencode({"next": arrival.next}) if arrival.next else ""
        response = redirect(f"{_SECOND_STEP}?{wanted}" if wanted else _SECOND_STEP)
        cookies.keep(response, "step", arrival.second_step)
        return response
    if arrival.entry is None:
        response = redirect(f"{_SETTINGS}?done=google_linked")
    else:
        response = redirect(local_path(request, arrival.next) or AFTER_SIGN_IN)
        cookies.keep_session(request, response, arrival.entry.tokens)
    cookies.drop(response, "step")
    return response


@require_POST
def link(request: SignedInHttpRequest) -> HttpResponse:
    address, token = google.begin_link(request.actor, callback=CALLBACK)
    response = render(request, "accounts/google_leave.html", {"address": address})
    cookies.keep(response, "step", token)
    return response


@require_POST
def unlink(request: SignedInHttpRequest) -> HttpResponse:
    google.unlink(request.actor, client=client_of(request))
    return redirect(f"{_SETTINGS}?done=google_unlinked")


def section(request: SignedInHttpRequest) -> dict[str, Any]:
    """What accounts/google.html shows on the page of sign-in settings; nothing while Google is off."""
    if not settings.GOOGLE_CLIENT_ID:
        return {}
    found = google.linked(request.actor)
    return {"email": found.email if found else "", "last_used_at": found.last_used_at if found else None}


def _actor_of(request: HttpRequest) -> Actor | None:
    """Who is signed in in this browser: the way back from Google is a public path, where nobody looked yet."""
    credential = credentials.credential_of(request)
    if credential is None or credential.kind != "browser":
        return None
    with transaction.atomic():
        found = credentials.open_scope(credential)
        set_scope(None)
    return found.actor if found else None
