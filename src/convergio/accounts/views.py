"""Pages of sign-in: login, registration, password reset. They work without script."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from convergio.accounts import actions, cookies, entrance, passkeys, password_reset
from convergio.accounts.client import client_of
from convergio.accounts.errors import EmailTaken, InvalidField, InvalidLink, SignUpClosed, WrongCredentials
from convergio.accounts.forms import AFTER_SIGN_IN, local_path, typed
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.sessions import Tokens
from convergio.core.errors import TooMany
from convergio.core.render import render


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def login(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _login_page(request, next_path=request.GET.get("next", ""))
    email, next_path = typed(request, "email"), typed(request, "next")
    try:
        entry = entrance.sign_in(
            email=email, password=typed(request, "password"), kind="browser", client=client_of(request)
        )
    except WrongCredentials as error:
        return _login_page(request, email=email, next_path=next_path, error=error.message, status=401)
    except TooMany as error:
        page = _login_page(request, email=email, next_path=next_path, error=error.message, status=429)
        page.headers["Retry-After"] = str(error.retry_after)
        return page
    return _enter(request, entry.tokens, next_path)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def register(request: HttpRequest) -> HttpResponse:
    if settings.SIGNUP != "open":
        raise SignUpClosed("This installation takes no registrations; ask a member for an account.")
    if request.method != "POST":
        return _register_page(request)
    try:
        entry = entrance.sign_up(
            email=typed(request, "email"),
            password=typed(request, "password"),
            name=typed(request, "name"),
            kind="browser",
            client=client_of(request),
        )
    except InvalidField as error:
        return _register_page(request, errors={error.field: error.message}, status=422)
    except EmailTaken as error:
        return _register_page(request, errors={"email": error.message}, status=409)
    except TooMany as error:
        return _register_page(request, errors={"form": error.message}, status=429)
    return _enter(request, entry.tokens, AFTER_SIGN_IN)


@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest) -> HttpResponse:
    values = {"email": typed(request, "email")}
    if request.method != "POST":
        return render(request, "accounts/reset.html", {"values": values, "errors": {}, "sent": False})
    try:
        actions.request_password_reset(email=values["email"], client=client_of(request))
    except TooMany as error:
        context = {"values": values, "errors": {"email": error.message}, "sent": False}
        return render(request, "accounts/reset.html", context, status=429)
    return render(request, "accounts/reset.html", {"values": values, "errors": {}, "sent": True})


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def reset_confirm(request: HttpRequest) -> HttpResponse:
    token = request.GET.get("token", "")
    template = "accounts/reset_confirm.html"
    if request.method != "POST":
        return render(request, template, {"valid": password_reset.link_works(token), "errors": {}})
    try:
        actions.reset_password(token=token, password=typed(request, "password"), client=client_of(request))
    except InvalidField as error:
        return render(request, template, {"valid": True, "errors": _errors(error)}, status=422)
    except InvalidLink:
        return render(request, template, {"valid": False, "errors": {}}, status=400)
    return redirect("accounts:login")


@require_POST
def logout(request: SignedInHttpRequest) -> HttpResponse:
    entrance.sign_out(request.actor)
    response = redirect("accounts:login")
    cookies.drop_session(response)
    return response


def _login_page(
    request: HttpRequest, *, email: str = "", next_path: str = "", error: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "values": {"email": email, "next": local_path(request, next_path)},
        "error": error,
        "needs_code": False,
        "may_register": settings.SIGNUP == "open",
        "passkeys_at": "" if passkeys.why_unavailable() else "/login/passkey",
        "google": bool(settings.GOOGLE_CLIENT_ID),
    }
    return render(request, "accounts/login.html", context, status=status)


def _register_page(
    request: HttpRequest, *, errors: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    values = {"name": typed(request, "name"), "email": typed(request, "email")}
    return render(
        request, "accounts/register.html", {"values": values, "errors": errors or {}}, status=status
    )


def _errors(error: InvalidField) -> dict[str, str]:
    return {error.field: error.message}


def _enter(request: HttpRequest, tokens: Tokens, next_path: str) -> HttpResponse:
    """Set the session cookie, and go where the person wanted to."""
    response = redirect(local_path(request, next_path) or AFTER_SIGN_IN)
    cookies.keep_session(request, response, tokens)
    return response
