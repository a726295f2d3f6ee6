"""The mailed link by which a forgotten password is replaced. It works once, for 30 minutes."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from django.conf import settings

from convergio.accounts.errors import InvalidLink
from convergio.accounts.models import LoginHistory, OneTimeLink, User
from convergio.accounts.tokens import new_token
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.crypto import token_digest
from convergio.core.system_mail import send_notice

PURPOSE = "password_reset"
LINK_LIFE = timedelta(minutes=30)

# One statement, so that of two parallel uses only one gets the row.
_SPEND = """
UPDATE one_time_links SET used_at = statement_timestamp()
WHERE token_hash = %s AND purpose = %s AND used_at IS NULL AND expires_at > statement_timestamp()
RETURNING user_id
"""
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
    token = new_token()
    OneTimeLink.objects.create(
        user_id=user.id, purpose=PURPOSE, token_hash=token_digest(token), expires_at=now() + LINK_LIFE
    )
    link = f"{settings.PUBLIC_URL}/reset/confirm?{urlencode({'token': token})}"
    send_notice(to=user.email, subject="Your new password", text=_TEXT.format(email=user.email, link=link))


def link_works(token: str) -> bool:
    """Whether the link could be spent now."""
    links = OneTimeLink.objects.filter(token_hash=token_digest(token), purpose=PURPOSE, used_at=None)
    return links.filter(expires_at__gt=now()).exists()


def spend_link(token: str) -> User:
    """Use the link up, and the user's other reset links with it. Raises InvalidLink."""
    user_id = sql.fetch_value(_SPEND, [token_digest(token), PURPOSE])
    if user_id is None:
        raise InvalidLink
    OneTimeLink.objects.filter(user_id=user_id, purpose=PURPOSE, used_at=None).update(used_at=now())
    return User.objects.get(id=user_id)
