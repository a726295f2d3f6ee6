"""A request as views and API functions get it, after site.middleware looked up who it speaks for."""

from __future__ import annotations

from django.http import HttpRequest

from convergio.accounts.actor import Actor


class SignedInHttpRequest(HttpRequest):
    """The request of a known actor, inside a transaction that sees the actor's workspace.

    `by_cookie`: the credential is one that browsers send unasked, so that unsafe verbs need the CSRF token.
    """

    actor: Actor
    by_cookie: bool
    csp_nonce: str
