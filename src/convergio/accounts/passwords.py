"""Checking a password without telling whether the account exists."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password

from convergio.accounts.fields import fold_password
from convergio.accounts.models import User


def password_fits(user: User | None, password: str, *, field: str = "password") -> bool:
    """Check a password; nobody's takes the same time. A hash with old parameters is replaced on success.

    Raises InvalidField for one that is too long to be any; nothing is hashed then.
    """
    password = fold_password(password, field=field)
    if user is None:
        make_password(password)
        return False
    return user.check_password(password) and user.is_active
