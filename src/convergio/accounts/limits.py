"""Telling a client how many tries are left."""

from __future__ import annotations

from django.http.response import HttpResponseBase

from convergio.core.errors import Limit


def write_limit(response: HttpResponseBase, limit: Limit | None) -> None:
    """X-RateLimit-* of the sign-in throttle; site.rate_limit leaves them as they are, for they are the nearer limit."""
    if limit is None:
        return
    response.headers["X-RateLimit-Limit"] = str(limit.most)
    response.headers["X-RateLimit-Remaining"] = str(limit.left)
    response.headers["X-RateLimit-Reset"] = str(limit.reset)
