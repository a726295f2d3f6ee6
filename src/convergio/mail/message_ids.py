"""Our Message-IDs: unguessable, and recognised when they come back (rules 28 and 30)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

# Token and signature in hexadecimal: some mailers change the case of an id, so case carries nothing.
_TOKEN_BYTES = 16
_SIGNATURE_HEX = 24
_LOCAL_PART = re.compile(r"([0-9a-f]{32})\.([a-z0-9-]{1,32})\.([0-9a-f]{24})")


def new_message_id(instance_id: str, secret: bytes, *, domain: str = "convergio.invalid") -> str:
    """`<token>.<instance>.<signature>@<domain>` without angle brackets; `domain` is the sending address's."""
    token = secrets.token_hex(_TOKEN_BYTES)
    return f"{token}.{instance_id}.{_signature(token, instance_id, secret)}@{domain.lower()}"


def is_our_message_id(message_id: str, instance_id: str, secret: bytes) -> bool:
    """Whether this installation made the id; another installation's ids and invented ones never match."""
    local_part = message_id.strip().strip("<>").lower().partition("@")[0]
    match = _LOCAL_PART.fullmatch(local_part)
    if match is None or match[2] != instance_id:
        return False
    return hmac.compare_digest(match[3], _signature(match[1], match[2], secret))


def _signature(token: str, instance_id: str, secret: bytes) -> str:
    return hmac.new(secret, f"message-id:{token}.{instance_id}".encode(), hashlib.sha256).hexdigest()[
        :_SIGNATURE_HEX
    ]
