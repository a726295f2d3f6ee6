"""The page behind a mailed invitation: for who is signed in as its address, as another, or not yet known."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from convergio.accounts import cookies, credentials, invitation_actions, invitations, workspace_actions
from convergio.accounts.actor import Actor
from convergio.accounts.client import client_of
from convergio.accounts.errors import EmailTaken, InvalidField
from convergio.accounts.forms import AFTER_SIGN_IN, typed
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.workspace_errors import InvalidInvitation, OtherAddress
from convergio.core.render import render
from convergio.core.tenancy import set_scope


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("token", "password")
def invite(request: HttpRequest) -> HttpResponse:
    """Who invites whom to what; posting name and password makes the account of the invited address."""
    if request.method != "POST":
        return _invite_page(request, request.GET.get("token", ""))
    token = typed(request, "token")
    try:
        entry = invitation_actions.register_invited(
            token=token,
            name=typed(request, "name"),
            password=typed(request, "password"),
            kind="browser",
            client=client_of(request),
        )
    except InvalidField as error:
        return _invite_page(request, token, errors={error.field: error.message}, status=422)
    except InvalidInvitation:
        return _invite_page(request, token, status=400)
    except EmailTaken as error:
        return _invite_page(request, token, errors={"form": error.message}, status=409)
    response = redirect(AFTER_SIGN_IN)
    cookies.keep_session(request, response, entry.tokens)
    return response


@require_POST
@sensitive_post_parameters("token")
def accept(request: SignedInHttpRequest) -> HttpResponse:
    """Join as who is signed in, and go there."""
    token = typed(request, "token")
    try:
        joined = invitation_actions.accept_invitation(request.actor, token=token)
    except InvalidInvitation:
        return _invite_page(request, token, status=400)
    except OtherAddress as error:
        return _invite_page(request, token, errors={"form": error.message}, status=403)
    workspace_actions.switch_workspace(request.actor, joined)
    return redirect(AFTER_SIGN_IN)


def _visitor(request: HttpRequest) -> Actor | None:
    """Who is signed in here: on a page for everybody nobody has looked yet."""
    credential = credentials.credential_of(request)
    if credential is None:
        return None
    with transaction.atomic():
        found = credentials.open_scope(credential)
        set_scope(None)
    return found.actor if found else None


def _invite_page(
    request: HttpRequest, token: str, *, errors: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    visitor = getattr(request, "actor", None) or _visitor(request)
    context = {
        "invited": invitations.peek(token),
        "visitor_email": visitor.email if visitor else "",
        "token": token,
        "may_register": settings.SIGNUP != "closed",
        "values": {"name": typed(request, "name")},
        "errors": errors or {},
    }
    return render(request, "accounts/invite.html", context, status=status)
