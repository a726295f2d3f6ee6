"""The mailed link by which a forgotten password is replaced. It works once, for 30 minutes."""

from __future__ import annotations

from datetime import timedelta

from convergio.accounts import links
from convergio.accounts.models import LoginHistory, User
from convergio.core.system_mail import send_notice

LINK_LIFE = timedelta(minutes=30)

_TEXT = """Somebody, probably you, asked for a new Convergio password for {email}.

Open this link within 30 minutes to choose one. It works once:

{link}

If it was not you, do nothing: your password stays as it is.
"""


def mail_link(attempt_id: int) -> None:
    """Answer a recorded request: mail a link if the address has an account, else do nothing. Run as a job."""
    attempt = LoginHistory.objects.get(id=attempt_id)
    user = User.objects.filter(email=attempt.email, is_active=True).first()
    if user is None:
        return
    LoginHistory.objects.filter(id=attempt_id).update(user_id=user.id)
    link = links.make_link("/reset/confirm", user_id=user.id, purpose="password_reset", life=LINK_LIFE)
    send_notice(to=user.email, subject="Your new password", text=_TEXT.format(email=user.email, link=link))


def link_works(token: str) -> bool:
    """Whether the link could be spent now."""
    return links.peek_link(token, "password_reset") is not None


def owner_of(token: str) -> User | None:
    """Whose password the link would set, without using it up."""
    link = links.peek_link(token, "password_reset")
    return User.objects.filter(id=link.user_id).first() if link else None


def spend_link(token: str) -> User:
    """Use the link up, and the user's other reset links with it. Raises InvalidLink."""
    link = links.spend_link(token, "password_reset")
    links.cancel_links(link.user_id, "password_reset")
    return User.objects.get(id=link.user_id)
