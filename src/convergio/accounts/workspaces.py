"""Going through the workspaces one by one: work across them has a scope each, and no way around it."""

from __future__ import annotations

from convergio.core import sql


def workspace_ids() -> list[int]:
    """Every workspace, oldest first."""
    return sql.fetch_column("SELECT id FROM workspaces ORDER BY id")
