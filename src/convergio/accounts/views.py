"""Pages of sign-in: login and its second step, registration, password reset. They work without script."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from convergio.accounts import (
    actions,
    cookies,
    entrance,
    passkeys,
    password_reset,
    sign_in,
    steps,
    two_factor,
)
from convergio.accounts.client import client_of
from convergio.accounts.entrance import Entry
from convergio.accounts.errors import (
    EmailTaken,
    InvalidCode,
    InvalidField,
    InvalidLink,
    SignUpClosed,
    StepEnded,
    TwoFactorRequired,
    WrongCredentials,
)
from convergio.accounts.forms import AFTER_SIGN_IN, local_path, typed, with_next
from convergio.accounts.limits import write_limit
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.trusted_devices import TRUST_LIFE
from convergio.core.errors import AppError, TooMany
from convergio.core.render import render


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def login(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _login_page(request, next_path=request.GET.get("next", ""))
    email, next_path = typed(request, "email"), typed(request, "next")
    try:
        entry = sign_in.sign_in(
            email=email,
            password=typed(request, "password"),
            kind="browser",
            client=client_of(request),
            trusted=cookies.read(request, "trusted"),
        )
    except TwoFactorRequired as error:
        response = redirect(with_next("/login/code", local_path(request, next_path)))
        cookies.keep(response, "step", steps.begin_step("second_step", user_id=error.user_id))
        return response
    except (WrongCredentials, InvalidField, TooMany) as error:
        return _told(_login_page(request, email=email, next_path=next_path, error=error), error)
    return _enter(request, entry, next_path)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("code")
def login_code(request: HttpRequest) -> HttpResponse:
    """The second step: the browser's cookie says that the password was right."""
    step = cookies.read(request, "step")
    if request.method != "POST":
        return _code_page(request, ended=sign_in.user_of_step(step) is None)
    try:
        entry = sign_in.finish_sign_in(
            step=step,
            typed=two_factor.either(typed(request, "code")),
            trust=typed(request, "trust") == "on",
            client=client_of(request),
        )
    except (InvalidCode, TooMany) as error:
        return _told(_code_page(request, error=error), error)
    except StepEnded as error:
        page = _told(_code_page(request, ended=True), error)
        cookies.drop(page, "step")
        return page
    response = _enter(request, entry, typed(request, "next"))
    cookies.drop(response, "step")
    return response


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
    return _enter(request, entry, AFTER_SIGN_IN)


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
    request: HttpRequest, *, email: str = "", next_path: str = "", error: AppError | None = None
) -> HttpResponse:
    context = {
        "values": {"email": email, "next": local_path(request, next_path)},
        "error": error.message if error else "",
        "may_register": settings.SIGNUP == "open",
        "passkeys_at": "" if passkeys.why_unavailable() else "/login/passkey",
        "google": bool(settings.GOOGLE_CLIENT_ID),
    }
    return render(request, "accounts/login.html", context)


def _code_page(request: HttpRequest, *, error: AppError | None = None, ended: bool = False) -> HttpResponse:
    asked = request.POST if request.method == "POST" else request.GET
    context = {
        "next": local_path(request, str(asked.get("next", ""))),
        "by_backup_code": asked.get("with") == "recovery",
        "trust": typed(request, "trust") == "on",
        "error": error.message if error else "",
        "ended": ended,
    }
    return render(request, "accounts/login_code.html", context)


def _told(page: HttpResponse, error: AppError) -> HttpResponse:
    """A page that shows a refusal, with its status and how many tries are left."""
    page.status_code = 429 if isinstance(error, TooMany) else 422 if isinstance(error, InvalidField) else 401
    if isinstance(error, TooMany):
        page.headers["Retry-After"] = str(error.retry_after)
    write_limit(page, error.limit)
    return page


def _register_page(
    request: HttpRequest, *, errors: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    values = {"name": typed(request, "name"), "email": typed(request, "email")}
    return render(
        request, "accounts/register.html", {"values": values, "errors": errors or {}}, status=status
    )


def _errors(error: InvalidField) -> dict[str, str]:
    return {error.field: error.message}


def _enter(request: HttpRequest, entry: Entry, next_path: str) -> HttpResponse:
    """Set the session cookie, and go where the person wanted to."""
    response = redirect(local_path(request, next_path) or AFTER_SIGN_IN)
    cookies.keep_session(request, response, entry.tokens)
    if entry.trust:
        cookies.keep(response, "trusted", entry.trust, life=TRUST_LIFE)
    write_limit(response, entry.limit)
    return response
