"""Pages of two-step sign-in under Settings, and the page that asks once more who one is. They work without script."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from markupsafe import Markup

from convergio.accounts import backup_codes, cookies, passkeys, two_factor, two_factor_actions
from convergio.accounts.client import client_of
from convergio.accounts.errors import (
    CodeRequired,
    InvalidField,
    NoSetup,
    TwoFactorOff,
    WrongCode,
    WrongPassword,
)
from convergio.accounts.forms import AFTER_SIGN_IN, local_path, typed, with_next
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.errors import AppError, TooMany
from convergio.core.render import render
from convergio.core.tenancy import workspace_scope

_SECURITY = "/dashboard/settings/security"
_SETUP = f"{_SECURITY}/2fa/setup"
_REFUSED = (WrongPassword, WrongCode, CodeRequired, InvalidField, TooMany)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "code")
def confirm(request: SignedInHttpRequest) -> HttpResponse:
    """Ask for the password, and for the code when two-step sign-in is on; then back to where it was needed."""
    if request.method != "POST":
        return _confirm_page(request, request.GET.get("next", ""))
    next_path = typed(request, "next")
    try:
        tokens = two_factor_actions.confirm(request.actor, **_proof(request))
    except _REFUSED as error:
        return _confirm_page(request, next_path, error)
    response = redirect(local_path(request, next_path) or AFTER_SIGN_IN)
    cookies.renew_session(response, tokens)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def setup(request: SignedInHttpRequest) -> HttpResponse:
    """Show the QR code of the app that is being set up; a POST makes a new one. Both ask for a fresh sign-in."""
    if not request.actor.is_fresh:
        return redirect(with_next("/confirm", _SETUP))
    if request.method == "POST":
        two_factor_actions.begin_setup(request.actor)
        return redirect(_SETUP)
    return _setup_page(request)


@require_POST
@sensitive_post_parameters("code")
def verify(request: SignedInHttpRequest) -> HttpResponse:
    """The first code of the app: two-step sign-in is on, and the recovery codes are shown this once."""
    actor = request.actor
    try:
        enabled = two_factor_actions.finish_setup(
            actor, code=typed(request, "code"), client=client_of(request)
        )
    except (WrongCode, TooMany) as error:
        with workspace_scope(actor.workspace_id):
            return _setup_page(request, error)
    except NoSetup:
        return redirect(_SETUP)
    if enabled.backup_codes:
        response = _codes_page(request, enabled.backup_codes, first=True)
    else:
        response = redirect(f"{_SECURITY}?done=two_factor_replaced")
    cookies.renew_session(response, enabled.tokens)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "code")
def disable(request: SignedInHttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _proof_page(request, "accounts/two_factor_disable.html")
    try:
        tokens = two_factor_actions.disable(request.actor, **_proof(request))
    except _REFUSED as error:
        return _proof_page(request, "accounts/two_factor_disable.html", error)
    except TwoFactorOff:
        return redirect(_SECURITY)
    response = redirect(f"{_SECURITY}?done=two_factor_off")
    cookies.renew_session(response, tokens)
    cookies.drop(response, "trusted")
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "code")
def make_backup_codes(request: SignedInHttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _proof_page(request, "accounts/backup_codes_make.html")
    try:
        codes = two_factor_actions.make_backup_codes(request.actor, **_proof(request))
    except _REFUSED as error:
        return _proof_page(request, "accounts/backup_codes_make.html", error)
    except TwoFactorOff:
        return redirect(_SECURITY)
    return _codes_page(request, codes)


@require_POST
def remove_trusted_device(request: SignedInHttpRequest, device_id: int) -> HttpResponse:
    two_factor_actions.remove_trusted_device(request.actor, device_id, client=client_of(request))
    return redirect(f"{_SECURITY}?done=device")


def _proof(request: SignedInHttpRequest) -> dict[str, Any]:
    """What the form says about who one is: password, and either kind of code in one field."""
    code = two_factor.either(typed(request, "code"))
    return {"password": typed(request, "password"), "typed": code, "client": client_of(request)}


def _confirm_page(
    request: SignedInHttpRequest, next_path: str, error: AppError | None = None
) -> HttpResponse:
    context = {
        "next": local_path(request, next_path),
        "email": request.actor.email,
        "needs_code": two_factor.is_on(request.actor.require_user()),
        "passkeys_at": "/confirm/passkey" if passkeys.may_use(request.actor) else "",
        "errors": _errors(error),
    }
    return _told(render(request, "accounts/confirm.html", context), error)


def _setup_page(request: SignedInHttpRequest, error: AppError | None = None) -> HttpResponse:
    waiting = two_factor_actions.pending_setup(request.actor)
    context = {
        "setup": waiting,
        "qr": Markup(waiting.qr_svg) if waiting else "",  # noqa: S704 (made by segno from an address of ours)
        "enabled": two_factor.state(request.actor).enabled,
        "errors": _errors(error),
    }
    return _told(render(request, "accounts/two_factor_setup.html", context), error)


def _proof_page(request: SignedInHttpRequest, template: str, error: AppError | None = None) -> HttpResponse:
    """These pages have no transaction around them; the frame's counts are read in a scope of their own."""
    with workspace_scope(request.actor.workspace_id):
        state = two_factor.state(request.actor)
        if not state.enabled:
            return redirect(_SECURITY)
        page = render(request, template, {"two_factor": state, "errors": _errors(error)})
    return _told(page, error)


def _codes_page(request: SignedInHttpRequest, codes: list[str], *, first: bool = False) -> HttpResponse:
    text = backup_codes.as_file(codes, account=request.actor.email)
    context = {"codes": codes, "download": f"data:text/plain;charset=utf-8,{quote(text)}", "first": first}
    with workspace_scope(request.actor.workspace_id):
        return render(request, "accounts/backup_codes.html", context)


def _errors(error: AppError | None) -> dict[str, str]:
    """The sentence under the field that it is about."""
    if error is None:
        return {}
    on_code = isinstance(error, WrongCode | CodeRequired)
    return {"code" if on_code else "password": error.message}


def _told(page: HttpResponse, error: AppError | None) -> HttpResponse:
    if isinstance(error, TooMany):
        page.status_code = 429
        page.headers["Retry-After"] = str(error.retry_after)
    elif error is not None:
        page.status_code = 422
    return page
