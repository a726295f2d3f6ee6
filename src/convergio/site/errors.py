"""The one place where errors become HTTP answers: JSON under /api, a page elsewhere; never with internals."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec
import structlog
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from jinja2 import TemplateError

from convergio.accounts.errors import FreshSignInRequired
from convergio.accounts.forms import local_path
from convergio.accounts.limits import write_limit
from convergio.core.errors import (
    AppError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    NotSignedIn,
    OverQuota,
    ProviderError,
    TooLarge,
    TooMany,
)
from convergio.core.render import render
from convergio.site.access import is_api

log = structlog.get_logger(__name__)

STATUSES: dict[type[AppError], int] = {
    InvalidInput: 400,
    NotSignedIn: 401,
    OverQuota: 402,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    TooMany: 429,
    ProviderError: 502,
}


class DatabaseDown(AppError):
    """The database does not answer."""

    def __init__(self) -> None:
        super().__init__("database_unavailable", "The database does not answer; try again in a moment.")


class Broken(AppError):
    """Our mistake; the log has it."""

    def __init__(self) -> None:
        super().__init__("internal_error", "Something broke on our side; the fault was written to the log.")


def status_of(error: AppError) -> int:
    """The HTTP status of a refusal; what has none of its own is our mistake."""
    if isinstance(error, DatabaseDown) or (isinstance(error, ProviderError) and error.kind == "retry"):
        return 503
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


def respond(request: HttpRequest, error: AppError) -> HttpResponse:
    """The answer to a refusal: `{"error", "code", facts...}` for programs and scripts, a page for people."""
    status = status_of(error)
    log.info("request.refused", code=error.code, status=status)
    by_script = request.headers.get("HX-Request") == "true" or not request.accepts("text/html")
    if is_api(request.path_info) or by_script:
        body = msgspec.json.encode({"error": error.message, "code": error.code, **error.facts})
        response = HttpResponse(body, content_type="application/json", status=status)
    else:
        link = _way_on(request, error)
        response = page(request, status=status, sentence=error.message, link=link)
    write_limit(response, error.limit)
    retry_after = error.facts.get("retry_after") or getattr(error, "retry_after", None)
    if isinstance(retry_after, int | float):
        response.headers["Retry-After"] = str(round(retry_after))
    return response


def respond_to_exception(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer to anything that a view let out."""
    if isinstance(error, AppError):
        return respond(request, error)
    refusal = _translate(error)
    if refusal is None:
        log.error("request.failed", exc_info=error)
        refusal = Broken()
    elif isinstance(refusal, DatabaseDown):
        log.error("database.unavailable", exc_info=error)
    return respond(request, refusal)


def _translate(error: Exception) -> AppError | None:
    """Django's and the driver's own errors in our words; None for a fault of ours."""
    if isinstance(error, Http404):
        return NotFound("page")
    if isinstance(error, PermissionDenied):
        return Forbidden("forbidden", "You may not do that.")
    if isinstance(error, RequestDataTooBig):
        return TooLarge("too_large", "This request is larger than the server takes.")
    if isinstance(error, BadRequest | SuspiciousOperation):
        return InvalidInput("invalid_request", "This request cannot be read.")
    if isinstance(error, DataError):
        return InvalidInput(
            "invalid_value", "A value in this request is out of range or holds a NUL character."
        )
    if isinstance(error, OperationalError | InterfaceError):
        return DatabaseDown()
    return None


def _way_on(request: HttpRequest, error: AppError) -> str:
    """Where a person gets what the refusal asks for, and back to the page they were on; empty for no such place."""
    if not isinstance(error, FreshSignInRequired):
        return ""
    page_before = request.get_full_path() if request.method == "GET" else request.headers.get("Referer", "")
    return f"/confirm?{urlencode({'next': local_path(request, page_before)})}"


def page(request: HttpRequest, *, status: int, sentence: str = "", link: str = "") -> HttpResponse:
    """The error page; when even that cannot be made, one line of text. `link` leads to the confirmation page."""
    context = {"status": status, "sentence": sentence, "link": link}
    try:
        return render(request, "site/error.html", context, status=status)
    except TemplateError:
        log.exception("error_page.failed")
        return HttpResponse(sentence or "Something broke.", content_type="text/plain", status=status)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send a person to the sign-in page, and back to where they wanted to go afterwards."""
    htmx = request.headers.get("HX-Request") == "true"
    wanted = request.headers.get("HX-Current-URL", "/") if htmx else request.get_full_path()
    address = "/login"
    if (htmx or request.method == "GET") and (path := local_path(request, wanted)):
        address = f"/login?{urlencode({'next': path})}"
    if htmx:
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def method_not_allowed(response: HttpResponseBase) -> HttpResponse:
    """A verb that the path does not have, in the API's words."""
    body = {"error": "This address does not take this method.", "code": "method_not_allowed"}
    answer = HttpResponse(msgspec.json.encode(body), content_type="application/json", status=405)
    answer.headers["Allow"] = response.headers.get("Allow", "")
    return answer


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return respond_to_exception(request, exception if isinstance(exception, AppError) else BadRequest())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Django's handler403."""
    return respond(request, Forbidden("forbidden", "You may not do that."))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Django's handler404."""
    return respond(request, NotFound("page"))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500; Django logged what happened."""
    return respond(request, Broken())
