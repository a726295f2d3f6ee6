"""The ways into an account that are left, so that nobody takes away their last one."""

from __future__ import annotations

from dataclasses import dataclass

from convergio.accounts.models import Passkey, User, UserIdentity
from convergio.core.errors import Conflict


class LastWayIn(Conflict):
    """Without it nobody could enter the account any more."""

    def __init__(self) -> None:
        super().__init__(
            "last_way_in", "This is the only way into your account; add a passkey or set a password first."
        )


@dataclass(frozen=True, slots=True)
class Ways:
    """How a person can sign in."""

    has_password: bool
    passkeys: int
    identities: int


def lock_ways(user_id: int) -> Ways:
    """Count them and hold the account's row, so that of two removals at once the second sees the first."""
    user = User.objects.select_for_update().only("password").get(id=user_id)
    return Ways(
        has_password=user.has_usable_password(),
        passkeys=Passkey.objects.filter(user_id=user_id).count(),
        identities=UserIdentity.objects.filter(user_id=user_id).count(),
    )
