"""Pages of the own address: confirming it by a mailed link, and changing it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from convergio.accounts import email_address
from convergio.accounts.client import client_of
from convergio.accounts.errors import InvalidField, InvalidLink
from convergio.accounts.forms import typed
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.settings_views import profile_page
from convergio.core.errors import TooMany
from convergio.core.render import render


@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """The mailed link. Opening it changes nothing, because mail scanners open links too; its button does."""
    token = request.GET.get("token", "")
    context = {"link": email_address.peek(token), "state": "ask"}
    if request.method == "POST":
        try:
            done = email_address.confirm(token, client=client_of(request))
        except InvalidLink:
            return render(request, "accounts/verify.html", {**context, "link": None}, status=400)
        context["state"] = "done" if done else "half"
    status = 200 if context["link"] else 400
    return render(request, "accounts/verify.html", context, status=status)


@require_POST
def send_verification(request: SignedInHttpRequest) -> HttpResponse:
    try:
        email_address.ask_for_verification(request.actor, client=client_of(request))
    except TooMany as error:
        return profile_page(request, errors={"email": error.message}, status=429)
    return redirect("/dashboard/settings/profile?done=verify")


@require_POST
def change_email(request: SignedInHttpRequest) -> HttpResponse:
    try:
        email_address.request_change(request.actor, email=typed(request, "email"), client=client_of(request))
    except InvalidField as error:
        return profile_page(request, errors={error.field: error.message}, status=422)
    except TooMany as error:
        return profile_page(request, errors={"email": error.message}, status=429)
    return redirect("/dashboard/settings/profile?done=email")
