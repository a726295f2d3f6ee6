"""Both sides side by side, every day: what the gateway was paid, and what we credited.

Repaired is what is safe: a payment that the gateway's API confirms is credited once, a refund made there is followed.
Everything else becomes a row of gateway_differences that staff see.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog

from convergio.billing import gateways
from convergio.billing.gateways.protocol import Gateway, Payment
from convergio.billing.payments import adopt_order, apply_payment, complete_purchase
from convergio.billing.purchases import find_purchase, get_purchase, report
from convergio.core import sql
from convergio.core.clock import now
from convergio.core.errors import AppError

log = structlog.get_logger(__name__)

WINDOW = timedelta(days=7)
# Buyers are on the gateway's page for minutes; after that a lost webhook is likelier than a slow buyer.
_WAITING = timedelta(days=1)

_OURS = """
SELECT id FROM token_purchases
WHERE gateway = %s AND gateway_id <> '' AND created_at >= %s AND status IN ('pending', 'mismatch', 'paid', 'refunded')
ORDER BY id
"""
_PENDING = """
SELECT id FROM token_purchases
WHERE status = 'pending' AND gateway_id <> '' AND gateway = ANY(%s) AND created_at >= %s ORDER BY id LIMIT 500
"""
_EXPIRE = """
UPDATE token_purchases SET status = 'expired', problem = 'Nothing was paid in time.', updated_at = %(now)s
WHERE status = 'pending' AND created_at < %(before)s AND gateway <> 'manual'
"""


# Who else has orders: whether an order that no purchase belongs to is theirs.
KNOWN_ELSEWHERE: list[Callable[[Gateway, Payment], bool]] = []


def reconcile() -> None:
    """Every gateway that is on; one that does not answer does not hold up the others."""
    for gateway in gateways.enabled():
        try:
            reconcile_gateway(gateway)
        except AppError as error:
            log.error("billing.reconciliation_failed", gateway=gateway.name, code=error.code)
    # Only what was looked at to the last: a payment that comes still later is credited all the same.
    sql.execute(_EXPIRE, {"now": now(), "before": now() - WINDOW})


def reconcile_gateway(gateway: Gateway) -> None:
    """Orders of the last days, in both directions. Raises ProviderError."""
    since = now() - WINDOW
    seen = {_compare(gateway, payment) for payment in gateway.payments_since(since)}
    for purchase_id in sql.fetch_column(_OURS, [gateway.name, since]):
        if purchase_id not in seen:
            _look_up(gateway, purchase_id)


def settle_pending() -> int:
    """Ask for purchases whose buyer closed the tab and whose webhook got lost; the answer is how many were paid."""
    names = [gateway.name for gateway in gateways.enabled()]
    settled = 0
    for purchase_id in sql.fetch_column(_PENDING, [names, now() - _WAITING]):
        try:
            settled += complete_purchase(purchase_id) == "paid"
        except AppError as error:
            log.warning("billing.purchase_unresolved", purchase_id=purchase_id, code=error.code)
    return settled


def _compare(gateway: Gateway, payment: Payment) -> int | None:
    """The purchase of the gateway's order, brought to what the gateway says."""
    purchase_id = find_purchase(gateway.name, order_id=payment.order_id, reference=payment.reference)
    if purchase_id is None:
        _unknown(gateway, payment)
        return None
    adopt_order(purchase_id, order_id=payment.order_id)
    before = get_purchase(purchase_id)
    after = apply_payment(gateway, before, payment)
    if before.is_credited and payment.status != "paid":
        detail = "Paid here, but the gateway does not say so."
        report(
            "paid_here_only",
            gateway=gateway.name,
            subject=payment.order_id,
            purchase_id=purchase_id,
            detail=detail,
        )
    elif after == "paid" and not before.is_credited:
        detail = "Paid at the gateway and not here; credited now. Did its webhooks arrive?"
        report(
            "credited_late",
            gateway=gateway.name,
            subject=payment.order_id,
            purchase_id=purchase_id,
            detail=detail,
        )
    return purchase_id


def _unknown(gateway: Gateway, payment: Payment) -> None:
    """Only a paid order is anybody's concern; on a shared account it may be another installation's."""
    if any(is_known(gateway, payment) for is_known in KNOWN_ELSEWHERE):
        return
    if payment.status == "paid":
        detail = (
            f"Paid {payment.amount} {payment.currency} (minor units) for an order that is not known here."
        )
        report("unknown_order", gateway=gateway.name, subject=payment.order_id, detail=detail)


def _look_up(gateway: Gateway, purchase_id: int) -> None:
    """Ours is not in the list: asked for by name before it is called a difference."""
    purchase = get_purchase(purchase_id)
    try:
        complete_purchase(purchase_id)
    except AppError as error:
        if getattr(error, "kind", "") != "permanent":
            raise
        report(
            "missing_order",
            gateway=gateway.name,
            subject=purchase.gateway_id,
            purchase_id=purchase_id,
            detail=f"The gateway does not know this order: {error.message}",
        )
