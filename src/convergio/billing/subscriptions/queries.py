"""What a user has now, and what there is to have."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import NotFound

# On Free, months are counted from sign-up by the days of India, as periods.py does; a subscription has its own.
TERMS = """
WITH who AS (
  SELECT COALESCE(s.status, 'free') AS status, s.version_id, s.next_version_id, s.period_start, s.period_end,
    u.created_at AT TIME ZONE 'Asia/Kolkata' AS anchor, %(now)s AT TIME ZONE 'Asia/Kolkata' AS moment
  FROM users u LEFT JOIN user_subscriptions s ON s.user_id = u.id WHERE u.id = %(user)s
), counted AS (
  SELECT who.*, (extract(year FROM moment) - extract(year FROM anchor))::int * 12
    + (extract(month FROM moment) - extract(month FROM anchor))::int AS months FROM who
), placed AS (
  SELECT counted.*, months - (anchor + make_interval(months => months) > moment)::int AS past FROM counted
)
SELECT p.slug::text, v.name::text, v.price, v.currency::text, v.monthly_tokens, v.monthly_emails,
  v.monthly_ai_replies, placed.status::text,
  CASE WHEN placed.status IN ('free', 'pending')
    THEN (anchor + make_interval(months => past)) AT TIME ZONE 'Asia/Kolkata' ELSE placed.period_start END,
  CASE WHEN placed.status IN ('free', 'pending')
    THEN (anchor + make_interval(months => past + 1)) AT TIME ZONE 'Asia/Kolkata' ELSE placed.period_end END,
  placed.status = 'cancelling',
  CASE WHEN placed.status = 'cancelling' THEN 'free' ELSE COALESCE(wanted.slug, '') END::text
FROM placed
JOIN subscription_plan_versions v ON v.id = COALESCE(placed.version_id, (
  SELECT latest.id FROM subscription_plan_versions latest JOIN subscription_plans free ON free.id = latest.plan_id
  WHERE free.slug = 'free' ORDER BY latest.number DESC LIMIT 1))
JOIN subscription_plans p ON p.id = v.plan_id
LEFT JOIN subscription_plan_versions n ON n.id = placed.next_version_id
LEFT JOIN subscription_plans wanted ON wanted.id = n.plan_id
"""
_PLANS = """
SELECT DISTINCT ON (p.id) v.id, p.slug::text, v.name::text, v.price, v.currency::text, v.monthly_tokens,
  v.monthly_emails, v.monthly_ai_replies, v.trial_days
FROM subscription_plans p JOIN subscription_plan_versions v ON v.plan_id = p.id
"""
_OFFERED = (
    f"SELECT * FROM ({_PLANS} WHERE p.is_active ORDER BY p.id, v.number DESC) AS plan ORDER BY price, id"
)
_OFFER = f"{_PLANS} WHERE p.slug = %s AND (p.is_active OR p.slug = 'free') ORDER BY p.id, v.number DESC"


_STEPS = """
SELECT id, from_state::text, to_state::text, event::text, facts, moment FROM subscription_events
WHERE user_id = %s ORDER BY id DESC LIMIT %s
"""
_TRANSFERS = """
SELECT o.id, o.user_id, u.email::text, o.reference::text, o.kind::text, v.name::text, o.amount, o.currency::text,
  o.period_start, o.created_at
FROM subscription_orders o JOIN users u ON u.id = o.user_id JOIN subscription_plan_versions v ON v.id = o.version_id
WHERE o.status = 'pending' AND o.gateway = 'manual' ORDER BY o.id
"""


class Terms(msgspec.Struct, frozen=True):
    """What a user has. A quota of None is unlimited; the price is in minor units a month.

    `status` is free, pending (on Free until the first payment), trialing, active, past_due or cancelling;
    `next_plan_slug` is what holds from `period_end` on, '' for the same.
    """

    plan_slug: str
    plan_name: str
    price: int
    currency: str
    monthly_tokens: int
    monthly_emails: int | None
    monthly_ai_replies: int | None
    status: str
    period_start: datetime
    period_end: datetime
    cancel_at_period_end: bool
    next_plan_slug: str


class Plan(msgspec.Struct, frozen=True):
    """The newest version of a plan; `version_id` is what a subscriber keeps."""

    version_id: int
    slug: str
    name: str
    price: int
    currency: str
    monthly_tokens: int
    monthly_emails: int | None
    monthly_ai_replies: int | None
    trial_days: int


class Step(msgspec.Struct, frozen=True):
    """One line of a subscription's history; `facts` are the event's own and the plan that it was about."""

    id: int
    from_state: str
    to_state: str
    event: str
    facts: dict[str, Any]
    moment: datetime


class WaitingTransfer(msgspec.Struct, frozen=True):
    """A bank transfer for a plan that staff may write down with `transfers.record_plan_transfer`."""

    order_id: int
    user_id: int
    email: str
    reference: str
    kind: str
    plan_name: str
    amount: int
    currency: str
    period_start: datetime | None
    created_at: datetime


def current_terms(user_id: int) -> Terms:
    """What the user has now; whoever subscribed to nothing is on Free. Raises NotFound for nobody."""
    terms = sql.fetch_one(Terms, TERMS, {"user": user_id, "now": now()})
    if terms is None:
        raise NotFound("user")
    return terms


def list_steps(user_id: int, *, limit: int = 50) -> list[Step]:
    """A subscription's history, newest first."""
    return sql.fetch_all(Step, _STEPS, [user_id, limit])


def waiting_transfers() -> list[WaitingTransfer]:
    """For staff: what subscribers were asked to transfer and has not arrived."""
    return sql.fetch_all(WaitingTransfer, _TRANSFERS)


def list_plans() -> list[Plan]:
    """What can be subscribed to, cheapest first; Free among them."""
    return sql.fetch_all(Plan, _OFFERED)


def find_plan(slug: str) -> Plan:
    """The newest version of a plan that is sold. Raises NotFound."""
    plan = sql.fetch_one(Plan, _OFFER, [slug])
    if plan is None:
        raise NotFound("plan")
    return plan
