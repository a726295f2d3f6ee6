"""The mail that tells a person what the operator did to their account."""

from __future__ import annotations

from typing import Literal

from convergio.accounts.models import User
from convergio.core.system_mail import send_notice

What = Literal["account_closed", "account_opened", "second_factor_reset"]
_TEXTS: dict[What, tuple[str, str]] = {
    "account_closed": (
        "Your account was closed",
        "The operator of this installation closed your account {email}. You are signed out everywhere.",
    ),
    "account_opened": (
        "Your account is open again",
        "The operator of this installation opened your account {email} again. Sign in as before.",
    ),
    "second_factor_reset": (
        "Your two-step sign-in was reset",
        (
            "The operator of this installation removed the authenticator app, backup codes and passkeys of your "
            "account {email}, and signed you out everywhere. Sign in with your password and set them up anew. If you "
            "did not ask for this, change your password and tell the operator."
        ),
    ),
}


def mail_notice(user_id: int, what: What) -> None:
    """Tell the person, at the address that the account has. Raises ProviderError."""
    user = User.objects.filter(id=user_id).first()
    if user is not None:
        subject, text = _TEXTS[what]
        send_notice(to=user.email, subject=subject, text=text.format(email=user.email) + "\n")
