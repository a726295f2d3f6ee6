"""Mail to a person about their own sign-in: what changed, and where somebody came in from. Run as jobs."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.conf import settings

from convergio.accounts import backup_codes
from convergio.accounts.client import Client
from convergio.accounts.history import SIGN_IN_METHODS
from convergio.accounts.models import LoginHistory, User
from convergio.core import sql
from convergio.core.system_mail import send_notice

# By the method of the recorded attempt: subject and first sentence.
_CHANGES = {
    "two_factor_setup": (
        "Two-step sign-in is on",
        "A code app was set up for your Convergio account; signing in takes its code from now on.",
    ),
    "two_factor_disabled": (
        "Two-step sign-in is off",
        "Two-step sign-in was switched off for your Convergio account; the password alone signs in now.",
    ),
    "backup_codes_made": (
        "New recovery codes",
        "New recovery codes were made for your Convergio account; the old ones do not work any more.",
    ),
}
_USED = "A recovery code was used for your Convergio account. {left} of {count} are left."
_FEW = " Make new ones under Settings, Sign-in, before you run out."
_NEW_DEVICE = (
    "Somebody signed in to your Convergio account from a device or network that it was not used from before."
)
_TEXT = """{sentence}

When: {when}
Device: {device}
Address: {ip}

If it was you, there is nothing to do. If not, change your password and sign out all other devices:

{link}
"""
# Addresses near each other are one network: an IPv4 /24, an IPv6 /48.
_NETWORK = "network(set_masklen(ip, CASE family(ip) WHEN 4 THEN 24 ELSE 48 END))"
_KNOWN = f"""
SELECT DISTINCT user_agent,
       {_NETWORK} IS NOT DISTINCT FROM (SELECT {_NETWORK} FROM login_history WHERE id = %(id)s)
FROM login_history
WHERE user_id = %(user_id)s AND id < %(id)s AND outcome = 'success' AND method = ANY(%(methods)s)
"""
_CODES_LEFT = "SELECT jsonb_array_length(backup_codes) FROM user_2fa WHERE user_id = %s"


def mail_change(attempt_id: int) -> None:
    """Tell a person that the recorded attempt changed how they sign in."""
    attempt = LoginHistory.objects.get(id=attempt_id)
    _send(attempt, *_CHANGES[attempt.method])


def mail_backup_code_used(attempt_id: int) -> None:
    """Tell a person that a recovery code was used, and when few are left."""
    attempt = LoginHistory.objects.get(id=attempt_id)
    left = sql.fetch_value(_CODES_LEFT, [attempt.user_id]) or 0
    sentence = _USED.format(left=left, count=backup_codes.COUNT)
    _send(attempt, "A recovery code was used", sentence + (_FEW if left <= backup_codes.FEW else ""))


def mail_new_device(attempt_id: int) -> None:
    """Tell a person of a sign-in from where they never came before; their very first one is no news."""
    attempt = LoginHistory.objects.get(id=attempt_id)
    device = _device(attempt.user_agent)
    wanted = {"id": attempt.id, "user_id": attempt.user_id, "methods": list(SIGN_IN_METHODS)}
    known = sql.fetch_rows(_KNOWN, wanted)
    if known and not any(same_network and _device(agent) == device for agent, same_network in known):
        _send(attempt, "A sign-in from a new device", _NEW_DEVICE)


def _device(user_agent: str) -> str:
    return Client(user_agent=user_agent).device


def _send(attempt: LoginHistory, subject: str, sentence: str) -> None:
    user = User.objects.get(login_history=attempt)
    when = attempt.created_at.astimezone(ZoneInfo(user.timezone))
    text = _TEXT.format(
        sentence=sentence,
        when=f"{when:%a %d %b %Y, %H:%M} ({user.timezone})",
        device=_device(attempt.user_agent) or "an unknown program",
        ip=attempt.ip or "unknown",
        link=f"{settings.PUBLIC_URL}/dashboard/settings/security",
    )
    send_notice(to=user.email, subject=subject, text=text)
