"""The REST API: one ninja API, its ways to sign in, its error shapes, and every domain's router."""

from __future__ import annotations

import json
from typing import Any, NoReturn, cast

from django.http import Http404, HttpRequest, HttpResponse
from ninja import Schema
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.parser import Parser
from ninja.security import APIKeyCookie, APIKeyHeader, HttpBearer
from ninja.utils import check_csrf

import convergio
from convergio.accounts.activity_api import router as activity
from convergio.accounts.actor import Actor
from convergio.accounts.api import router as accounts
from convergio.accounts.email_api import router as email_address
from convergio.accounts.google_api import router as google
from convergio.accounts.passkey_api import router as passkeys
from convergio.accounts.two_factor_api import router as two_factor
from convergio.accounts.workspace_api import router as workspaces
from convergio.ai.api import router as ai
from convergio.billing.api import router as billing
from convergio.billing.usage_api import router as tokens
from convergio.core.errors import AppError, Forbidden, NotFound, NotSignedIn
from convergio.core.rest import json_answer
from convergio.mail.api import router as mail
from convergio.site import errors, health
from convergio.site.access import SAFE_METHODS
from convergio.site.openapi import DocumentedApi
from convergio.site.stats import router as stats
from convergio.work.api import router as work


class SessionCookie(APIKeyCookie):
    """The actor that site.middleware found. A cookie comes unasked, so unsafe verbs need the CSRF token too."""

    param_name = "convergio"

    def __call__(self, request: HttpRequest) -> Actor | None:
        actor: Actor | None = request.actor  # type: ignore[attr-defined]
        if request.by_cookie and request.method not in SAFE_METHODS and check_csrf(request):  # type: ignore[attr-defined]
            raise Forbidden(
                "csrf_failed", "The X-CSRFToken header is missing or old; reload the page and try again."
            )
        return actor

    def authenticate(self, request: HttpRequest, _key: str | None) -> Actor | None:
        return self(request)


# Both are looked up by site.middleware; they stand here for the document.
class Bearer(HttpBearer):
    """The token that login returns, or an API key."""

    def authenticate(self, request: HttpRequest, _token: str) -> Any:
        return request.actor  # type: ignore[attr-defined]


class KeyHeader(APIKeyHeader):
    """An API key."""

    param_name = "X-API-Key"

    def authenticate(self, request: HttpRequest, _key: str | None) -> Any:
        return request.actor  # type: ignore[attr-defined]


class StrictJson(Parser):
    """Bodies are JSON objects, as RFC 8259 has it. ninja would look for a schema's fields on a list, too."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Raises ValueError, RecursionError; ninja answers 400 to either."""
        found = json.loads(request.body, parse_constant=_no_number)
        if not isinstance(found, dict):
            raise ValueError("the body is no object")
        return cast(dict[str, Any], found)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON")


api = DocumentedApi(
    title="Convergio",
    version=convergio.__version__,
    description="Sign in with the session cookie, or send `Authorization: Bearer` with a token or API key.",
    openapi_url="/openapi.json",
    docs_url=None,
    auth=[SessionCookie(), Bearer(), KeyHeader()],
    parser=StrictJson(),
    urls_namespace="api",
)


class Health(Schema):
    """The service answers, and so does its database."""

    status: str
    version: str


@api.get("/health", auth=None, response=Health, tags=["health"], summary="Whether the service works")
def get_health(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - ninja goes by this name
    health.check_database()
    return json_answer({"status": "ok", "version": convergio.__version__})


@api.exception_handler(AppError)
def refused(request: HttpRequest, error: AppError) -> HttpResponse:
    return errors.respond(request, error)


@api.exception_handler(ValidationError)
def invalid(_request: HttpRequest, error: ValidationError) -> HttpResponse:
    """422 with the first field that does not fit, and all of them under `errors`."""
    found = [{"field": _field(item["loc"]), "message": item["msg"]} for item in error.errors]
    first = found[0]
    answer = {
        "error": f"The field {first['field']} does not fit: {first['message']}.",
        "code": "validation_failed",
        "field": first["field"],
        "errors": found,
    }
    return json_answer(answer, status=422)


def _field(location: tuple[Any, ...]) -> str:
    """("body", "body", "email") is "email": the first two name where ninja looked."""
    parts = [str(part) for part in location]
    return ".".join(parts[2:] if parts[0] in {"body", "form"} else parts[1:]) or parts[-1]


@api.exception_handler(AuthenticationError)
def not_signed_in(request: HttpRequest, _error: AuthenticationError) -> HttpResponse:
    return errors.respond(request, NotSignedIn())


@api.exception_handler(Http404)
def not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return errors.respond(request, NotFound("address"))


@api.exception_handler(HttpError)
def unreadable(_request: HttpRequest, error: HttpError) -> HttpResponse:
    """ninja's own refusals: a body that is not JSON."""
    return json_answer({"error": str(error), "code": "invalid_request"}, status=error.status_code)


# Addresses are tried in this order: what is asked for most comes first.
api.add_router("", mail)
api.add_router("", work)
api.add_router("", stats)
api.add_router("", ai)
api.add_router("", accounts)
api.add_router("", workspaces)
api.add_router("", two_factor)
api.add_router("", email_address)
api.add_router("", activity)
api.add_router("", tokens)
api.add_router("", google)
api.add_router("", passkeys)
api.add_router("", billing)
