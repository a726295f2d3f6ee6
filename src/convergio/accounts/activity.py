"""The activity log: who did what in a workspace. Rows are added in the transaction of what they tell, never changed."""

from __future__ import annotations

from typing import Any

from convergio.accounts.actor import Actor
from convergio.accounts.reach import whole_workspace
from convergio.core import sql
from convergio.core.tenancy import workspace_scope

_RECORD = """
INSERT INTO activity (workspace_id, user_id, api_key_id, ip, action, subject, facts)
VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb)
"""


def record(actor: Actor, action: str, *, subject: str = "", ip: str | None = None, **facts: Any) -> None:
    """Write down what the actor does, in the workspace in view.

    `action` is a stable dotted name (member.removed), `subject` the table and id (tasks:12). Facts are small values
    that make the line understandable; no secrets, no texts of mail.
    """
    values = [actor.workspace_id, actor.user_id, actor.api_key_id, ip, action, subject[:100]]
    with whole_workspace(actor):
        sql.execute(_RECORD, [*values, sql.to_json(facts).decode()])


def record_apart(
    actor: Actor, action: str, *, subject: str = "", ip: str | None = None, **facts: Any
) -> None:
    """The same from outside a request's transaction (sign-in, passwords), where no workspace is in view."""
    with workspace_scope(actor.workspace_id):
        record(actor, action, subject=subject, ip=ip, **facts)


def record_sign_in(user_id: int, workspace_id: int, *, method: str, ip: str | None) -> None:
    """Somebody came in, by password, passkey ... Call where history.note_success tells the person the same."""
    actor = Actor(workspace_id=workspace_id, user_id=user_id, role="member")
    record_apart(actor, "session.started", ip=ip, method=method)
