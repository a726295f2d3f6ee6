"""A person's own settings: profile, sign-in, API keys."""

from __future__ import annotations

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from convergio.accounts import actions, fields, queries
from convergio.accounts.client import client_of
from convergio.accounts.errors import InvalidField, WrongPassword
from convergio.accounts.forms import typed
from convergio.accounts.login_history import login_history_file
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.errors import TooMany
from convergio.core.render import render
from convergio.core.tenancy import workspace_scope

_PROFILE_FIELDS = ("name", "company", "phone", "timezone")
# What a page says after it sent the person back to itself, by the `done` of its address.
_DONE = {
    "saved": "Profile saved",
    "verify": "Link sent; look into your mail",
    "email": "Links sent; confirm the change at both addresses",
    "password": "Password changed; your other devices are signed out",
    "session": "Device signed out",
    "sessions": "All other devices signed out",
}


def _done(request: SignedInHttpRequest) -> str:
    return _DONE.get(request.GET.get("done", ""), "")


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SignedInHttpRequest) -> HttpResponse:
    if request.method != "POST":
        return profile_page(request)
    changes = {name: typed(request, name) for name in _PROFILE_FIELDS}
    try:
        actions.update_profile(request.actor, **changes)
    except InvalidField as error:
        return profile_page(request, typed_values=changes, errors={error.field: error.message}, status=422)
    return redirect("/dashboard/settings/profile?done=saved")


def profile_page(
    request: SignedInHttpRequest,
    *,
    typed_values: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page Profile, with what did not fit."""
    found = queries.profile(request.actor)
    context = {
        "profile": found,
        "values": typed_values or {name: getattr(found, name) for name in _PROFILE_FIELDS},
        "errors": errors or {},
        "new_email": typed(request, "email"),
        "timezones": [(name, name.replace("_", " ")) for name in fields.timezones()],
        "done": _done(request),
    }
    return render(request, "accounts/profile.html", context, status=status)


@require_http_methods(["GET", "HEAD"])
def security(request: SignedInHttpRequest) -> HttpResponse:
    return _security_page(request)


@require_http_methods(["GET", "HEAD"])
def login_history(request: SignedInHttpRequest) -> StreamingHttpResponse:
    return login_history_file(request.actor)


@require_POST
@sensitive_post_parameters("current_password", "new_password")
def change_password(request: SignedInHttpRequest) -> HttpResponse:
    current, new = typed(request, "current_password"), typed(request, "new_password")
    try:
        actions.change_password(request.actor, current=current, new=new, client=client_of(request))
    except InvalidField as error:
        return _refused_password(request, {error.field: error.message})
    except (WrongPassword, TooMany) as error:
        return _refused_password(request, {"current_password": error.message})
    return redirect("/dashboard/settings/security?done=password")


def _refused_password(request: SignedInHttpRequest, errors: dict[str, str]) -> HttpResponse:
    """The form again. The request has no transaction of its own, and the sidebar counts what the workspace has."""
    with workspace_scope(request.actor.workspace_id):
        return _security_page(request, errors=errors, status=422)


@require_POST
def revoke_session(request: SignedInHttpRequest, session_id: int) -> HttpResponse:
    actions.revoke_session(request.actor, session_id)
    return redirect("/dashboard/settings/security?done=session")


@require_POST
def revoke_other_sessions(request: SignedInHttpRequest) -> HttpResponse:
    actions.revoke_other_sessions(request.actor)
    return redirect("/dashboard/settings/security?done=sessions")


def _security_page(
    request: SignedInHttpRequest, *, errors: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "sessions": queries.list_sessions(request.actor),
        "history": queries.login_history(request.actor),
        "errors": errors or {},
        "done": _done(request),
    }
    return render(request, "accounts/security.html", context, status=status)
