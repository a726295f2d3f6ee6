"""Telling the maker of an API key, once, that it ends within a week."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings
from django.db import transaction

from convergio.core import sql
from convergio.core.system_mail import send_notice

NOTICE_DAYS = 7

_DUE = f"""
SELECT id FROM api_keys
WHERE revoked_at IS NULL AND expiry_noticed_at IS NULL
  AND expires_at > statement_timestamp() AND expires_at <= statement_timestamp() + interval '{NOTICE_DAYS} days'
ORDER BY id
"""
# Of two workers one gets the row. The mark goes with the transaction when the mail cannot be sent.
_CLAIM = """
UPDATE api_keys AS k SET expiry_noticed_at = statement_timestamp()
FROM users AS u, workspaces AS w, workspace_members AS m
WHERE k.id = %s AND u.id = k.user_id AND u.is_active AND w.id = k.workspace_id
  AND m.workspace_id = w.id AND m.user_id = u.id
  AND k.revoked_at IS NULL AND k.expiry_noticed_at IS NULL AND k.expires_at > statement_timestamp()
RETURNING k.name, k.prefix, k.expires_at, u.email, u.timezone, w.name
"""
_TEXT = """The API key “{name}” ({prefix}…) of {workspace} ends on {day}.

Programs that use it are refused from then on. Make a new key before that, and give it to them:
{address}
"""


class _Ending(msgspec.Struct):
    name: str
    prefix: str
    expires_at: datetime
    email: str
    timezone: str
    workspace: str


def keys_ending_soon() -> list[int]:
    """Keys whose makers were not told yet."""
    return sql.fetch_column(_DUE)


def tell_of_end(key_id: int) -> bool:
    """Mail the maker, unless somebody did; tells whether it was mailed. Raises ProviderError; may be repeated then."""
    with transaction.atomic():
        key = sql.fetch_one(_Ending, _CLAIM, [key_id])
        if key is None:
            return False
        day = key.expires_at.astimezone(ZoneInfo(key.timezone))
        send_notice(
            to=key.email,
            subject=f"Your API key {key.name} ends on {day:%d %B %Y}",
            text=_TEXT.format(
                name=key.name,
                prefix=key.prefix,
                workspace=key.workspace,
                day=f"{day:%d %B %Y at %H:%M} ({key.timezone})",
                address=f"{settings.PUBLIC_URL}/dashboard/settings/api-keys",
            ),
        )
    return True
