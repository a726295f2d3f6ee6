"""Checking a password without telling whether the account exists."""

from __future__ import annotations

import unicodedata

from django.contrib.auth.hashers import make_password

from convergio.accounts.fields import LONGEST_PASSWORD
from convergio.accounts.models import User


def password_fits(user: User | None, password: str) -> bool:
    """Check a password; nobody's takes the same time. A hash with old parameters is replaced on success."""
    password = unicodedata.normalize("NFC", password)[: LONGEST_PASSWORD + 1]
    if user is None:
        make_password(password)
        return False
    return user.check_password(password) and user.is_active
