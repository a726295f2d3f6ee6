"""The page's side of passkeys: js/passkey.js speaks JSON with the first four, plain forms use the others."""

from __future__ import annotations

from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from convergio.accounts import cookies, passkey_entrance, passkeys
from convergio.accounts.client import client_of
from convergio.accounts.forms import AFTER_SIGN_IN, local_path, typed
from convergio.accounts.requests import SignedInHttpRequest
from convergio.accounts.sessions import Tokens
from convergio.core.errors import InvalidInput, TooLarge
from convergio.core.rest import json_answer

_LARGEST_ANSWER = 64 * 1024


class _Posted(msgspec.Struct):
    """The browser's answer, as the passkey's toJSON() writes it."""

    ceremony: str
    answer: dict[str, Any]
    next: str = ""


@require_POST
def sign_in_options(_request: HttpRequest) -> HttpResponse:
    return json_answer(passkey_entrance.begin_sign_in())


@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    posted = _read(request)
    entry = passkey_entrance.sign_in(
        ceremony=posted.ceremony, answer=posted.answer, kind="browser", client=client_of(request)
    )
    return _go_on(request, entry.tokens, posted.next)


@require_POST
def confirm_options(request: SignedInHttpRequest) -> HttpResponse:
    return json_answer(passkey_entrance.begin_confirmation(request.actor))


@require_POST
def confirm(request: SignedInHttpRequest) -> HttpResponse:
    posted = _read(request)
    tokens = passkey_entrance.confirm(
        request.actor, ceremony=posted.ceremony, answer=posted.answer, client=client_of(request)
    )
    return _go_on(request, tokens, posted.next)


@require_POST
def rename(request: SignedInHttpRequest, passkey_id: int) -> HttpResponse:
    passkeys.rename_passkey(request.actor, passkey_id, name=typed(request, "name"))
    return redirect("/dashboard/settings/security?done=passkey_named")


@require_POST
def remove(request: SignedInHttpRequest, passkey_id: int) -> HttpResponse:
    passkeys.remove_passkey(request.actor, passkey_id, client=client_of(request))
    return redirect("/dashboard/settings/security?done=passkey_removed")


def section(request: SignedInHttpRequest) -> dict[str, Any]:
    """What accounts/passkeys.html shows on the page of sign-in settings."""
    return {
        "held": passkeys.list_passkeys(request.actor),
        "unavailable": passkeys.why_unavailable(),
        "most": passkeys.MOST,
    }


def _read(request: HttpRequest) -> _Posted:
    if len(request.body) > _LARGEST_ANSWER:
        raise TooLarge("too_large", "A passkey's answer is smaller than 64 kB.")
    try:
        return msgspec.json.decode(request.body, type=_Posted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidInput("invalid_request", "This request cannot be read.") from None


def _go_on(request: HttpRequest, tokens: Tokens, next_path: str) -> HttpResponse:
    """Set the session cookie, and tell the page where the person wanted to go."""
    response = json_answer({"next": local_path(request, next_path) or AFTER_SIGN_IN})
    cookies.keep_session(request, response, tokens)
    return response
