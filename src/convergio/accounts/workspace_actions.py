"""What people do with workspaces: make, rename, switch, leave, hand over, and ask for two-step sign-in."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from convergio.accounts import activity, entrance, fields
from convergio.accounts.actor import Actor
from convergio.accounts.errors import InvalidField
from convergio.accounts.membership import Left, acting_in, changing, end_membership
from convergio.accounts.models import User, Workspace
from convergio.accounts.permissions import require, require_fresh, require_person
from convergio.accounts.workspace_errors import OwnerStays, OwnSecondFactorFirst, TooManyWorkspaces
from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.core.tenancy import workspace_scope

LONGEST_NAME = 100
MOST_OWNED = 50

_SWITCH = "UPDATE user_sessions SET workspace_id = %s WHERE id = %s AND revoked_at IS NULL"
_ROLE = "UPDATE workspace_members SET role = %s WHERE workspace_id = %s AND user_id = %s AND role <> %s"


def create_workspace(actor: Actor, *, name: str) -> int:
    """Make a workspace that the actor owns; the session stays where it is. Raises InvalidField, TooManyWorkspaces."""
    require_person(actor)
    name = clean_name(name)
    user = User.objects.select_for_update(no_key=True).get(id=actor.require_user())  # for the count
    if Workspace.objects.filter(owner=user).count() >= MOST_OWNED:
        raise TooManyWorkspaces(MOST_OWNED)
    made = entrance.create_workspace(user, name=name)
    with workspace_scope(made.id):
        owner = replace(actor, workspace_id=made.id, role="owner")
        activity.record(owner, "workspace.created", subject=_subject(made.id), name=name)
    return made.id


def update_workspace(
    actor: Actor, workspace_id: int, *, name: str | None = None, require_two_factor: bool | None = None
) -> None:
    """Change what is given, leave what is None. Raises NotFound, NotAllowed, InvalidField; the second factor's switch
    also FreshSignInRequired, OwnSecondFactorFirst."""
    with changing(actor, workspace_id) as here:
        require_person(here)
        require(here, "workspace.edit")
        if name is not None:
            _rename(here, clean_name(name))
        if require_two_factor is not None:
            _require_two_factor(here, required=require_two_factor)


def _rename(here: Actor, name: str) -> None:
    before = Workspace.objects.get(id=here.workspace_id).name
    if name != before:
        Workspace.objects.filter(id=here.workspace_id).update(name=name)
        subject = _subject(here.workspace_id)
        activity.record(here, "workspace.renamed", subject=subject, before=before, after=name)


def _require_two_factor(here: Actor, *, required: bool) -> None:
    """Members whose session came without one are held at the next request (site.middleware)."""
    require_fresh(here)
    if required and not here.has_second_factor:
        raise OwnSecondFactorFirst
    changed = Workspace.objects.filter(id=here.workspace_id).exclude(require_two_factor=required)
    if changed.update(require_two_factor=required):
        subject = _subject(here.workspace_id)
        activity.record(here, "workspace.two_factor_required", subject=subject, required=required)


def switch_workspace(actor: Actor, workspace_id: int) -> None:
    """Point the actor's session at another of their workspaces. Raises NotFound."""
    require_person(actor)
    acting_in(actor, workspace_id, even_limited=True)
    sql.execute(_SWITCH, [workspace_id, actor.session_id])


def leave_workspace(actor: Actor, workspace_id: int) -> Left:
    """Leave; also open to whom the workspace asks for a second factor. Raises NotFound, OwnerStays."""
    with changing(actor, workspace_id, even_limited=True) as here:
        require_fresh(here)
        if here.role == "owner":
            raise OwnerStays
        left = end_membership(workspace_id, here.require_user(), keep_session=here.session_id)
        facts = msgspec.structs.asdict(left)
        activity.record(here, "member.left", subject=f"users:{here.user_id}", role=here.role, **facts)
        return left


def transfer_workspace(actor: Actor, workspace_id: int, *, user_id: int, name: str) -> None:
    """Make another member the owner; the actor stays as admin. `name` is the workspace's, typed as confirmation.

    Raises NotFound, NotAllowed, FreshSignInRequired, InvalidField.
    """
    with changing(actor, workspace_id) as here:
        require_fresh(here)
        require(here, "workspace.transfer")
        if fields.fold_name(name) != fields.fold_name(Workspace.objects.get(id=workspace_id).name):
            raise InvalidField("name", "Type the name of the workspace as it is written here.")
        # Who owns it already finds no row either.
        if not sql.execute(_ROLE, ["owner", workspace_id, user_id, "owner"]):
            raise NotFound("member")
        sql.execute(_ROLE, ["admin", workspace_id, here.user_id, "admin"])
        Workspace.objects.filter(id=workspace_id).update(owner_id=user_id)
        subject = _subject(workspace_id)
        activity.record(here, "workspace.transferred", subject=subject, before=here.user_id, after=user_id)


def clean_name(name: str) -> str:
    """A workspace's name as it is stored. Raises InvalidField."""
    return fields.clean_line("name", name, longest=LONGEST_NAME, required=True)


def _subject(workspace_id: int) -> str:
    return f"workspaces:{workspace_id}"
