"""Rows of user_subscriptions and what belongs to them."""

from __future__ import annotations

from convergio.core import sql
from convergio.core.clock import now

_OPEN = """
INSERT INTO user_subscriptions (user_id, plan_id, version_id, look_at)
SELECT %(user)s, v.plan_id, v.id, %(now)s
FROM subscription_plan_versions v JOIN subscription_plans p ON p.id = v.plan_id
WHERE p.slug = 'free' ORDER BY v.number DESC LIMIT 1
ON CONFLICT (user_id) DO NOTHING
"""


def open_subscription(user_id: int) -> None:
    """Make sure that the user has a row: on Free, to be looked at now."""
    sql.execute(_OPEN, {"user": user_id, "now": now()})
