"""What every request passes: the look-up of who it speaks for, and the demand to be somebody.

A request is one transaction: it commits when the answer is below 400 and is rolled back otherwise, because an error
that was turned into an answer must not leave half-done writes behind. Sign-in manages its own transactions, so that
refused attempts stay counted and written down.
"""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

import structlog
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils import timezone

from convergio.accounts import credentials
from convergio.accounts.actor import Actor
from convergio.accounts.client import client_ip
from convergio.accounts.credentials import Credential, DeadConnection, SignedIn
from convergio.accounts.errors import SecondFactorRequired
from convergio.accounts.permissions import require_scope
from convergio.accounts.reach import end_limit
from convergio.core.errors import AppError, NotSignedIn
from convergio.core.tenancy import set_scope
from convergio.site import errors
from convergio.site.access import (
    SAFE_METHODS,
    is_api,
    is_open_to_any_key,
    is_open_to_limited,
    is_public,
    key_domain,
    without_transaction,
)

GetResponse = Callable[[HttpRequest], HttpResponseBase]
log = structlog.get_logger(__name__)


class SignedInRequest:
    """Sets `request.actor` (None for nobody) and `request.by_cookie`, and holds the request's transaction."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.actor = None  # type: ignore[attr-defined]
        request.by_cookie = False  # type: ignore[attr-defined]
        credential = None if is_public(request.path_info) else credentials.credential_of(request)
        if credential is None:
            return self.get_response(request)
        try:
            return self._answer_once_more(request, credential)
        except OperationalError as error:
            return errors.respond_to_exception(request, error)

    def _answer_once_more(self, request: HttpRequest, credential: Credential) -> HttpResponseBase:
        """A server that was restarted leaves dead connections behind; the first statement finds that out."""
        try:
            return self._answer(request, credential)
        except DeadConnection:
            if connection.in_atomic_block:
                raise
            log.info("database.reconnected")
            connection.close()
            return self._answer(request, credential)

    def _answer(self, request: HttpRequest, credential: Credential) -> HttpResponseBase:
        if without_transaction(request.path_info):
            with transaction.atomic():
                found = credentials.open_scope(credential)
            response = self._respond(request, credential, found)
        else:
            with transaction.atomic():
                found = credentials.open_scope(credential)
                response = self._respond(request, credential, found)
                if response.status_code >= 400:
                    transaction.set_rollback(True)
        if connection.in_atomic_block:  # a caller's own transaction (a test's) must not keep our scope
            set_scope(None)
            if found:
                end_limit(found.actor)
        if found and found.stale:
            credentials.note_use(found.actor, client_ip(request))
        return response

    def _respond(
        self, request: HttpRequest, credential: Credential, found: SignedIn | None
    ) -> HttpResponseBase:
        if found is None:
            return self.get_response(request)
        request.actor = found.actor  # type: ignore[attr-defined]
        request.by_cookie = credential.kind == "browser"  # type: ignore[attr-defined]
        if is_api(request.path_info):
            return self.get_response(request)
        with timezone.override(ZoneInfo(found.actor.timezone)):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """What a view raised becomes an answer here, still inside the transaction."""
        return errors.respond_to_exception(request, error)


class RequireActor:
    """Everything but the public paths needs somebody: 401 for programs, the sign-in page for people.

    An API key goes where its scopes reach, a member without a required second factor only where it is set up.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.actor is None and not is_public(request.path_info):  # type: ignore[attr-defined]
            if is_api(request.path_info):
                return errors.respond(request, NotSignedIn())
            return errors.to_sign_in(request)
        if request.actor is not None:  # type: ignore[attr-defined]
            try:
                _require_reach(request, request.actor)  # type: ignore[attr-defined]
            except SecondFactorRequired as error:
                if not is_api(request.path_info):
                    return HttpResponseRedirect("/dashboard/settings/security")
                return errors.respond(request, error)
            except AppError as error:
                return errors.respond(request, error)
        response = self.get_response(request)
        if response.status_code == 405 and is_api(request.path_info):
            return errors.method_not_allowed(response)
        return response


def _require_reach(request: HttpRequest, actor: Actor) -> None:
    """Raises ScopeRequired, PersonRequired, SecondFactorRequired."""
    path = request.path_info
    if (actor.via == "session" and not actor.is_limited) or is_public(path):
        return
    writes = request.method not in SAFE_METHODS
    if writes or not is_open_to_any_key(path):
        require_scope(actor, key_domain(path), writes=writes)
    if actor.is_limited and not is_open_to_limited(path):
        raise SecondFactorRequired
