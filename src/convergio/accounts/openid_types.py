"""What google.py and openid.py say to each other, apart so that the first need not load the second's libraries."""

from __future__ import annotations

import msgspec


class Trip(msgspec.Struct, frozen=True):
    """What must stay here while the browser is at the provider."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class Identity(msgspec.Struct, frozen=True):
    """An account at the provider. `email` is empty unless the provider verified it."""

    subject: str
    email: str
    name: str


class IdentityRefused(Exception):
    """Nobody can be told from this answer: a stable code, and a sentence for the person."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.message = message
