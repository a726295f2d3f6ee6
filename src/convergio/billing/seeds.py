"""The owner of a new workspace is somebody whose monthly allowance is looked after."""

from __future__ import annotations

from convergio.billing.subscriptions.rows import open_subscription
from convergio.core import sql
from convergio.core.seeds import workspace_seed


@workspace_seed
def open_owners_subscription(workspace_id: int) -> None:
    """On Free, unless they have a subscription already."""
    open_subscription(sql.fetch_value("SELECT owner_id FROM workspaces WHERE id = %s", [workspace_id]))
