"""What the payer is told once: a threshold that was crossed, a quota that is nearly used up.

A notice is a row; its event shows it in open windows and mails it. One transaction with what it tells of.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.conf import settings
from django.db import transaction

from convergio.core import events, sql
from convergio.core.clock import now
from convergio.core.system_mail import send_notice

MOST = 20

_ADD = """
INSERT INTO usage_notices (user_id, workspace_id, subject, text, in_app, by_mail)
VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
"""
# Of two workers one gets the row. The mark goes with the transaction when the mail cannot be sent.
_CLAIM = """
UPDATE usage_notices AS notice SET mailed_at = %s FROM users AS payer
WHERE notice.id = %s AND payer.id = notice.user_id AND payer.is_active AND notice.by_mail AND notice.mailed_at IS NULL
RETURNING payer.email, notice.subject, notice.text
"""
_LIST = f"""
SELECT id, subject, text, seen_at IS NULL, created_at FROM usage_notices
WHERE user_id = %s AND in_app ORDER BY id DESC LIMIT {MOST}
"""
_UNSEEN = """
SELECT id, subject, text, true, created_at FROM usage_notices
WHERE user_id = %s AND in_app AND seen_at IS NULL AND id = ANY(%s) ORDER BY id
"""
_SEE = "UPDATE usage_notices SET seen_at = %s WHERE user_id = %s AND in_app AND seen_at IS NULL"


class Notice(msgspec.Struct, frozen=True):
    """A notice as the app shows it."""

    id: int
    subject: str
    text: str
    is_new: bool
    created_at: datetime


class _Letter(msgspec.Struct):
    email: str
    subject: str
    text: str


def tell(user_id: int, workspace_id: int | None, *, subject: str, text: str, channel: str = "both") -> None:
    """Tell the payer by `channel`: email, app or both. Without a workspace there is no window to show it in."""
    values = [user_id, workspace_id, subject, text, channel != "email", channel != "app"]
    notice_id = sql.fetch_value(_ADD, values)
    if workspace_id is not None:
        events.announce("usage.notice", workspace_id=workspace_id, ids=[notice_id])


def mail_notice(notice_id: int) -> bool:
    """Mail it once, if it is to be mailed; tells whether it was. Raises ProviderError; may be repeated then."""
    with transaction.atomic():
        letter = sql.fetch_one(_Letter, _CLAIM, [now(), notice_id])
        if letter is None:
            return False
        address = f"{settings.PUBLIC_URL}/dashboard/settings/tokens/usage"
        send_notice(to=letter.email, subject=letter.subject, text=f"{letter.text}\n\n{address}\n")
    return True


def list_notices(user_id: int) -> list[Notice]:
    """The newest ones that are shown in the app."""
    return sql.fetch_all(Notice, _LIST, [user_id])


def unseen_notices(user_id: int, ids: list[int]) -> list[Notice]:
    """Of these notices the user's own that they have not read."""
    return sql.fetch_all(Notice, _UNSEEN, [user_id, ids])


def see_notices(user_id: int) -> None:
    """The user has them before their eyes."""
    sql.execute(_SEE, [now(), user_id])
