"""Google sign-in under the API's addresses, for programs that send a browser there.

The start leads to Google; the callback sets the session cookie and leads to `next`, as /login/google/callback does.
Only refusals are JSON. Where both starts are used, both callbacks must be registered at Google.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router

from convergio.accounts import google_views

router = Router(tags=["auth"])
_PATH = "/auth/google"


@router.get(_PATH, auth=None, response={302: None}, summary="Go to Google to sign in")
def start(request: HttpRequest, next: str = "") -> HttpResponse:  # noqa: A002, ARG001 - read from the request
    return google_views.leave(request, callback=f"/api{_PATH}/callback")


@router.get(f"{_PATH}/callback", auth=None, response={302: None}, summary="Come back from Google")
def callback(request: HttpRequest, state: str = "", code: str = "") -> HttpResponse:  # noqa: ARG001 - as above
    return google_views.arrive(request)
