"""Settings, API keys: the list, and making one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from convergio.accounts import api_key_queries, api_keys
from convergio.accounts.activity_queries import sees_all
from convergio.accounts.client import client_of
from convergio.accounts.errors import FreshSignInRequired, InvalidField
from convergio.accounts.forms import typed
from convergio.accounts.permissions import KEY_DOMAINS, SCOPES
from convergio.accounts.requests import SignedInHttpRequest
from convergio.core.clock import now
from convergio.core.errors import NotFound
from convergio.core.render import render

PAGE = "/dashboard/settings/api-keys"
# Days an API key may be made for; the empty choice is for ever.
LIVES = (("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"))


@require_http_methods(["GET", "HEAD", "POST"])
def list_keys(request: SignedInHttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    try:
        _, value = api_keys.create_api_key(
            request.actor,
            name=typed(request, "name"),
            client=client_of(request),
            scopes=_chosen(request, "scopes") if typed(request, "may") == "chosen" else None,
            inbox_ids=_inboxes(request) if typed(request, "reach") == "inboxes" else None,
            expires_at=_expiry(request),
        )
    except InvalidField as error:
        return _page(request, errors={error.field: error.message}, status=422)
    except NotFound as error:
        return _page(request, errors={"inbox_ids": error.message}, status=422)
    except FreshSignInRequired as error:
        return _page(request, stale=error.message, status=403)
    return _page(request, new_key=value)


@require_POST
def revoke(request: SignedInHttpRequest, key_id: int) -> HttpResponse:
    api_keys.revoke_api_key(request.actor, key_id, client=client_of(request))
    return redirect(f"{PAGE}?done=key")


def _page(
    request: SignedInHttpRequest,
    *,
    new_key: str = "",
    errors: dict[str, str] | None = None,
    stale: str = "",
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "keys": api_key_queries.list_api_keys(request.actor),
        "inboxes": api_key_queries.list_inboxes_for_keys(request.actor),
        "sees_all": sees_all(request.actor),
        "domains": KEY_DOMAINS.items(),
        "scopes": SCOPES,
        "new_key": new_key,
        "values": _values(QueryDict() if new_key else request.POST or request.GET),
        "again": f"/confirm?{urlencode({'next': f'{PAGE}?{_as_typed(request)}'})}",
        "lives": LIVES,
        "errors": errors or {},
        "stale": stale,
        "done": "API key deleted" if request.GET.get("done") == "key" else "",
    }
    return render(request, "accounts/api_keys.html", context, status=status)


def _values(form: QueryDict) -> dict[str, Any]:
    """What the form shows: as it was typed, by post or in the address after a fresh sign-in."""
    return {
        "name": form.get("name", ""),
        "days": form.get("days", ""),
        "may": form.get("may", "all"),
        "reach": form.get("reach", "all"),
        "scopes": form.getlist("scopes"),
        "inbox_ids": form.getlist("inbox_ids"),
    }


def _as_typed(request: SignedInHttpRequest) -> str:
    """The posted form as an address carries it; it holds nothing secret."""
    return urlencode({name: value for name, value in _values(request.POST).items() if value}, doseq=True)


def _chosen(request: SignedInHttpRequest, name: str) -> list[str]:
    return [value for value in request.POST.getlist(name) if isinstance(value, str)]


def _inboxes(request: SignedInHttpRequest) -> list[int]:
    chosen = _chosen(request, "inbox_ids")
    if not all(value.isascii() and value.isdigit() and len(value) < 19 for value in chosen):
        raise InvalidField("inbox_ids", "Choose the inboxes from the list.")
    return [int(value) for value in chosen]


def _expiry(request: SignedInHttpRequest) -> datetime | None:
    days = typed(request, "days")
    if days not in dict(LIVES):
        raise InvalidField("days", "Choose one of the offered times.")
    return now() + timedelta(days=int(days)) if days else None
