"""Ten single-use codes for who lost their authenticator app. Shown once; only their keyed digests are stored."""

from __future__ import annotations

import secrets

from convergio.core import sql
from convergio.core.crypto import keyed_digests

COUNT = 10
FEW = 3  # left: time to make new ones
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # without what is mistaken for something else
_LENGTH = 10  # 49 bits

# One statement, so that of two parallel uses only one takes the code away.
_SPEND = """
UPDATE user_2fa SET backup_codes = backup_codes - %(digests)s::text[]
WHERE user_id = %(user_id)s AND enabled_at IS NOT NULL AND backup_codes ?| %(digests)s::text[]
RETURNING jsonb_array_length(backup_codes)
"""


def make_codes() -> list[str]:
    """Ten new codes as they are shown, like "k7dqx-9m2fp"."""
    return [_shown("".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))) for _ in range(COUNT)]


def digest(user_id: int, code: str) -> str:
    """What is stored of a code: bound to its user, so that equal codes of two people differ."""
    return digests(user_id, code)[0]


def digests(user_id: int, code: str) -> list[str]:
    """The same, and what it was under former secret keys."""
    found = keyed_digests(f"{user_id}:{fold(code)}", purpose="backup_codes")
    return [one.hex() for one in found]


def fold(typed: str) -> str:
    """A code however it was typed: without blanks and dashes, in lower case."""
    return "".join(typed.split()).replace("-", "").lower()


def looks_like_code(typed: str) -> bool:
    """Whether it can be one at all."""
    folded = fold(typed)
    return len(folded) == _LENGTH and all(character in _ALPHABET for character in folded)


def spend(user_id: int, typed: str) -> int | None:
    """Use a code up; the answer is how many are left, None when it is none of the user's."""
    if not looks_like_code(typed):
        return None
    left: int | None = sql.fetch_value(_SPEND, {"user_id": user_id, "digests": digests(user_id, typed)})
    return left


def as_file(codes: list[str], *, account: str) -> str:
    """The text file that people keep."""
    lines = (f"Convergio recovery codes of {account}", "Each works once, together with your password.", "")
    return "\n".join((*lines, *codes, ""))


def _shown(code: str) -> str:
    return f"{code[:5]}-{code[5:]}"
