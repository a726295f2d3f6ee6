"""The mails by which an address is proven or changed; run as jobs, which find what they are about by its id."""

from __future__ import annotations

import uuid
from datetime import timedelta

from convergio.accounts import links
from convergio.accounts.models import LoginHistory, User
from convergio.core.system_mail import send_notice

VERIFY_LIFE = timedelta(days=3)
CHANGE_LIFE = timedelta(hours=24)

_VERIFY = """Welcome to Convergio. Open this link within 3 days to confirm that {email} is your address:

{link}

If you made no account, do nothing.
"""
_CHANGE_OLD = """Somebody, probably you, wants to sign in to Convergio as {new} instead of {old}.

If it was you, confirm it here within 24 hours, and at the new address too:

{link}

If it was not you, do nothing and change your password: nothing changes without this link.
"""
_CHANGE_NEW = """Somebody, probably you, wants to use {new} to sign in to Convergio.

If it was you, confirm it here within 24 hours, and at your old address too:

{link}

If it was not you, do nothing.
"""
_TAKEN = """Somebody, probably you, wants to use {new} for another Convergio account.

It has an account already, so nothing changes. To use it there, change this account's address first.
"""
_CHANGED = """Your Convergio sign-in is now {new}. Your password and your devices stay as they are.
"""


def mail_verification(user_id: int) -> None:
    """Mail the link, unless the address was proven meanwhile."""
    user = User.objects.filter(id=user_id, is_active=True, email_verified_at=None).first()
    if user is None:
        return
    link = links.make_link(
        "/verify", user_id=user_id, purpose="verify_email", life=VERIFY_LIFE, email=user.email
    )
    send_notice(
        to=user.email, subject="Confirm your address", text=_VERIFY.format(email=user.email, link=link)
    )


def mail_change_links(attempt_id: int) -> None:
    """Mail both links of a recorded wish; an address that has an account gets a sentence instead."""
    attempt = LoginHistory.objects.select_related("user").get(id=attempt_id)
    user, new, change = attempt.user, attempt.email, uuid.uuid4().hex
    assert user is not None  # only somebody signed in can wish it
    subject = "Confirm your new address"
    link = links.make_link(
        "/verify", user_id=user.id, purpose="email_change_old", life=CHANGE_LIFE, email=new, change=change
    )
    send_notice(to=user.email, subject=subject, text=_CHANGE_OLD.format(old=user.email, new=new, link=link))
    if User.objects.filter(email=new).exists():
        send_notice(to=new, subject="This address has an account already", text=_TAKEN.format(new=new))
        return
    link = links.make_link(
        "/verify", user_id=user.id, purpose="email_change_new", life=CHANGE_LIFE, email=new, change=change
    )
    send_notice(to=new, subject=subject, text=_CHANGE_NEW.format(new=new, link=link))


def mail_changed(attempt_id: int) -> None:
    """Tell the address that was in use until now."""
    attempt = LoginHistory.objects.select_related("user").get(id=attempt_id)
    assert attempt.user is not None
    send_notice(
        to=attempt.email,
        subject="Your sign-in address changed",
        text=_CHANGED.format(new=attempt.user.email),
    )
