"""Every attempt to sign in, or to change how one signs in, is written down, with its outcome."""

from __future__ import annotations

from typing import Literal, get_args

from convergio.accounts.client import Client
from convergio.accounts.models import LoginHistory

# The ways to come in. Whoever came in by one of them is known by device and network from then on; asking for a reset
# link, say, makes nobody known.
SignInMethod = Literal[
    "register", "invitation", "password", "two_factor", "backup_code", "trusted_device", "passkey", "google"
]
SIGN_IN_METHODS: tuple[str, ...] = get_args(SignInMethod)


def note_success(method: str, *, email: str, client: Client, user_id: int | None = None) -> int:
    """Record an attempt that went through; the answer is its id."""
    return _note(method, "success", "", email, client, user_id)


def note_failure(method: str, reason: str, *, email: str, client: Client, user_id: int | None = None) -> int:
    """Record a refused attempt with the stable code of its reason; the answer is its id."""
    return _note(method, "failure", reason, email, client, user_id)


def _note(method: str, outcome: str, reason: str, email: str, client: Client, user_id: int | None) -> int:
    attempt = LoginHistory.objects.create(
        user_id=user_id,
        email=email[:255],
        method=method,
        outcome=outcome,
        reason=reason,
        ip=client.ip,
        user_agent=client.user_agent,
    )
    return attempt.id
