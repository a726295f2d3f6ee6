"""Rows of every workspace, also for an owner whom row-level security holds, as it is forced on owners too."""

from typing import Any

import psycopg

_SCOPE = "SELECT set_config('convergio.workspace_id', %s, true)"


def fetch_everywhere(admin_url: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows of `statement` for one workspace after the other; it names the workspace `%(workspace)s`."""
    found: list[tuple[Any, ...]] = []
    with psycopg.connect(admin_url) as connection:
        for (workspace_id,) in connection.execute("SELECT id FROM workspaces ORDER BY id").fetchall():
            connection.execute(_SCOPE, [str(workspace_id)])
            found += connection.execute(statement, {"workspace": workspace_id}).fetchall()
    return found
