"""Secrets at rest: AES-256-GCM under keys that HKDF derives from CONVERGIO_SECRET_KEY.

A sealed value is `version (1 byte) | key id (4) | nonce (12) | ciphertext and tag`. The key id tells which secret key
sealed it, so that a key can be changed: the old one stays in CONVERGIO_SECRET_KEY_OLD until all values are sealed anew.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_VERSION = b"\x01"


class Unreadable(Exception):
    """The value was sealed with a key that this installation does not have, or it was altered."""


@cache
def _derive(secret: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret.encode())


def derive_key(purpose: str) -> bytes:
    """32 bytes for one purpose (signing, hashing); different purposes never share a key."""
    return _derive(settings.SECRET_KEY, f"convergio/{purpose}")


def _sealing_keys() -> dict[bytes, bytes]:
    keys = [
        _derive(secret, "convergio/seal") for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]
    return {hashlib.sha256(key).digest()[:4]: key for key in reversed(keys)}


def seal(plaintext: str, *, context: str) -> bytes:
    """Encrypt; `context` (say "inboxes.secret:12") binds the value to its place, so a copied value does not open."""
    key = _derive(settings.SECRET_KEY, "convergio/seal")
    nonce = os.urandom(12)
    sealed = AESGCM(key).encrypt(nonce, plaintext.encode(), context.encode())
    return _VERSION + hashlib.sha256(key).digest()[:4] + nonce + sealed


def has_key_for(value: bytes) -> bool:
    """Whether one of this installation's keys sealed the value."""
    return bytes(value)[1:5] in _sealing_keys()


def unseal(value: bytes, *, context: str) -> str:
    """Decrypt what `seal` made with the same context. Raises Unreadable."""
    value = bytes(value)
    key = _sealing_keys().get(value[1:5])
    if value[:1] != _VERSION or key is None:
        raise Unreadable("This secret was stored under another CONVERGIO_SECRET_KEY; enter it again.")
    try:
        return AESGCM(key).decrypt(value[5:17], value[17:], context.encode()).decode()
    except InvalidTag:
        raise Unreadable("This stored secret was altered or moved; enter it again.") from None


def keyed_digest(value: str, *, purpose: str) -> bytes:
    """HMAC-SHA256 of a short secret, so that a stolen table cannot be searched by guessing."""
    return hmac.digest(derive_key(purpose), value.encode(), "sha256")


def keyed_digests(value: str, *, purpose: str) -> list[bytes]:
    """The digest under each key of this installation, the current one first: for finding what an old key made."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    keys = [_derive(secret, f"convergio/{purpose}") for secret in secrets]
    return [hmac.digest(key, value.encode(), "sha256") for key in keys]


def token_digest(token: str) -> bytes:
    """SHA-256 of a random token of at least 128 bits; enough for what cannot be guessed."""
    return hashlib.sha256(token.encode()).digest()
