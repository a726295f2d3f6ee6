"""The activity log: who did what in a workspace. Rows are added in the transaction of what they tell, never changed."""

from __future__ import annotations

from typing import Any

from convergio.accounts.actor import Actor
from convergio.core import sql

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
    sql.execute(_RECORD, [*values, sql.to_json(facts).decode()])
