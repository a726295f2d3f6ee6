"""How somebody stands in a workspace: looked up for every call that names one, changed one at a time, and ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec

from convergio.accounts import leaving
from convergio.accounts.actor import Actor
from convergio.accounts.entrance import create_own_workspace
from convergio.accounts.errors import SecondFactorRequired
from convergio.accounts.models import User
from convergio.core import sql
from convergio.core.errors import NotFound
from convergio.core.tenancy import workspace_scope

_STANDING = """
SELECT m.role, w.require_two_factor
FROM workspace_members m JOIN workspaces w ON w.id = m.workspace_id
WHERE m.workspace_id = %s AND m.user_id = %s
"""
# Rows that point to the workspace can still be added meanwhile; other changes of its members wait.
_HOLD = """
SELECT w.id FROM workspaces w JOIN workspace_members m ON m.workspace_id = w.id
WHERE w.id = %s AND m.user_id = %s FOR NO KEY UPDATE OF w
"""
_OUT = "DELETE FROM workspace_members WHERE workspace_id = %(workspace)s AND user_id = %(user)s"
_HOME = "SELECT workspace_id FROM workspace_members WHERE user_id = %s ORDER BY id LIMIT 1"
# A browser shows another workspace and says which; a program would go on in the wrong one.
_MOVE = """
UPDATE user_sessions SET workspace_id = %(home)s
WHERE user_id = %(user)s AND workspace_id = %(workspace)s AND revoked_at IS NULL
  AND (kind = 'browser' OR id = %(keep)s)
"""
_END = """
UPDATE user_sessions SET revoked_at = statement_timestamp(), revoked_reason = 'left_workspace'
WHERE user_id = %(user)s AND workspace_id = %(workspace)s AND revoked_at IS NULL
"""
_REVOKE_KEYS = """
UPDATE api_keys SET revoked_at = statement_timestamp()
WHERE user_id = %(user)s AND workspace_id = %(workspace)s AND revoked_at IS NULL
"""
_WITHDRAW_ALL = """
UPDATE workspace_invitations SET revoked_at = statement_timestamp()
WHERE workspace_id = %s AND invited_by_id = %s AND accepted_at IS NULL AND revoked_at IS NULL
"""


class Left(msgspec.Struct, frozen=True):
    """What somebody's leaving ended, and what stays assigned to them ({"tasks": 3})."""

    api_keys: int
    invitations: int
    assigned: dict[str, int]


def acting_in(actor: Actor, workspace_id: int, *, even_limited: bool = False) -> Actor:
    """The actor as they stand in one of their workspaces. An API key stands in its own alone.

    Raises NotFound, and SecondFactorRequired where the workspace asks for a factor that is missing.
    """
    by_key = actor.via == "api_key"
    rows = sql.fetch_rows(_STANDING, [workspace_id, actor.require_user()])
    if not rows or (by_key and workspace_id != actor.workspace_id):
        raise NotFound("workspace")
    role, required = rows[0]
    limited = actor.is_limited if by_key else required and not actor.has_second_factor
    if limited and not even_limited:
        raise SecondFactorRequired
    return replace(actor, workspace_id=workspace_id, role=role, is_limited=limited)


@contextmanager
def changing(actor: Actor, workspace_id: int, *, even_limited: bool = False) -> Iterator[Actor]:
    """One change of a workspace or its members at a time, in its scope, by the actor with the role they have now.

    Raises NotFound, SecondFactorRequired.
    """
    with workspace_scope(workspace_id):
        if sql.fetch_value(_HOLD, [workspace_id, actor.require_user()]) is None:
            raise NotFound("workspace")
        yield acting_in(actor, workspace_id, even_limited=even_limited)


def end_membership(workspace_id: int, user_id: int, *, keep_session: int | None = None) -> Left:
    """Take somebody out, from their next request on. Call inside `changing`.

    Who has no other workspace gets one of their own, so that they can still sign in and be invited again.
    """
    user = User.objects.select_for_update(no_key=True).get(id=user_id)  # two workspaces may do this at once
    where = {"workspace": workspace_id, "user": user_id, "keep": keep_session}
    sql.execute(_OUT, where)
    home = sql.fetch_value(_HOME, [user_id]) or create_own_workspace(user).id
    sql.execute(_MOVE, {**where, "home": home})
    sql.execute(_END, where)
    return Left(
        api_keys=sql.execute(_REVOKE_KEYS, where),
        invitations=withdraw_invitations(workspace_id, user_id),
        assigned=leaving.what_stays(workspace_id, user_id),
    )


def withdraw_invitations(workspace_id: int, user_id: int) -> int:
    """What somebody sent is only as good as they are: withdraw it when they may not invite any more."""
    return sql.execute(_WITHDRAW_ALL, [workspace_id, user_id])
