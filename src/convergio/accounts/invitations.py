"""The mailed link by which somebody joins a workspace. It works once, for 7 days; only its digest is stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
from django.conf import settings

from convergio.accounts.actor import Role
from convergio.accounts.tokens import new_token
from convergio.core import sql
from convergio.core.crypto import token_digest
from convergio.core.system_mail import send_notice

LINK_LIFE = timedelta(days=7)
_LONGEST_NAME_IN_MAIL = 100

_OPEN = "i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > statement_timestamp()"
# One statement, so that of two parallel uses only one gets the row. It holds for its own address alone.
_SPEND = f"""
UPDATE workspace_invitations i SET accepted_at = statement_timestamp()
WHERE i.token_hash = %(digest)s AND (%(email)s::text IS NULL OR i.email = %(email)s) AND {_OPEN}
RETURNING i.id, i.workspace_id, i.email, i.role, i.invited_by_id
"""
_PEEK = f"""
SELECT w.name, i.email, i.role, coalesce(u.name, ''), coalesce(u.email, ''), i.expires_at,
       EXISTS (SELECT FROM users known WHERE known.email = i.email)
FROM workspace_invitations i JOIN workspaces w ON w.id = i.workspace_id LEFT JOIN users u ON u.id = i.invited_by_id
WHERE i.token_hash = %s AND {_OPEN}
"""
_NEW_TOKEN = f"""
UPDATE workspace_invitations i SET token_hash = %s
FROM workspaces w, users u
WHERE i.id = %s AND {_OPEN} AND w.id = i.workspace_id AND u.id = i.invited_by_id
RETURNING i.email, i.role, w.name, u.name, u.email
"""
_TEXT = """{inviter} invites you to the Convergio workspace “{workspace}” as {role}.

Open this link within 7 days to accept. It works once, and for {email} only:

{link}

If you do not know who that is, do nothing: you join nothing without accepting.
"""


class Spent(msgspec.Struct, frozen=True):
    """An invitation that was just used up."""

    id: int
    workspace_id: int
    email: str
    role: Role
    invited_by: int | None


class Invited(msgspec.Struct, frozen=True):
    """What a link tells whoever opens it: who invites which address to what."""

    workspace_name: str
    email: str
    role: str
    inviter_name: str
    inviter_email: str
    expires_at: datetime
    has_account: bool


def mail_link(invitation_id: int) -> None:
    """Mail an open invitation with a new token; earlier ones of it end. Run as a job."""
    token = new_token()
    rows = sql.fetch_rows(_NEW_TOKEN, [token_digest(token), invitation_id])
    if not rows:
        return  # accepted, withdrawn or replaced before it was sent
    email, role, workspace, name, address = rows[0]
    inviter = f"{name[:_LONGEST_NAME_IN_MAIL]} ({address})" if name else address
    facts = {"inviter": inviter, "workspace": workspace[:_LONGEST_NAME_IN_MAIL], "role": role, "email": email}
    # The subject holds nothing that people chose: it is ours.
    send_notice(
        to=email, subject="You are invited to a workspace", text=_TEXT.format(link=link(token), **facts)
    )


def link(token: str) -> str:
    """The address that the mail holds."""
    return f"{settings.PUBLIC_URL}/invite?{urlencode({'token': token})}"


def peek(token: str) -> Invited | None:
    """What the link is about if it could be used now."""
    return sql.fetch_one(Invited, _PEEK, [token_digest(token)])


def spend(token: str, *, email: str | None) -> Spent | None:
    """Use the link up, for one address or (None) whichever it was sent to; None when it does not hold for that."""
    return sql.fetch_one(Spent, _SPEND, {"digest": token_digest(token), "email": email})
