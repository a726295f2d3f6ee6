"""What people see of their workspaces, the members and the open invitations."""

from __future__ import annotations

from datetime import datetime

import msgspec

from convergio.accounts.actor import Actor
from convergio.accounts.membership import acting_in
from convergio.accounts.permissions import allows, require
from convergio.core import sql
from convergio.core.errors import NotFound


class WorkspaceRow(msgspec.Struct, frozen=True):
    """A workspace of the actor's, with their role in it; `current` is the one that this session or key works in."""

    id: int
    name: str
    role: str
    members: int
    owner_id: int
    require_two_factor: bool
    current: bool
    created_at: datetime


class MemberRow(msgspec.Struct, frozen=True):
    """A member. `two_factor` (an app or passkey is set up) is told to those who may edit members, None to others."""

    user_id: int
    name: str
    email: str
    role: str
    two_factor: bool | None
    joined_at: datetime

    @property
    def label(self) -> str:
        """The name, or the address of who has none."""
        return self.name or self.email


class InvitationRow(msgspec.Struct, frozen=True):
    """An invitation that was neither accepted nor withdrawn. An expired one can be sent again."""

    id: int
    email: str
    role: str
    invited_by: str
    created_at: datetime
    expires_at: datetime


_WORKSPACES = """
SELECT w.id, w.name, m.role, (SELECT count(*) FROM workspace_members c WHERE c.workspace_id = w.id),
       w.owner_id, w.require_two_factor, w.id = %(current)s, w.created_at
FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id
WHERE m.user_id = %(user)s AND (%(only)s::bigint IS NULL OR w.id = %(only)s)
ORDER BY lower(w.name), w.id
"""
_MEMBERS = """
SELECT u.id, u.name, u.email, m.role,
       CASE WHEN %(may_edit)s THEN
         EXISTS (SELECT FROM user_2fa t WHERE t.user_id = u.id AND t.enabled_at IS NOT NULL)
         OR EXISTS (SELECT FROM passkeys p WHERE p.user_id = u.id) END,
       m.created_at
FROM workspace_members m JOIN users u ON u.id = m.user_id
WHERE m.workspace_id = %(workspace)s AND (%(only)s::bigint IS NULL OR u.id = %(only)s)
ORDER BY m.role <> 'owner', m.role, lower(u.name), u.email
"""
_INVITATIONS = """
SELECT i.id, i.email, i.role, coalesce(nullif(u.name, ''), u.email, ''), i.created_at, i.expires_at
FROM workspace_invitations i LEFT JOIN users u ON u.id = i.invited_by_id
WHERE i.workspace_id = %(workspace)s AND i.accepted_at IS NULL AND i.revoked_at IS NULL
  AND (%(only)s::bigint IS NULL OR i.id = %(only)s)
ORDER BY i.id DESC
"""


def list_workspaces(actor: Actor) -> list[WorkspaceRow]:
    """The actor's workspaces by name; an API key has one."""
    return _workspaces(actor, None)


def get_workspace(actor: Actor, workspace_id: int) -> WorkspaceRow:
    """One of the actor's workspaces. Raises NotFound."""
    found = _workspaces(actor, workspace_id)
    if not found:
        raise NotFound("workspace")
    return found[0]


def _workspaces(actor: Actor, only: int | None) -> list[WorkspaceRow]:
    if actor.via == "api_key":
        if only not in {None, actor.workspace_id}:
            return []
        only = actor.workspace_id
    where = {"user": actor.user_id, "current": actor.workspace_id, "only": only}
    return sql.fetch_all(WorkspaceRow, _WORKSPACES, where)


def list_people(actor: Actor, workspace_id: int) -> list[MemberRow]:
    """A workspace's members: owner, admins, members, each by name. Raises NotFound, SecondFactorRequired."""
    return _people(acting_in(actor, workspace_id), None)


def get_member(actor: Actor, workspace_id: int, user_id: int) -> MemberRow:
    """One member. Raises NotFound, SecondFactorRequired."""
    found = _people(acting_in(actor, workspace_id), user_id)
    if not found:
        raise NotFound("member")
    return found[0]


def _people(here: Actor, only: int | None) -> list[MemberRow]:
    where = {"workspace": here.workspace_id, "may_edit": allows(here, "members.edit"), "only": only}
    return sql.fetch_all(MemberRow, _MEMBERS, where)


def list_invitations(actor: Actor, workspace_id: int) -> list[InvitationRow]:
    """Open invitations, the newest first. Raises NotFound, NotAllowed, SecondFactorRequired."""
    return _invitations(actor, workspace_id, None)


def get_invitation(actor: Actor, workspace_id: int, invitation_id: int) -> InvitationRow:
    """One open invitation. Raises NotFound, NotAllowed, SecondFactorRequired."""
    found = _invitations(actor, workspace_id, invitation_id)
    if not found:
        raise NotFound("invitation")
    return found[0]


def _invitations(actor: Actor, workspace_id: int, only: int | None) -> list[InvitationRow]:
    here = acting_in(actor, workspace_id)
    require(here, "members.edit")
    return sql.fetch_all(InvitationRow, _INVITATIONS, {"workspace": workspace_id, "only": only})
