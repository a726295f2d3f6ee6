"""Random secrets that people and programs carry. Only their SHA-256 is stored."""

from __future__ import annotations

import secrets
import string
import zlib

KEY_PREFIX = "cai_"
_ALPHABET = string.digits + string.ascii_letters
_RANDOM_LENGTH = 43  # base 62: 256 bits
_CHECK_LENGTH = 6  # base 62: 32 bits
SHOWN_LENGTH = 12


def new_token() -> str:
    """256 random bits for a cookie, an access token, a refresh token or a mailed link."""
    return secrets.token_urlsafe(32)


def new_api_key() -> str:
    """`cai_`, 43 random characters and a checksum, by which a mistyped or invented key costs no query.

    For scanners that look for leaked secrets: a key matches `cai_[0-9A-Za-z]{49}` as a whole word. Its last six
    characters are the CRC-32 (as in zlib) of the 43 before them, as a number in base 62 with the digits 0-9, a-z, A-Z,
    filled up with 0 on the left. What matches and has that checksum is a key; `looks_like_api_key` is this check.
    """
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return KEY_PREFIX + body + _checksum(body)


def looks_like_api_key(value: str) -> bool:
    """Whether prefix, length and checksum fit."""
    body, check = value[len(KEY_PREFIX) : -_CHECK_LENGTH], value[-_CHECK_LENGTH:]
    return (
        value.startswith(KEY_PREFIX)
        and len(body) == _RANDOM_LENGTH
        and body.isascii()
        and _checksum(body) == check
    )


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECK_LENGTH):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
