"""Changing the plan as screens and REST do it: by the owner, who signed in just now, and written down.

Providers are called outside of transactions, so these stand behind site.access.without_transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from convergio.accounts import activity
from convergio.accounts.actor import Actor
from convergio.accounts.permissions import require, require_fresh
from convergio.billing import gateways
from convergio.billing.gateways.protocol import Order
from convergio.billing.payers import payer_of
from convergio.billing.subscriptions import actions
from convergio.billing.subscriptions.actions import Change, SubscriptionCheckout
from convergio.billing.subscriptions.orders import open_orders, place_order
from convergio.billing.subscriptions.plans import gross
from convergio.billing.subscriptions.queries import Terms
from convergio.billing.subscriptions.rows import get_state, get_version


@dataclass(frozen=True, slots=True)
class OpenCheckout:
    """What waits to be agreed to or paid for the plan. A monthly price is agreed to, an order is paid once."""

    order: Order
    gateway: str
    plan_name: str
    amount: int
    currency: str
    is_monthly: bool


def subscribe(actor: Actor, *, plan: str, gateway: str, idempotency_key: str) -> SubscriptionCheckout:
    """Raises as subscriptions.actions.subscribe does, and FreshSignInRequired."""
    require(actor, "billing.edit")
    require_fresh(actor)
    begun = actions.subscribe(actor, plan=plan, gateway=gateway, idempotency_key=idempotency_key)
    activity.record_apart(actor, "billing.plan_chosen", plan=plan, gateway=gateway)
    return begun


def change_plan(actor: Actor, *, plan: str) -> Change:
    """Raises as subscriptions.actions.change_plan does, and FreshSignInRequired."""
    require(actor, "billing.edit")
    require_fresh(actor)
    change = actions.change_plan(actor, plan=plan)
    activity.record_apart(
        actor, "billing.plan_changed", plan=change.preview.plan_name, kind=change.preview.kind
    )
    return change


def cancel(actor: Actor) -> Terms:
    """Raises as subscriptions.actions.cancel does, and FreshSignInRequired."""
    require(actor, "billing.edit")
    require_fresh(actor)
    terms = actions.cancel(actor)
    activity.record_apart(actor, "billing.plan_cancelled", plan=terms.plan_name)
    return terms


def resume(actor: Actor) -> Terms:
    """Raises as subscriptions.actions.resume does, and FreshSignInRequired."""
    require(actor, "billing.edit")
    require_fresh(actor)
    terms = actions.resume(actor)
    activity.record_apart(actor, "billing.plan_resumed", plan=terms.plan_name)
    return terms


def open_checkout(actor: Actor) -> OpenCheckout | None:
    """What was begun and is not paid, asked for again: it is the same at the gateway. Raises ProviderError."""
    require(actor, "billing.edit")
    payer = payer_of(actor)
    for row in open_orders(payer.id):
        if row.status == "pending":
            order, version = place_order(row, email=payer.email), get_version(row.version_id)
            return OpenCheckout(order, row.gateway, version.name, row.amount, row.currency, is_monthly=False)
    state = get_state(payer.id)
    wanted = state.next_version if state.status == "pending" else state.version
    if state.status not in ("pending", "past_due") or wanted is None:
        return None
    if state.status == "pending" and not state.gateway_id:  # its answer was lost
        actions.subscribe(actor, plan=wanted.slug, gateway=state.gateway, idempotency_key=uuid4().hex)
        state = get_state(payer.id)
    if not state.gateway_id:
        return None
    contract = gateways.find(state.gateway).fetch_subscription(state.gateway_id)
    amount = gross(payer.id, wanted.name, wanted.price)
    order = Order(contract.id, url=contract.url)
    return OpenCheckout(order, state.gateway, wanted.name, amount, wanted.currency, is_monthly=True)
