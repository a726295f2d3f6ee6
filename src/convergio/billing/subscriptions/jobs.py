"""Subscriptions' work outside of requests. Loaded by apps.py, which also tells webhooks and reconciliation of it."""

from __future__ import annotations

from datetime import timedelta

import structlog
from procrastinate.contrib.django import app

from convergio.billing.gateways.protocol import Gateway, GatewayEvent, Payment
from convergio.billing.reconciliation import KNOWN_ELSEWHERE
from convergio.billing.subscriptions import reconciliation, refunds
from convergio.billing.subscriptions.look import look
from convergio.billing.subscriptions.orders import (
    find_order,
    is_of_subscriptions,
    settle_order,
    waiting_orders,
)
from convergio.billing.subscriptions.rows import adopt_owners, claim_due, find_subscriber
from convergio.billing.subscriptions.sync import adopt_contract, sync
from convergio.billing.webhooks import HANDLERS, OTHER_ORDERS
from convergio.core.clock import now
from convergio.core.errors import AppError
from convergio.core.jobs import RETRIES, enqueue_all

log = structlog.get_logger(__name__)

# Buyers are on the gateway's page for minutes; bank transfers are told to us by staff.
_WAITING = timedelta(days=1)


@app.periodic(cron="* * * * *")
@app.task(name="billing.look_at_subscriptions", queueing_lock="billing.look_at_subscriptions")
def look_at_subscriptions(timestamp: int) -> None:  # noqa: ARG001 - the queue passes it
    """Whoever is due, each in a job of their own; the cost is of those, however many subscribers there are."""
    enqueue_all(look_at_subscription, [{"user_id": user_id} for user_id in claim_due()])


@app.task(name="billing.look_at_subscription", queue="default", retry=RETRIES)
def look_at_subscription(user_id: int) -> None:
    """One user's allowance, renewal, notice, reminder or end."""
    look(user_id)


@app.periodic(cron="5-59/10 * * * *")
@app.task(name="billing.settle_subscription_orders", queueing_lock="billing.settle_subscription_orders")
def settle_orders(timestamp: int) -> None:  # noqa: ARG001
    """Upgrades whose buyer closed the tab and whose webhook got lost; refunds under way."""
    for order in waiting_orders(now() - _WAITING):
        try:
            settle_order(order.id)
        except AppError as error:
            log.warning("billing.subscription_order_unresolved", order_id=order.id, code=error.code)
    for refund_id in refunds.pending_refunds():
        try:
            refunds.send_refund(refund_id)
        except AppError as error:
            log.warning("billing.subscription_refund_unresolved", refund_id=refund_id, code=error.code)


@app.periodic(cron="52 2 * * *")
@app.task(name="billing.reconcile_subscriptions", queueing_lock="billing.reconcile_subscriptions")
def reconcile_subscriptions(timestamp: int) -> None:  # noqa: ARG001
    """Compare every contract and refund with its gateway; find owners whom nobody opened a subscription for."""
    reconciliation.reconcile_contracts()
    reconciliation.reconcile_refunds()
    adopt_owners()


def look_at_contract(gateway: str, event: GatewayEvent) -> None:
    """A webhook says whose contract to ask the gateway about; another installation's is none of our business."""
    user_id = find_subscriber(gateway, gateway_id=event.subscription_id, reference=event.reference)
    if user_id is not None:
        adopt_contract(user_id, gateway=gateway, subscription_id=event.subscription_id)
        sync(user_id)


def look_at_order(gateway: str, event: GatewayEvent) -> None:
    """A webhook about a payment that is for no purchase."""
    order = find_order(gateway, order_id=event.order_id, reference=event.reference)
    if order is not None:
        settle_order(order.id)
    payment_id = refunds.find_payment(gateway, gateway_id=event.payment_id)
    if payment_id is not None:
        refunds.follow_refunds(payment_id)


def _is_known(gateway: Gateway, payment: Payment) -> bool:
    return is_of_subscriptions(gateway.name, payment)


HANDLERS["subscription"] = look_at_contract
OTHER_ORDERS.append(look_at_order)
KNOWN_ELSEWHERE.append(_is_known)
