"""Which paths need nobody, and which manage their own transactions. Everything not named here needs an actor."""

from __future__ import annotations

_PUBLIC = frozenset(
    {
        "/",
        "/favicon.ico",
        "/robots.txt",
        "/login",
        "/register",
        "/reset",
        "/reset/confirm",
        "/api/health",
        "/api/auth/register",
        "/api/auth/login",
        "/api/auth/refresh",
        "/api/auth/password-reset",
        "/api/auth/password-reset/confirm",
    }
)
# Static files are everybody's; webhooks and pictures in mail are proven by their signature.
_PUBLIC_FOLDERS = ("/static/", "/api/webhooks/", "/mail-images/")

_WITHOUT_TRANSACTION = frozenset(
    {
        "/api/events",  # an open event stream would hold it for hours
        "/api/settings/security/password",  # wrong tries stay counted, as at sign-in
        "/dashboard/settings/security/password",
    }
)


def is_api(path: str) -> bool:
    """Whether programs call this path, so that errors are JSON."""
    return path.startswith("/api/")


def is_public(path: str) -> bool:
    """Whether nobody in particular may ask for this path."""
    return path in _PUBLIC or path.startswith(_PUBLIC_FOLDERS)


def without_transaction(path: str) -> bool:
    """Whether the view behind this path opens its own transactions."""
    return path in _WITHOUT_TRANSACTION
