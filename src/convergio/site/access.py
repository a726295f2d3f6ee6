"""Which paths need nobody, and which manage their own transactions. Everything not named here needs an actor."""

from __future__ import annotations

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PUBLIC = frozenset(
    {
        "/",
        "/favicon.ico",
        "/robots.txt",
        "/login",
        "/login/code",
        "/login/passkey",
        "/login/passkey/options",
        "/login/google",
        "/login/google/callback",
        "/register",
        "/reset",
        "/reset/confirm",
        "/invite",
        "/verify",
        "/api/health",
        "/api/auth/register",
        "/api/auth/login",
        "/api/auth/refresh",
        "/api/auth/google",
        "/api/auth/google/callback",
        "/api/auth/password-reset",
        "/api/auth/password-reset/confirm",
        "/api/auth/email/verify",
    }
)
# Static files are everybody's; webhooks and pictures in mail are proven by their signature.
_PUBLIC_FOLDERS = ("/static/", "/api/webhooks/", "/mail-images/")

_WITHOUT_TRANSACTION = frozenset(
    {
        "/api/events",  # an open event stream would hold it for hours
        # wrong tries stay counted and written down, as at sign-in
        "/api/auth/confirm",
        "/api/settings/security/password",
        "/api/settings/security/2fa/verify",
        "/api/settings/security/2fa/disable",
        "/api/settings/security/2fa/backup-codes",
        "/confirm",
        "/dashboard/settings/security/password",
        "/dashboard/settings/security/2fa/verify",
        "/dashboard/settings/security/2fa/disable",
        "/dashboard/settings/security/2fa/backup-codes",
        "/api/auth/email/verification",
        "/api/settings/profile/email",
        "/dashboard/settings/profile/verify",
        "/dashboard/settings/profile/email",
        "/confirm/passkey",  # a refused answer uses its challenge up and stays written down
        "/api/settings/security/passkeys",
        "/dashboard/settings/security/google/link",  # asks Google for its addresses
        "/api/ai/email-draft",  # what is held for a model's call is committed before it
        "/dashboard/commboost/ask",
        # ask a payment gateway
        "/api/settings/tokens/purchase",
        "/dashboard/settings/tokens/buy",
        "/dashboard/settings/tokens/return",
        "/dashboard/settings/billing/plan",
        "/api/settings/billing/subscribe",
        "/api/settings/billing/change",
        "/api/settings/billing/cancel",
        "/api/settings/billing/resume",
    }
)
_WITHOUT_TRANSACTION_BELOW = (
    "/api/settings/billing/payment-methods/",
    "/dashboard/settings/billing/payment-methods/",
    "/dashboard/settings/billing/plan/",
    "/admin/billing/tokenpurchase/",
    "/admin/billing/subscriptionorder/",
    "/admin/billing/subscriptionpayment/",
    "/dashboard/settings/tokens/checkout/",
)


# What an API key needs for an address; the longest prefix counts. An address that stands nowhere takes a person.
_KEY_DOMAINS = {
    "/api/emails": "emails",
    "/api/send-email": "emails",
    "/api/upload-attachment": "emails",
    "/api/auto-replies": "emails",
    "/api/ai/email-draft": "emails",
    "/api/inboxes": "inboxes",
    "/api/smtp-inboxes": "inboxes",
    "/api/sync": "inboxes",
    "/api/auto-responder": "inboxes",
    "/api/tasks": "tasks",
    "/api/knowledge": "knowledge",
    "/api/stats": "workspace",
    "/api/events": "workspace",
    "/api/workspaces": "workspace",
    "/api/invitations": "workspace",
    "/api/activity": "workspace",
    "/api/auth/me": "profile",
    "/api/settings/profile": "profile",
    "/api/settings/security": "security",
    "/api/settings/billing": "billing",
    "/api/settings/tokens": "billing",
}

# What tells a program what it is and what there is; any living key may read it, whatever it was made for.
_ANY_KEY = frozenset({"/api/openapi.json", "/api/auth/me"})

# All that is open to somebody whose workspace asks for a second factor that they have not set up yet.
_LIMITED = (
    "/logout",
    "/confirm",
    "/dashboard/nav",
    "/dashboard/settings/security",
    "/dashboard/workspaces",
    "/invite/accept",
)
_LIMITED_API = ("/api/auth/", "/api/settings/security/", "/api/workspaces", "/api/invitations/accept")


def key_domain(path: str) -> str | None:
    """The domain of permissions.KEY_DOMAINS that an address belongs to; None where no API key may go."""
    parts = path.rstrip("/").split("/")
    for length in range(len(parts), 2, -1):
        if domain := _KEY_DOMAINS.get("/".join(parts[:length])):
            return domain
    return None


def is_open_to_any_key(path: str) -> bool:
    """Whether an API key needs no scope to read this."""
    return path in _ANY_KEY


def is_open_to_limited(path: str) -> bool:
    """Whether somebody who still lacks a required second factor may go there, to set it up or to leave."""
    return path.startswith(_LIMITED_API if is_api(path) else _LIMITED)


def is_api(path: str) -> bool:
    """Whether programs call this path, so that errors are JSON."""
    return path.startswith("/api/")


def is_public(path: str) -> bool:
    """Whether nobody in particular may ask for this path."""
    return path in _PUBLIC or path.startswith(_PUBLIC_FOLDERS)


def without_transaction(path: str) -> bool:
    """Whether the view behind this path opens its own transactions."""
    return path in _WITHOUT_TRANSACTION or path.startswith(_WITHOUT_TRANSACTION_BELOW)
