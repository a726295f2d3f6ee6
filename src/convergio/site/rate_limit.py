"""X-RateLimit headers, and 429 past the limit: per session, key or address, counted in this process only.

Approximate on purpose: it stops runaway scripts, not attackers; sign-in has its exact throttles in PostgreSQL.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from convergio.accounts.client import client_ip
from convergio.accounts.limits import write_limit
from convergio.core.errors import Limit, TooMany
from convergio.site import errors
from convergio.site.access import is_api

WINDOW = 60  # seconds


class RateLimit:
    """Counts API requests in whole minutes. CONVERGIO_RATE_LIMIT=0 takes it out of the chain."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.RATE_LIMIT:
            raise MiddlewareNotUsed
        self.get_response = get_response
        self.limit = settings.RATE_LIMIT
        self.window = 0
        self.counts: defaultdict[object, int] = defaultdict(int)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_api(request.path_info):
            return self.get_response(request)
        now = int(time.time())
        used = self._count(_caller(request), now // WINDOW)
        reset = WINDOW - now % WINDOW
        if used > self.limit:
            refusal = TooMany(
                f"More than {self.limit} requests in a minute; wait {reset} seconds.", retry_after=reset
            )
            response: HttpResponseBase = errors.respond(request, refusal)
        else:
            response = self.get_response(request)
        if "X-RateLimit-Limit" not in response.headers:
            write_limit(response, Limit(self.limit, max(self.limit - used, 0), reset))
        return response

    def _count(self, caller: object, window: int) -> int:
        if window != self.window:
            self.window, self.counts = window, defaultdict(int)
        self.counts[caller] += 1
        return self.counts[caller]


def _caller(request: HttpRequest) -> object:
    actor = request.actor  # type: ignore[attr-defined]
    if actor is None:
        return client_ip(request)
    return ("session", actor.session_id) if actor.session_id is not None else ("key", actor.api_key_id)
