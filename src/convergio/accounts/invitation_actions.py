"""Inviting people to a workspace, taking that back, and accepting."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from convergio.accounts import activity, entrance, fields, invitations, jobs
from convergio.accounts.actor import Actor, Role
from convergio.accounts.client import Client
from convergio.accounts.entrance import Entry
from convergio.accounts.errors import SignUpClosed
from convergio.accounts.invitations import LINK_LIFE, Spent
from convergio.accounts.membership import changing
from convergio.accounts.models import User, WorkspaceInvitation
from convergio.accounts.permissions import may_give, require, require_fresh, require_person
from convergio.accounts.sessions import SessionKind
from convergio.accounts.workspace_errors import (
    AlreadyMember,
    InvalidInvitation,
    OtherAddress,
    RankTooLow,
    TooManyInvitations,
)
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import NotFound
from convergio.core.tenancy import workspace_scope

# Enough to bring a company in, too few to send other people's mailboxes full by our server. Each mail counts.
MOST_A_DAY = 50
MOST_A_DAY_EACH = 100

_SENT = """
SELECT count(*) FILTER (WHERE workspace_id = %(workspace)s) >= %(most)s
         OR count(*) FILTER (WHERE invited_by_id = %(user)s) >= %(most_each)s,
       ceil(extract(epoch FROM min(created_at) + interval '1 day' - statement_timestamp()))::int
FROM workspace_invitations
WHERE (workspace_id = %(workspace)s OR invited_by_id = %(user)s)
  AND created_at > statement_timestamp() - interval '1 day'
"""
_IS_MEMBER = """
SELECT EXISTS (SELECT FROM workspace_members m JOIN users u ON u.id = m.user_id
               WHERE m.workspace_id = %s AND u.email = %s)
"""
_JOIN = """
INSERT INTO workspace_members (workspace_id, user_id, role) VALUES (%s, %s, %s)
ON CONFLICT ON CONSTRAINT workspace_members_once DO NOTHING
"""


def invite(actor: Actor, workspace_id: int, *, email: str, role: Role) -> int:
    """Mail an invitation; an open one to the same address is replaced by it. The answer is its id.

    Whether the address has an account changes nothing here. Raises NotFound, NotAllowed, FreshSignInRequired,
    RankTooLow, InvalidField, AlreadyMember, TooManyInvitations.
    """
    with changing(actor, workspace_id) as here:
        _require_inviting(here, role)
        email = fields.clean_email(email)
        if sql.fetch_value(_IS_MEMBER, [workspace_id, email]):
            raise AlreadyMember
        return _send(here, email, role)


def resend_invitation(actor: Actor, workspace_id: int, invitation_id: int) -> int:
    """Send an invitation again, with a new link and another 7 days; the old link ends. Raises as `invite` does."""
    with changing(actor, workspace_id) as here:
        sent = _open_ones(workspace_id).filter(id=invitation_id).first()
        if sent is None:
            raise NotFound("invitation")
        role = fields.clean_role(sent.role)
        _require_inviting(here, role)
        return _send(here, sent.email, role)


def revoke_invitation(actor: Actor, workspace_id: int, invitation_id: int) -> None:
    """Make an open invitation's link useless. Raises NotFound, NotAllowed, FreshSignInRequired."""
    with changing(actor, workspace_id) as here:
        require_fresh(here)
        require(here, "members.edit")
        if not _open_ones(workspace_id).filter(id=invitation_id).update(revoked_at=now()):
            raise NotFound("invitation")
        activity.record(here, "invitation.revoked", subject=_subject(invitation_id))


def accept_invitation(actor: Actor, *, token: str) -> int:
    """Join as the signed-in address; the answer is the workspace's id. Somebody who is a member keeps their role.

    Raises InvalidInvitation, OtherAddress.
    """
    require_person(actor)
    spent = invitations.spend(token, email=actor.email)
    if spent is None:
        invited = invitations.peek(token)
        raise OtherAddress(invited.email) if invited else InvalidInvitation
    _join(actor, spent)
    return spent.workspace_id


def register_invited(*, token: str, name: str, password: str, kind: SessionKind, client: Client) -> Entry:
    """Make the account of an invited address, which the link has proved, and join with it.

    Works where sign-up is by invitation. Runs outside a request's transaction. Raises InvalidField, SignUpClosed,
    InvalidInvitation, EmailTaken; then the link can still be used.
    """
    if settings.SIGNUP == "closed":
        raise SignUpClosed("This installation takes no new accounts; ask its operator for one.")
    with transaction.atomic():
        spent = invitations.spend(token, email=None)
        if spent is None:
            raise InvalidInvitation
        user = entrance.create_account(email=spent.email, password=password, name=name)
        User.objects.filter(id=user.id).update(email_verified_at=now())
        _join(Actor(workspace_id=spent.workspace_id, user_id=user.id, role=spent.role), spent)
        return entrance.admit(user, spent.workspace_id, method="register", kind=kind, client=client)


def _require_inviting(here: Actor, role: Role) -> None:
    require_fresh(here)
    require(here, "members.edit")
    if not may_give(here, role):
        raise RankTooLow


def _send(here: Actor, email: str, role: Role) -> int:
    """Store it in place of an open one. The job makes the token: until then nobody knows one that fits."""
    limits = {"most": MOST_A_DAY, "most_each": MOST_A_DAY_EACH}
    over, wait = sql.fetch_rows(_SENT, {"workspace": here.workspace_id, "user": here.user_id, **limits})[0]
    if over:
        raise TooManyInvitations(MOST_A_DAY, retry_after=max(wait, 1))
    _open_ones(here.workspace_id).filter(email=email).update(revoked_at=now())
    made = WorkspaceInvitation.objects.create(
        workspace_id=here.workspace_id,
        email=email,
        role=role,
        token_hash=os.urandom(32),
        invited_by_id=here.user_id,
        expires_at=now() + LINK_LIFE,
    )
    jobs.mail_invitation.defer(invitation_id=made.id)
    activity.record(here, "member.invited", subject=_subject(made.id), email=email, role=role)
    return made.id


def _open_ones(workspace_id: int) -> QuerySet[WorkspaceInvitation]:
    """Neither accepted nor withdrawn; they may have expired."""
    return WorkspaceInvitation.objects.filter(workspace_id=workspace_id, accepted_at=None, revoked_at=None)


def _join(actor: Actor, spent: Spent) -> None:
    with workspace_scope(spent.workspace_id):
        joined = sql.execute(_JOIN, [spent.workspace_id, actor.require_user(), spent.role])
        member = replace(actor, workspace_id=spent.workspace_id, role=spent.role)
        facts: dict[str, Any] = {"role": spent.role, "invited_by": spent.invited_by, "joined": bool(joined)}
        activity.record(member, "invitation.accepted", subject=_subject(spent.id), **facts)


def _subject(invitation_id: int) -> str:
    return f"workspace_invitations:{invitation_id}"
