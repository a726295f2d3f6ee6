"""HMAC-SHA256 the way the gateways sign: lowercase hex, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from convergio.billing.gateways.protocol import ForgedMessage


def sign(secret: str, message: bytes) -> str:
    """The hex signature."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def is_signed(message: bytes, *, signatures: Iterable[str], secrets: Iterable[str]) -> bool:
    """Whether one of the signatures belongs to the message under one of the secrets; empty secrets sign nothing.

    Every pair is compared, so that the time says nothing about which secret fits.
    """
    given = [signature.encode() for signature in signatures]
    expected = [sign(secret, message).encode() for secret in secrets if secret]
    matches = [hmac.compare_digest(one, other) for one in given for other in expected]
    return any(matches)


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body. Raises ForgedMessage for anything else."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ForgedMessage("The message is not whole.") from None
    if not isinstance(found, dict):
        raise ForgedMessage("The message is not what this gateway sends.")
    return found


def as_object(value: object) -> dict[str, Any]:
    """The value where it is an object, else an empty one: events of unknown kinds may hold anything."""
    return value if isinstance(value, dict) else {}


def as_text(value: object) -> str:
    """The value where it is text of a usable length, else nothing."""
    return value if isinstance(value, str) and len(value) <= 255 and value.isprintable() else ""


def header(headers: Mapping[str, str], name: str) -> str:
    """A header whatever the case of its name."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")
