"""What admins do with members: give them another role, take them out."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from convergio.accounts import activity
from convergio.accounts.actor import Actor, Role
from convergio.accounts.membership import Left, changing, end_membership, withdraw_invitations
from convergio.accounts.permissions import allows, may_give, outranks, require, require_fresh
from convergio.accounts.workspace_errors import OwnerStays, RankTooLow
from convergio.core import sql
from convergio.core.errors import NotFound

_ROLE_OF = "SELECT role FROM workspace_members WHERE workspace_id = %s AND user_id = %s"
_GIVE = "UPDATE workspace_members SET role = %s WHERE workspace_id = %s AND user_id = %s"


def change_role(actor: Actor, workspace_id: int, *, user_id: int, role: Role) -> None:
    """Give a member the role admin or member, from their next request on.

    Raises NotFound, NotAllowed, FreshSignInRequired, OwnerStays, RankTooLow.
    """
    with changing(actor, workspace_id) as here:
        before = _role_of_subject(here, user_id)
        if not may_give(here, role):
            raise RankTooLow
        if role == before:
            return
        sql.execute(_GIVE, [role, workspace_id, user_id])
        withdrawn = 0 if role == "admin" else withdraw_invitations(workspace_id, user_id)
        facts: dict[str, Any] = {"before": before, "after": role, "invitations": withdrawn}
        activity.record(here, "member.role_changed", subject=f"users:{user_id}", **facts)


def remove_member(actor: Actor, workspace_id: int, *, user_id: int) -> Left:
    """End a member's access from their next request on; what was assigned to them stays so, and is counted.

    Raises NotFound, NotAllowed, FreshSignInRequired, OwnerStays, RankTooLow.
    """
    with changing(actor, workspace_id) as here:
        before = _role_of_subject(here, user_id)
        left = end_membership(workspace_id, user_id)
        facts = msgspec.structs.asdict(left)
        activity.record(here, "member.removed", subject=f"users:{user_id}", role=before, **facts)
        return left


def _role_of_subject(here: Actor, user_id: int) -> Role:
    """The role of whom the actor wants to change, once it is sure that they may."""
    require_fresh(here)
    require(here, "members.edit")
    role = cast(Role | None, sql.fetch_value(_ROLE_OF, [here.workspace_id, user_id]))
    if role is None:
        raise NotFound("member")
    if role == "owner" and allows(here, "workspace.transfer"):
        raise OwnerStays
    if not outranks(here, role):
        raise RankTooLow
    return role
