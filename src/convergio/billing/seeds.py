"""The owner of a new workspace: an allowance that is looked after, and alerts at a fifth of it and at nothing."""

from __future__ import annotations

from convergio.billing.payers import payer_id_of
from convergio.billing.subscriptions.rows import open_subscription
from convergio.core import sql
from convergio.core.seeds import workspace_seed

# With their first workspace only: whoever deleted them does not get them back with another one.
_ALERTS = """
INSERT INTO usage_alerts (user_id, threshold, unit, channel)
SELECT place.owner_id, level.threshold, level.unit, 'both'
FROM workspaces AS place CROSS JOIN (VALUES (20, 'percent'), (0, 'tokens')) AS level (threshold, unit)
WHERE place.id = %s
  AND NOT EXISTS (SELECT FROM workspaces AS other WHERE other.owner_id = place.owner_id AND other.id <> place.id)
ON CONFLICT DO NOTHING
"""


@workspace_seed
def open_owners_subscription(workspace_id: int) -> None:
    """On Free, unless they have a subscription already."""
    open_subscription(payer_id_of(workspace_id))


@workspace_seed
def seed_alerts(workspace_id: int) -> None:
    """Two alerts of the workspace's owner."""
    sql.execute(_ALERTS, [workspace_id])
